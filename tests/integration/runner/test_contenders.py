"""Processes that want one installation at once, by the requests that reach a real API server.

Holders that stand still, are cut off, run elsewhere with another clock, or die. Every scenario
takes the time of a whole lease, so all play at once, each in a namespace of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from skill_runner.installations.lease import lease_ref, new_lease
from skill_runner.objects import Ref
from skill_runner.plan import Installation
from tests.integration.runner.conftest import Hands
from tests.integration.runner.processes import Command, left_of, running
from tests.integration.runner.proxy import Call, Log
from tests.support.driver import Driver

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("busybox")]

HOUR: Final = 3600.0
CROWD: Final = 8


@dataclass(frozen=True, slots=True)
class Arena:
    """One installation in a namespace of its own, and all that its contenders ask."""

    driver: Driver
    hands: Hands
    folder: Path
    name: str
    log: Log = field(default_factory=Log)

    def run(
        self, who: str, *sets: str, host: str = "", skew: float = 0
    ) -> AbstractAsyncContextManager[Command]:
        """One who wants it."""
        given = [part for each in sets for part in ("--set", each)]
        return running(
            self.driver,
            self.log,
            self.folder,
            who,
            "run",
            "vault",
            "--name",
            self.name,
            "--namespace",
            self.name,
            *given,
            host=host,
            skew=skew,
        )

    async def until_at_work(self, command: Command, where: str) -> None:
        """Until it has written to this path more than once."""
        met: set[Call] = set()

        def again(what: str, call: Call) -> bool:
            if what == "answered" and call.writes and where in call.path:
                met.update({call} if call.who == command.proxy.who else ())
            return len(met) > 1

        working = asyncio.ensure_future(self.log.until(again))
        ended = asyncio.ensure_future(command.process.wait())
        try:
            await asyncio.wait({working, ended}, return_when=asyncio.FIRST_COMPLETED)
            assert working.done(), await command.outcome()
        finally:
            working.cancel()
            ended.cancel()

    def wrong(self) -> list[str]:
        """Writes of those who did not hold the lock when they were sent or when they were done."""
        found, holder = [], ""
        for what, call in self.log.events:
            if not call.writes:
                continue
            if not call.of_lock:
                if call.who != holder:
                    found.append(f"{what} while {holder or 'nobody'} has the lock: {call}")
            elif what == "answered" and call.status < 300:
                if call.method != "DELETE":
                    holder = call.who
                elif holder == call.who:
                    holder = ""
        return found

    def workers(self) -> list[str]:
        """Who wrote, in turn."""
        writes = (c.who for c in self.log.writes() if not c.of_lock)
        return [who for who, _ in itertools.groupby(writes)]


def lost(outcome: dict[str, Any]) -> bool:
    """Whether a run was stopped since it lost its lock."""
    return (outcome["status"], outcome["problem"]["code"]) == ("failed", "LOCKED") and str(
        outcome["problem"]["cause"]
    ).startswith("the lock of")


# What an unfinished run was asked for, the next one goes on with, unless it is told otherwise.
DONE: Final = ("busy=false", "slow=false")


async def stands_still(arena: Arena, where: str, *sets: str) -> None:
    """A holder that is stopped (SIGSTOP), and goes on when another has finished."""
    async with arena.run("first", *sets) as first:
        await arena.until_at_work(first, where)
        first.signal(signal.SIGSTOP)
        async with arena.run("second", *DONE) as second:
            outcome = await second.outcome()
        assert outcome["status"] == "ready", outcome
        first.signal(signal.SIGCONT)
        assert lost(await first.outcome())
    assert arena.workers() == ["first", "second"]


async def in_a_hook(arena: Arena) -> None:
    await stands_still(arena, "configmaps/settings", "busy=true")


async def in_helm(arena: Arena) -> None:
    """What it started (Helm) goes on without it, and is ended before the lock can be taken."""
    await stands_still(arena, "batch/v1/namespaces", "slow=true")


async def is_cut_off(arena: Arena) -> None:
    """A holder elsewhere that hears nothing any more stops by itself."""
    async with arena.run("first", "busy=true", host="elsewhere") as first:
        await arena.until_at_work(first, "configmaps/settings")
        first.proxy.cut()
        async with arena.run("second", *DONE) as second:
            mine, other = await asyncio.gather(second.outcome(), first.outcome())
    assert lost(other), other
    assert mine["status"] == "ready", mine
    assert arena.workers() == ["first", "second"]


async def has_another_clock(arena: Arena) -> None:
    """A holder elsewhere, an hour ahead: alive it is left alone, dead it is taken over."""
    async with arena.run("first", "busy=true", host="elsewhere", skew=HOUR) as first:
        await arena.until_at_work(first, "configmaps/settings")
        async with arena.run("second", *DONE, skew=-HOUR) as second:
            refused = await second.outcome()
        assert (refused["exit_code"], refused["problem"]["code"]) == (7, "LOCKED")
        assert "on elsewhere" in refused["problem"]["cause"]
        first.signal(signal.SIGKILL)
        first.proxy.end()
        async with arena.run("third", *DONE, skew=-HOUR) as third:
            outcome = await third.outcome()
    assert outcome["status"] == "ready", outcome
    assert arena.workers() == ["first", "third"]


async def is_wanted_by_many(arena: Arena) -> None:
    """Of many who want the lock of a dead holder, one works at a time."""
    installation = Installation(arena.name, arena.name)
    dead = new_lease(lease_ref(installation), "elsewhere_7_7_realm_token", 0.0)
    await asyncio.to_thread(arena.hands.create, dead)

    async def want(number: int) -> dict[str, Any]:
        async with arena.run(f"number-{number}", f"level={number}") as command:
            return await command.outcome()

    outcomes = await asyncio.gather(*map(want, range(CROWD)))
    ready = [each for each in outcomes if each["status"] == "ready"]
    refused = [each for each in outcomes if each["exit_code"] == 7]
    assert (len(ready) + len(refused), bool(ready)) == (CROWD, True), outcomes
    assert len(arena.workers()) == len(ready)


SCENARIOS: Final[dict[str, Callable[[Arena], Awaitable[None]]]] = {
    each.__name__: each
    for each in (in_a_hook, in_helm, is_cut_off, has_another_clock, is_wanted_by_many)
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def playing(
    driver: Driver, hands: Hands, busybox: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[dict[str, asyncio.Task[Arena]]]:
    """All scenarios, under way."""

    async def play(name: str) -> Arena:
        space = name.replace("_", "-")
        arena = Arena(driver, hands, tmp_path_factory.mktemp(space), space)
        await asyncio.to_thread(driver.make_namespace, space)
        try:
            await SCENARIOS[name](arena)
            return arena
        finally:
            await asyncio.to_thread(hands.delete, Ref("v1", "Namespace", space))

    tasks = {name: asyncio.create_task(play(name)) for name in SCENARIOS}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("name", SCENARIOS)
async def test_never_two_writers(playing: dict[str, asyncio.Task[Arena]], name: str) -> None:
    arena = await playing[name]
    assert arena.wrong() == []
    await asyncio.to_thread(arena.hands.until, lambda: not _left(arena))


def _left(arena: Arena) -> Iterable[str]:
    whos = {call.who for _, call in arena.log.events}
    return [each for who in whos for each in left_of(arena.folder, who)]
