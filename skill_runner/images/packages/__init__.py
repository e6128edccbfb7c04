"""Packages that a recipe asks for: Debian, Maven Central, npm."""
