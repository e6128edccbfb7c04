"""The context of a platform's proof: its installations, and the ways between them, each seen once.

async def complete_a_lesson(ctx: PlatformContext) -> str:
    async with ctx.edge("stored") as seen:
        database = ctx.of("postgres-k8s-setup")
        ...
        seen("1 row")
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from skill_runner.backends.base import Clock
from skill_runner.backends.fence import Fence
from skill_runner.errors import HookFailed
from skill_runner.hooks.context import Context, RetryLater
from skill_runner.outcome import EdgeResult
from skill_runner.progress import Note, Report, StepFinished, StepResult, StepStarted, StepStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformContext:
    """Handed to every hook of a platform. The cluster is reached through its installations alone.

    `members` are their Contexts by name, `edges` the ways that the proof declares, by id, with what
    was seen of each so far; `folder` is that of the run, for files to keep.
    """

    platform: str
    members: Mapping[str, Context]
    clock: Clock
    report: Report
    folder: Path
    edges: dict[str, EdgeResult] = field(default_factory=dict)

    def of(self, name: str) -> Context:
        """Return the Context of an installation: its outputs, and the cluster as it may use it.

        LookupError when the platform has none of that name.

            broker = ctx.of("kafka-k8s-setup")
        """
        if name not in self.members:
            known = ", ".join(self.members)
            raise LookupError(f"the platform has no installation {name!r} (it has: {known})")
        return self.members[name]

    def note(self, text: str) -> None:
        """Tell the person watching."""
        self.report(Note(text))

    @asynccontextmanager
    async def edge(self, name: str) -> AsyncIterator[Callable[[str], None]]:
        """Walk one way of the diagram; what the block says of it by `seen(…)` is its line.

        Whatever ends the block otherwise breaks the edge, and is its cause. HookFailed when the
        block says nothing; LookupError when the proof declares no such edge.

            async with ctx.edge("opens") as seen:
                seen("200, and the heading LearnFlow")
        """
        if name not in self.edges:
            raise LookupError(
                f"the proof declares no edge {name!r} (it has: {', '.join(self.edges)})"
            )
        edge = replace(self.edges[name], status="broken", message="", seconds=0.0)
        words: list[str] = []
        self.report(StepStarted(name, f"{edge} by {edge.by}"))
        began = self.clock.monotonic()
        try:
            yield words.append
            if not words:
                raise HookFailed(f"the hook does not say what it saw on the edge {name}")
            edge = replace(edge, status="seen", message="; ".join(words))
        except asyncio.CancelledError:
            edge = replace(edge, message="not done in time")
            raise
        except Exception as error:
            edge = replace(edge, message=(str(error).splitlines() or [type(error).__name__])[0])
            raise
        finally:
            edge = replace(edge, seconds=self.clock.monotonic() - began)
            self.edges[name] = edge
            if not isinstance(sys.exception(), RetryLater):  # it is walked again
                done: StepStatus = "done" if edge.status == "seen" else "failed"
                step = StepResult(id=name, status=done, seconds=edge.seconds, message=edge.message)
                self.report(StepFinished(step))

    def behind(self, fence: Fence) -> Self:
        """Return the same with every door to the cluster behind a fence."""
        members = {name: member.behind(fence) for name, member in self.members.items()}
        return replace(self, members=members)
