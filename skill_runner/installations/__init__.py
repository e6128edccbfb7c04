"""Installations as they are in a cluster: their records, locks, releases, volumes and removal."""
