"""One run of the big skill in a process of its own; it prints what it came to, and its memory.

Started with the kubeconfig, the folder of the skills and a folder for the run.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from skill_runner.actions.request import Request
from skill_runner.actions.run import run
from skill_runner.backends.clock import SystemClock
from skill_runner.backends.kube import connect
from skill_runner.backends.world import World
from skill_runner.execution.state import Options
from skill_runner.runs.folder import Run
from skill_runner.skill.library import Library
from skill_runner.testing import MemoryCluster, MemoryHelm
from skill_runner.testing.images import MemoryImages

APPLIES = "applies-setup"  # without a release: nothing here is Helm's


async def main(kubeconfig: str, skills: str, folder: str) -> None:
    began = time.monotonic()
    cluster = await connect(kubeconfig)
    world = World(
        helm=MemoryHelm(MemoryCluster()),
        cluster=cluster,
        images=MemoryImages(),
        clock=SystemClock(),
        connect=lambda: connect(kubeconfig),
    )
    library = Library((Path(skills),))
    request = Request(skill=library.find(APPLIES), name=APPLIES, namespace=None)
    outcome = await run([request], world, library, Run("run", Path(folder)), Options())
    await cluster.close()
    spent = time.monotonic() - began
    problem = str(outcome.problem or "")
    came_to = {"status": outcome.status, "problem": problem, "mib": peak(), "seconds": spent}
    sys.stdout.write(json.dumps(came_to))


def peak() -> float:
    """The most memory that this process had, in MiB. That of getrusage counts its parent's."""
    status = Path("/proc/self/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
