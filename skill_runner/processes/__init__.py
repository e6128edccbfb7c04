"""Processes that we start: isolated from the current folder, ended with all that they started."""
