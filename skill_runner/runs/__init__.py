"""A run on this machine: its folder, its journal, the process that holds it, detached work."""
