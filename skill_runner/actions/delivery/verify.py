"""Verify what Argo CD delivered of one commit: that it arrived, is ready, and is proven.

Application at the commit ─▶ hooks that no commit holds ─▶ objects ready, proofs ─▶ Argo CD agrees
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from skill_runner.actions import verify as recorded
from skill_runner.actions.delivery.applications import API, NAME_LABEL, SPACE_LABEL
from skill_runner.actions.delivery.folder import LISTING
from skill_runner.backends.world import World, cluster_of
from skill_runner.errors import NotReadyInTime, SkillError, SkillFileError, StepFailed, UsageError
from skill_runner.objects import Object, Ref
from skill_runner.outcome import Code, Outcome, Problem, SkillResult, from_error
from skill_runner.plan import Installation
from skill_runner.progress import Note
from skill_runner.readiness.status import Verdict
from skill_runner.readiness.status.delivered import at_revision, is_compared
from skill_runner.runs.folder import Run
from skill_runner.skill.library import Library
from skill_runner.skill.yaml_source import YamlFault, read_one

KIND: Final = "Application"
REFRESH: Final = "argocd.argoproj.io/refresh"  # Argo CD takes it away once it has looked
BUDGET: Final = 20.0  # seconds that an error may last: of a service that has just started
LOOK_EVERY: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Verify `revision`, a commit in full. With `observe` nothing is written, Argo CD is not asked
    to look at once, and no hook is called. `timeout` in seconds is that of each wait."""

    revision: str
    observe: bool
    timeout: float


async def verify(
    world: World, run: Run, library: Library, targets: Sequence[Installation], ask: Ask
) -> Outcome:
    """Verify each in order; the first that is not well ends it, and is the outcome."""
    lines: list[SkillResult] = []
    outcome = Outcome(status="ready", cluster=cluster_of(world))
    for target in targets:
        began = world.clock.monotonic()
        outcome = await _verify(world, run, library, target, ask)
        seconds = world.clock.monotonic() - began
        problem = outcome.problem
        lines.append(
            SkillResult(
                installation=str(target),
                skill="",
                version=outcome.version,
                status=outcome.status,
                seconds=seconds,
                message=f"{problem.code}: {problem.cause}" if problem else "",
            )
        )
        if outcome.status != "ready":
            break
    return outcome if len(targets) == 1 else _of_all(outcome, lines, len(targets))


def _of_all(last: Outcome, lines: Sequence[SkillResult], total: int) -> Outcome:
    seconds = sum(line.seconds for line in lines)
    outcome = replace(last, skills=tuple(lines), seconds=seconds)
    if last.status != "ready":
        return outcome
    note = f"{total} installations are delivered and proven"
    return replace(outcome, installation="", version="", proof={}, outputs={}, notes=(note,))


async def _verify(
    world: World, run: Run, library: Library, target: Installation, ask: Ask
) -> Outcome:
    waiting = _Waiting(world, target, ask)
    try:
        await waiting.until(lambda app: is_compared(app, ask.revision))
        outcome = await recorded.verify(
            world,
            run,
            library,
            target.name,
            target.namespace,
            observe=ask.observe,
            timeout=ask.timeout,
            hooks=not ask.observe,
        )
        if outcome.status == "ready":
            await waiting.until(lambda app: at_revision(app, ask.revision))
    except SkillError as error:
        return from_error.outcome_of(error, installation=str(target))
    if outcome.status != "ready":
        return outcome
    note = f"{waiting.ref} delivered commit {ask.revision[:8]}"
    return replace(outcome, notes=(note, *outcome.notes))


@dataclass(slots=True)
class _Waiting:
    """The Application of one installation, and what is waited for of it."""

    world: World
    target: Installation
    ask: Ask
    ref: Ref | None = None
    refreshed: bool = False

    async def until(self, verdict_of: Callable[[Object], Verdict]) -> None:
        """Return once the verdict is ready; StepFailed for an error that lasts, NotReadyInTime."""
        clock = self.world.clock
        started = steady = clock.monotonic()
        said = ""
        while True:
            verdict = await self._look(verdict_of)
            if verdict.is_ready:
                return
            if verdict.message != said:
                said = verdict.message
                self.world.report(Note(f"{self._name}: {said}"))
            now = clock.monotonic()
            steady = steady if verdict.state == "failed" else now
            if now > steady + BUDGET:
                raise StepFailed(said, problem=self._problem("RESOURCE_FAILED", said))
            if now > started + self.ask.timeout:
                raise NotReadyInTime(said, problem=self._problem("NOT_READY_IN_TIME", said))
            await clock.sleep(LOOK_EVERY)

    async def _look(self, verdict_of: Callable[[Object], Verdict]) -> Verdict:
        app = await self._application()
        if app is None:
            return Verdict("progressing", "Argo CD has no Application of it yet")
        self.ref = Ref(API, KIND, app["metadata"]["name"], app["metadata"]["namespace"])
        if not self.refreshed and not self.ask.observe:
            self.refreshed = True
            await self._refresh(app)
            return Verdict("progressing", "asking Argo CD to check its repository")
        if REFRESH in (app["metadata"].get("annotations") or {}):
            return Verdict("progressing", "Argo CD has not checked its repository yet")
        return verdict_of(app)

    async def _application(self) -> Object | None:
        labels = f"{NAME_LABEL}={self.target.name},{SPACE_LABEL}={self.target.namespace}"
        found = (await self.world.cluster.list(API, KIND, labels=labels)).items
        return found[0] if found else None

    async def _refresh(self, app: Object) -> None:
        meta = {
            **app["metadata"],
            "annotations": {
                **(app["metadata"].get("annotations") or {}),
                REFRESH: "normal",
            },
        }
        await self.world.cluster.replace({"apiVersion": API, "kind": KIND, **app, "metadata": meta})

    @property
    def _name(self) -> str:
        return str(self.ref or f"Application of {self.target}")

    def _problem(self, code: Code, said: str) -> Problem:
        return Problem(code=code, resource=self._name, cause=said, retryable=True)


def targets_of(what: str, namespace: str | None) -> tuple[Installation, ...]:
    """The installations that a rendered folder lists, or the one that is named."""
    file = Path(what, LISTING)
    if not file.is_file():
        if namespace is None:
            raise UsageError(
                f"{what} was not written by `skill render`: it has no {file}",
                hint="Name the folder that `skill render --to` wrote, or an installation with -n.",
            )
        return (Installation(namespace, what),)
    try:
        data: Any = read_one(file.read_text(encoding="utf-8")).data
        listed = sorted(data["installations"], key=lambda each: int(each["wave"]))
        return tuple(Installation.parse(str(each["installation"])) for each in listed)
    except (YamlFault, OSError, KeyError, TypeError, ValueError) as error:
        raise SkillFileError(f"{file} is not a list of installations: {error}") from None


def check_revision(revision: str) -> str:
    """The commit; UsageError where it is not one in full, which is all that Argo CD tells."""
    if len(revision) == 40 and set(revision) <= set("0123456789abcdef"):
        return revision
    raise UsageError(
        f"--revision {revision} is not a full commit hash", hint="`git rev-parse HEAD` prints it."
    )
