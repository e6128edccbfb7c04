"""The places of a cluster's files, and its lock."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from skill_runner.binaries import cache_folder
from skill_runner.progress import Note, Report


def clusters_folder() -> Path:
    """The folder of all clusters' state: SKILL_CLUSTERS_DIR, or /var/lib/kube-skills."""
    return Path(os.environ.get("SKILL_CLUSTERS_DIR") or "/var/lib/kube-skills").absolute()


def run_folder(name: str) -> Path:
    """A cluster's sockets: short, because a socket's path has at most 107 bytes."""
    return Path("/run/kube-skills") / name


@asynccontextmanager
async def lock_cluster(name: str, report: Report) -> AsyncIterator[None]:
    """One start or stop of a cluster at a time. The lock's file stays, in the cache."""
    folder = cache_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"cluster-{name}.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report(Note(f"another `skill cluster` is at work on {name!r}; waiting for it"))
        await asyncio.to_thread(lock.acquire, -1)
    try:
        yield
    finally:
        lock.release()


@asynccontextmanager
async def lock_addresses() -> AsyncIterator[None]:
    """Two clusters that start at once must not choose the same addresses."""
    folder = cache_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "addresses.lock", thread_local=False)
    await asyncio.to_thread(lock.acquire, -1)
    try:
        yield
    finally:
        lock.release()
