"""Stop a process before and after its every request and every call of Helm: what follows converges.

For each operation: N points, N of N. From each, the next run, and the next remove, come to the same
objects as if nothing had been stopped; every volume that was there is there, the same one; nothing
of others differs in anything.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pytest

from skill_runner.errors import SkillError
from skill_runner.outcome import Outcome
from skill_runner.skill.library import Library
from skill_runner.skill.model import Skill
from tests.promises.kill import skills
from tests.promises.kill.stage import (
    LEASE,
    Operation,
    Stage,
    data,
    run,
    shape,
    strangers,
    take_away,
)
from tests.promises.kill.stops import Gate, Snapshot

pytestmark = pytest.mark.heavy

# A hard stop is tried at every point. So is a soft one with this variable set (six minutes);
# without it, at every write, every call of Helm, and some of the requests that only ask.
EVERY = bool(os.environ.get("SKILL_TEST_EVERY_POINT"))
SOME = 11


@dataclass(frozen=True)
class Case:
    """One operation from a start, and what may follow it when it was stopped."""

    before: tuple[Operation, ...]
    operation: Operation
    on_failure: str = "keep"
    purges: bool = False
    follows: Mapping[str, Operation] = field(default_factory=dict)


UP = run(2)
DOWN = take_away("demo", "bus")
INSTALLED = (run(1), UP)
FOLLOWS = {"run": UP, "remove": DOWN}
CASES = {
    "install": Case((), UP, follows=FOLLOWS),
    "change": Case((run(1),), UP, follows=FOLLOWS),
    "no-op": Case(INSTALLED, UP, follows=FOLLOWS),
    "fail and keep": Case(INSTALLED, run(skills.FAILS), "keep", follows=FOLLOWS),
    "fail and roll back": Case(INSTALLED, run(skills.FAILS), "rollback", follows=FOLLOWS),
    "fail and remove": Case((), run(skills.FAILS), "remove", follows=FOLLOWS),
    "remove": Case(INSTALLED, take_away("demo"), follows=FOLLOWS),
    "purge": Case(
        INSTALLED,
        take_away("demo", purge=True),
        purges=True,
        follows={"run": UP, "remove": take_away("demo", "bus", purge=True)},
    ),
    "cascade": Case(INSTALLED, take_away("bus"), follows=FOLLOWS),
}


class ReadOnce(Library):
    """A library whose skills do not change meanwhile."""

    def find(self, name_or_path: str) -> Skill:
        if name_or_path not in self._read:
            self._read[name_or_path] = super().find(name_or_path)
        return self._read[name_or_path]

    @cached_property
    def _read(self) -> dict[str, Skill]:
        return {}


@dataclass
class Theatre:
    """One case, played as often as it has points."""

    case: Case
    folder: Path
    library: Library
    failures: list[str] = field(default_factory=list)
    verified: dict[str, list[str]] = field(default_factory=dict)
    expected: dict[str, Snapshot] = field(default_factory=dict)

    @staticmethod
    def of(case: Case, folder: Path) -> Theatre:
        skills.write_skills(folder / "skills", case.on_failure)
        return Theatre(case, folder, ReadOnce((folder / "skills",)))

    def stage(self, state: Snapshot | None = None, wait: float = 0) -> Stage:
        return Stage.of(self.folder, self.library, state, wait)

    async def start(self) -> Snapshot:
        """What the operation finds: others' objects, and what ran before."""
        stage = self.stage()
        stage.plant(skills.strangers())
        for operation in self.case.before:
            outcome = await operation(stage, stage.process())
            assert outcome is not None
            assert outcome.exit_code == 0, outcome
        stage.plant(skills.strangers_of_definition(stage.cluster))
        return await stage.leave()

    async def undisturbed(self, start: Snapshot) -> Gate:
        """Every point of the operation, with the state of the cluster at each."""
        stage = self.stage(start)
        gate = Gate(stage.cluster, record=True)
        await self.case.operation(stage, stage.process(gate))
        end = await stage.leave()
        for name, follow in self.case.follows.items():
            stage = self.stage(end)
            await follow(stage, stage.process())
            self.expected[name] = await stage.leave()
        return gate

    async def verify(self, state: Snapshot, wait: float) -> list[str]:
        """What is wrong after each operation that may follow; each state is looked at once."""
        key = _key(state)
        if key not in self.verified:
            self.verified[key] = [
                problem
                for name, follow in self.case.follows.items()
                for problem in await self._follow(state, name, follow, wait)
            ]
        return self.verified[key]

    async def _follow(
        self, state: Snapshot, name: str, follow: Operation, wait: float
    ) -> list[str]:
        stage = self.stage(state, wait)
        outcome: Outcome | None = None
        try:
            outcome = await follow(stage, stage.process())
        except SkillError as error:
            return [f"{name} raised {type(error).__name__}: {error}"]
        finally:
            end = await stage.leave()
        if outcome is not None and outcome.exit_code:
            return [f"{name} was {outcome.status}: {outcome.problem}"]
        return [f"{name}: {problem}" for problem in self._differences(state, name, end)]

    def _differences(self, state: Snapshot, name: str, end: Snapshot) -> list[str]:
        want, have = shape(self.expected[name]), shape(end)
        wrong = [f"{each} is left" for each in have if each not in want | _leftovers(name, end)]
        kept = data(state)
        for each in want:
            # A removal of what was never made leaves less, but never less data.
            if each not in have and name == "run":
                wrong.append(f"{each} is missing")
            elif each in have and have[each] != want[each]:
                wrong.append(f"{each} differs: {_difference(have[each], want[each])}")
        if not self.case.purges:
            now = data(end)
            wrong += [
                f"the data of {ref} is lost" for ref, uid in kept.items() if now.get(ref) != uid
            ]
        theirs, before = strangers(end), strangers(state)
        wrong += [f"{ref} of others differs" for ref in before if theirs.get(ref) != before[ref]]
        return wrong


