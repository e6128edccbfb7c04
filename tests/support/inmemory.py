"""`skill` on a cluster in memory, as a process of its own: `python -m tests.support.inmemory`.

$LEFT names a file that gets the kinds of the objects that are left at the end, $GATE a FIFO that
the skill's hook reads.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from skill_runner.backends.world import World
from skill_runner.cli import connect
from skill_runner.cli import main as cli
from skill_runner.cli.target import Asked
from skill_runner.progress import Connected, Report
from tests.support.graph import Stage, write_skill

NAME = "gated"
HOOKS = """
import asyncio, os

async def act(ctx):
    ctx.note("in the hook")
    pipe = os.fdopen(os.open(os.environ["GATE"], os.O_RDONLY | os.O_NONBLOCK))
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe)
    try:
        await reader.read(1)
    finally:
        transport.close()
    return "went on"
"""


BLOCKING_HOOKS = """
import os

def act(ctx):
    ctx.note("in the hook")
    with open(os.environ["GATE"]) as gate:
        gate.read()
    return "went on"
"""


def write_gated_skill(folder: Path, hooks: str = HOOKS) -> None:
    """A skill whose hook waits for the gate, as a coroutine or in a thread."""
    write_skill(folder, NAME)
    (folder / NAME / "hooks.py").write_text(hooks)


def main() -> None:
    stage = Stage.of(Path(), {})

    @asynccontextmanager
    async def world(asked: Asked, report: Report, registry: str = "") -> AsyncIterator[World]:
        report(Connected("memory", "https://memory.invalid:6443"))
        yield replace(stage.world, report=report)

    connect.world = world
    try:
        cli.main()
    finally:
        left = sorted(obj["kind"] for obj in stage.cluster.store.select(lambda *_: True))
        Path(os.environ["LEFT"]).write_text(json.dumps(left))


if __name__ == "__main__":
    main()
