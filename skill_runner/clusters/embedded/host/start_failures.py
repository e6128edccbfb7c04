"""Tell why a node will never be ready: a full disk, or a part that ends again and again.

Said within seconds, with the part's last words, instead of after the whole time-out.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Final

from skill_runner.clusters.embedded.host.limits import INOTIFY_HINT
from skill_runner.clusters.embedded.settings import Node
from skill_runner.errors import ClusterLifecycleError

LEAST_DISK: Final = 16 * 1024**2
ENDINGS: Final = 5
SHORT_LIFE: Final = 30.0
"""Seconds. What lived longer did start, and may have ended for a reason that passes."""

ENDED: Final = re.compile(r"^(\S+) ended with -?\d+ after ([\d.]+) s$", re.MULTILINE)
KLOG: Final = re.compile(r"^[EF]\d{4} \S+\s+\d+ \S+\] (.+)$", re.MULTILINE)
REMEDIES: Final = (
    ("inotify_init: too many open files", INOTIFY_HINT),
    ("no space left on device", "Free some disk, or set SKILL_CLUSTERS_DIR to another one."),
)


def why_hopeless(node: Node) -> ClusterLifecycleError | None:
    """The error to end with, or None while there is hope."""
    if shutil.disk_usage(node.path).free < LEAST_DISK:
        return disk_is_full(node.path)
    counted = Counter(
        name for name, lived in ENDED.findall(_read(node, "node")) if float(lived) < SHORT_LIFE
    )
    for name, times in counted.items():
        if times >= ENDINGS:
            words = last_words(_read(node, name))
            hint = next((hint for sign, hint in REMEDIES if sign in words), "")
            return ClusterLifecycleError(
                f"{name} of cluster {node.name!r} ended {times} times: {words}",
                hint=hint or f"`skill cluster logs --name {node.name} {name}` has all of it.",
            )
    return None


def disk_is_full(folder: Path) -> ClusterLifecycleError:
    return ClusterLifecycleError(f"the disk below {folder} is full", hint=REMEDIES[1][1])


def last_words(log: str) -> str:
    """The last error of a component's log, else its last line; at most 300 characters."""
    errors = KLOG.findall(log)
    lines = log.strip().splitlines() or ["(it said nothing)"]
    return str(errors[-1] if errors else lines[-1])[:300]


def _read(node: Node, log: str) -> str:
    try:
        return (node.logs / f"{log}.log").read_text(errors="replace")
    except OSError:
        return ""