def _leftovers(name: str, end: Snapshot) -> dict[str, str]:
    """What a killed process may leave: a namespace with nothing in it, which the next run uses; and
    until a removal the Lease of what it had finished: a run that finds nothing to change takes no
    lock."""
    leases = {ref for ref in end.objects if ref.kind == "Lease"}
    inside = {ref.namespace for ref in end.objects if ref not in leases}
    spaces = {ref for ref in end.objects if ref.kind == "Namespace" and ref.name not in inside}
    return {str(ref): "" for ref in spaces | (leases if name == "run" else set())}


def _difference(have: str, want: str) -> str:
    """Where two texts begin to differ."""
    start = next((n for n, (a, b) in enumerate(zip(have, want, strict=False)) if a != b), 0)
    start = max(0, start - 40)
    return f"…{have[start : start + 160]}… instead of …{want[start : start + 160]}…"


def _key(state: Snapshot) -> str:
    kept = {str(ref): uid for ref, uid in data(state).items()}
    return json.dumps([shape(state), kept], sort_keys=True)


@pytest.mark.parametrize("name", CASES)
async def test_a_hard_stop(name: str, tmp_path: Path) -> None:
    theatre = Theatre.of(CASES[name], tmp_path)
    gate = await theatre.undisturbed(await theatre.start())
    wrong: dict[str, list[str]] = {}
    for number, (point, state) in enumerate(zip(gate.points, gate.states, strict=True)):
        if problems := await theatre.verify(state, LEASE):
            wrong[f"{number} {point}"] = problems
    _report(f"{name}, killed", len(gate.points), len(theatre.verified), wrong)


@pytest.mark.parametrize("name", CASES)
async def test_a_soft_stop(name: str, tmp_path: Path) -> None:
    theatre = Theatre.of(CASES[name], tmp_path)
    start = await theatre.start()
    points = (await theatre.undisturbed(start)).points
    wrong: dict[str, list[str]] = {}
    chosen = [n for n, point in enumerate(points) if EVERY or not _reads(point) or n % SOME == 0]
    for number in chosen:
        point = points[number]
        stage = theatre.stage(start)
        gate = Gate(stage.cluster, stop_at=number)
        work = asyncio.ensure_future(theatre.case.operation(stage, stage.process(gate)))
        gate.stop = lambda work=work: work.cancel()  # type: ignore[misc]
        await asyncio.wait({work})
        state = await stage.leave()
        problems = []
        if not work.cancelled():
            problems.append(f"it was not interrupted: {work.exception() or work.result()}")
        leases = [str(ref) for ref in state.objects if ref.kind == "Lease"]
        problems += [f"{each} is left" for each in leases]
        problems += await theatre.verify(state, LEASE if leases else 0)
        if problems:
            wrong[f"{number} {point}"] = problems
    _report(f"{name}, interrupted", len(chosen), len(theatre.verified), wrong)


def _reads(point: str) -> bool:
    """Whether the request at this point only asks."""
    return point.split()[1] in ("get", "list", "try", "watch", "review", "discover", "version")


def _report(what: str, points: int, states: int, wrong: Mapping[str, list[str]]) -> None:
    print(f"{what}: {points - len(wrong)} of {points} (from {states} states)")  # noqa: T201
    if wrong:
        reasons: dict[str, list[str]] = {}
        for point, why in wrong.items():
            reasons.setdefault("\n    ".join(text[:400] for text in why), []).append(point)
        shown = [f"at {len(at)} points, {at[0]} first:\n    {why}" for why, at in reasons.items()]
        pytest.fail(f"{len(wrong)} of {points} do not converge\n" + "\n".join(shown))
