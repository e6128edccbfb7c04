"""A run, a change and a removal on a real cluster, killed at their writes: what follows converges.

tests/promises/kill does so in memory at every point; here the process, Helm and the API server are
real.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from skill_runner.objects import Object, Ref
from tests.integration.runner.conftest import Hands
from tests.integration.runner.processes import left_of, running
from tests.integration.runner.proxy import Call, Log
from tests.support.driver import Driver

# A spread of an operation's writes; all with this variable set. Half of the times the server never
# gets the request, half of the times nobody gets its answer.
EVERY: Final = bool(os.environ.get("SKILL_TEST_EVERY_POINT"))
SPREAD: Final = 4
AT_ONCE: Final = 3
KINDS: Final = ("Secret", "ConfigMap", "StatefulSet", "Pod", "PersistentVolumeClaim", "Lease")


@dataclass(frozen=True)
class Case:
    """One operation, and what goes before it."""

    before: tuple[str, ...]
    operation: tuple[str, ...]


RUN = ("run", "vault")
CASES: Final = {
    "run": Case((), (*RUN, "--set", "level=1")),
    "change": Case((*RUN, "--set", "level=1"), (*RUN, "--set", "level=2")),
    "remove": Case((*RUN, "--set", "level=1"), ("remove", "vault", "--yes")),
}


@dataclass(frozen=True)
class Place:
    """One installation in a namespace of its own that was there before."""

    driver: Driver
    hands: Hands
    folder: Path
    name: str

    async def make(self) -> None:
        await asyncio.to_thread(self.driver.make_namespace, self.name)

    async def clean(self) -> None:
        space = Ref("v1", "Namespace", self.name)
        await asyncio.to_thread(self.hands.delete, space)

    def _arguments(self, arguments: Collection[str]) -> tuple[str, ...]:
        command, _, *rest = arguments
        if command == "run":
            return ("run", "vault", "--name", self.name, "--namespace", self.name, *rest)
        return (command, self.name, "--namespace", self.name, *rest)

    async def do(self, who: str, *arguments: str) -> dict[str, Any]:
        """One command from its start to its end."""
        async with running(
            self.driver, Log(), self.folder, who, *self._arguments(arguments)
        ) as command:
            return await command.outcome()

    async def count(self, *arguments: str) -> list[Call]:
        """The writes of a command that nothing disturbs."""
        log = Log()
        async with running(
            self.driver, log, self.folder, "counted", *self._arguments(arguments)
        ) as command:
            outcome = await command.outcome()
            assert outcome["exit_code"] == 0, outcome
        return log.writes()

    async def kill(self, number: int, answered: bool, *arguments: str) -> Call | None:
        """Kill a command at one of its writes; which one it was."""
        met: list[Call] = []
        async with running(
            self.driver, Log(), self.folder, "killed", *self._arguments(arguments)
        ) as command:

            async def look(call: Call) -> None:
                if not call.writes or call.renews:
                    return
                met.append(call)
                if len(met) == number:
                    command.signal(signal.SIGKILL)
                    command.proxy.end()
                    await asyncio.Event().wait()

            if answered:
                command.proxy.after = look
            else:
                command.proxy.before = look
            await command.process.communicate()
            killed = command.process.returncode == -signal.SIGKILL
        await asyncio.to_thread(self.hands.until, lambda: not left_of(self.folder, "killed"))
        return met[number - 1] if killed else None

    def objects(self) -> dict[str, Object]:
        """What is in the namespace, but for what every one has."""
        return {
            f"{obj['kind']} {obj['metadata']['name'].replace(self.name, 'vault')}": obj
            for obj in self.hands.all(self.name, KINDS)
            if obj["metadata"]["name"] != "kube-root-ca.crt"
        }


def names(objects: dict[str, Object]) -> set[str]:
    """Which objects there are, but for Helm's own, which are numbered by what it tried."""
    return {name for name in objects if "sh.helm.release" not in name}


def volumes(objects: dict[str, Object]) -> dict[str, str]:
    return {n: o["metadata"]["uid"] for n, o in objects.items() if n.startswith("Persistent")}


async def verdict(place: Place, case: Case, number: int, answered: bool, want: set[str]) -> str:
    """What is wrong after a kill at this write; empty when nothing is."""
    await place.make()
    if case.before:
        assert (await place.do("before", *case.before))["exit_code"] == 0
    data = volumes(await asyncio.to_thread(place.objects))
    call = await place.kill(number, answered, *case.operation)
    if call is None:
        return "it was not killed"
    at = f"{'after' if answered else 'before'} {call}: "
    again = await place.do("again", *case.operation)
    gone = again["exit_code"] == 2 and "no installation" in str(again)
    if again["exit_code"] and not (gone and case.operation[0] == "remove"):
        return f"{at}again: {again}"
    if case.operation[0] == "run" and again["status"] not in ("ready", "unchanged"):
        return f"{at}again: {again['status']}"
    have = await asyncio.to_thread(place.objects)
    if names(have) != want:
        return f"{at}{names(have) ^ want} differ"
    if any(volumes(have).get(name) != uid for name, uid in data.items()):
        return f"{at}data is lost"
    purged = await place.do("purged", "remove", "vault", "--yes", "--purge")
    if purged["exit_code"]:
        return f"{at}purge: {purged}"
    if left := await asyncio.to_thread(place.objects):
        return f"{at}{sorted(left)} is left"
    return ""


def spread(writes: int) -> list[tuple[int, bool]]:
    """Which writes, the first and the last among them; and whether after it or before."""
    if EVERY:
        return [(number, answered) for number in range(1, writes + 1) for answered in (False, True)]
    numbers = [round(1 + n * (writes - 1) / (SPREAD - 1)) for n in range(SPREAD)]
    return [(number, turn % 2 == 1) for turn, number in enumerate(numbers)]


@pytest.mark.usefixtures("busybox")
@pytest.mark.parametrize("name", CASES)
async def test_killed_at_a_write(driver: Driver, hands: Hands, tmp_path: Path, name: str) -> None:
    case, places = CASES[name], asyncio.Semaphore(AT_ONCE)
    first = Place(driver, hands, tmp_path, f"ended-{name}")
    await first.make()
    if case.before:
        assert (await first.do("before", *case.before))["exit_code"] == 0
    writes = await first.count(*case.operation)
    want = names(await asyncio.to_thread(first.objects))

    async def one(number: int, answered: bool) -> str:
        point = f"{number}{'a' if answered else 'b'}"
        folder = tmp_path / point
        folder.mkdir()
        place = dataclasses.replace(first, folder=folder, name=f"ended-{name}-{point}")
        async with places:
            try:
                return await verdict(place, case, number, answered, want)
            finally:
                await place.clean()

    chosen = spread(len(writes))
    wrong = [each for each in await asyncio.gather(*(one(*how) for how in chosen)) if each]
    await first.clean()
    print(f"{name}: {len(chosen) - len(wrong)} of {len(chosen)} ({len(writes)} writes)")  # noqa: T201
    assert not wrong, "\n".join(wrong)
