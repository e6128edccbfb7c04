"""Times as Kubernetes writes them, as numbers."""

from __future__ import annotations

from datetime import datetime


def epoch(text: object) -> float | None:
    """Seconds since the epoch of an RFC 3339 time; None for anything else."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return None
