"""Readiness: wait for objects, diagnose what keeps them from it, read the status of each."""
