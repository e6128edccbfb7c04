"""From an error to what its callers read: one problem, a status and an exit code."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from skill_runner.errors import (
    ApiError,
    AssetError,
    BuildFailed,
    ChartError,
    ClusterUnreachable,
    Forbidden,
    HelmError,
    HookFailed,
    LockHeld,
    LockLost,
    NotReadyInTime,
    PreflightFailed,
    Refused,
    ReleaseLocked,
    SkillError,
    UsageError,
)
from skill_runner.outcome import Code, NextAction, Outcome, Problem, Status
from skill_runner.outcome.fix import fix_of
from skill_runner.progress import StepResult
from skill_runner.text.quoting import excerpt

CODES: Final[Mapping[type[SkillError], Code]] = {
    UsageError: "USAGE",
    Refused: "REFUSED",
    ClusterUnreachable: "CLUSTER_UNREACHABLE",
    Forbidden: "FORBIDDEN",
    ChartError: "CHART_ERROR",
    ReleaseLocked: "RELEASE_LOCKED",
    LockHeld: "LOCKED",
    LockLost: "LOCKED",
    NotReadyInTime: "NOT_READY_IN_TIME",
    BuildFailed: "BUILD_FAILED",
    AssetError: "BUILD_FAILED",
    HookFailed: "HOOK_FAILED",
    PreflightFailed: "POLICY_VIOLATION",
}
# Errors whose text is a server's or a tool's.
FOREIGN: Final[Mapping[type[SkillError], str]] = {ApiError: "the API server", HelmError: "Helm"}
WORDS: Final = 240  # characters of theirs in a cause
RETRYABLE: Final = frozenset({"CLUSTER_UNREACHABLE", "LOCKED", "NOT_READY_IN_TIME"})


def status_of(error: SkillError) -> tuple[Status, int]:
    """The outcome's status and the exit code that an error means."""
    if isinstance(error, NotReadyInTime):
        return "not_ready", error.exit_code
    if error.exit_code in (2, 3, 6, 7):
        return "refused", error.exit_code
    return "failed", error.exit_code


def problem_of(error: SkillError) -> Problem:
    """The Problem that the error carries, or one made of its words."""
    if isinstance(error.problem, Problem):
        return error.problem
    known = [CODES[kind] for kind in type(error).__mro__ if kind in CODES]
    code: Code = known[0] if known else "RESOURCE_FAILED"
    speaker = _speaker(error)
    lines = _lines(error.sentence)
    listed = error.listed if isinstance(error, BuildFailed) else error.listed[1:]
    said = [f"{speaker}: {line}" for line in lines] if speaker else [*lines[1:], *listed]
    return Problem(
        code=code,
        resource="",
        cause=cause_of(error),
        evidence=tuple(said[:11]),
        retryable=code in RETRYABLE,
        fix=fix_of(code),
        next=(NextAction(run=error.run, safe=True),) if error.run else (),
    )


def _speaker(error: SkillError) -> str:
    """Name who worded the error, where that is not us."""
    return next((FOREIGN[kind] for kind in type(error).__mro__ if kind in FOREIGN), "")


def cause_of(error: BaseException, *, own: bool = False) -> str:
    """The first line of an error, as a cause: quoted where others worded it. A cancellation has
    none: whoever cancelled says why. With `own`, a hook's own words, without its name."""
    if isinstance(error, asyncio.CancelledError):
        return ""
    sentence = error.sentence if isinstance(error, SkillError) else str(error)
    lines = _lines(error.said if own and isinstance(error, HookFailed) else sentence)
    if not lines:
        return type(error).__name__
    if isinstance(error, SkillError) and (speaker := _speaker(error)):
        return f"{speaker} says {excerpt(lines[0], WORDS)}"
    if isinstance(error, SkillError) and error.listed:  # the first of a list says what is meant
        first = error.listed[0]
        return f"{lines[0]}: {excerpt(first, WORDS) if isinstance(error, BuildFailed) else first}"
    return lines[0]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def outcome_of(error: SkillError, *, installation: str = "", run: str = "") -> Outcome:
    """The outcome of a command that ended before anything began."""
    status, code = status_of(error)
    problem = problem_of(error)
    notes = (error.hint,) if error.hint and error.hint != problem.fix else ()
    return Outcome(
        status=status,
        exit_code=code,
        installation=installation,
        run=run,
        problem=problem,
        notes=notes,
    )


def interrupted(
    installation: str = "", steps: Iterable[StepResult] = (), *, by: str = "a signal"
) -> Outcome:
    """The outcome of a command that was ended `by` a signal."""
    problem = Problem(
        code="INTERRUPTED", resource=installation, cause=f"interrupted by {by}", retryable=True
    )
    return Outcome(
        status="interrupted",
        exit_code=130,
        installation=installation,
        problem=problem,
        steps=tuple(steps),
        notes=("the next run continues from here",),
    )


def out_of_time(
    seconds: float, installation: str = "", steps: Iterable[StepResult] = ()
) -> Outcome:
    """The outcome of a command that its --deadline ended."""
    problem = Problem(
        code="NOT_READY_IN_TIME",
        resource=installation,
        retryable=True,
        cause=f"the command did not end within its deadline of {seconds:g} s",
        fix="Run it again: it continues from here. Or give it a longer --deadline.",
    )
    return Outcome(
        status="not_ready",
        exit_code=5,
        installation=installation,
        problem=problem,
        steps=tuple(steps),
    )


def bug(error: Exception, where: str, *, installation: str = "") -> Outcome:
    """The outcome of an exception that is a fault of ours; `where` says where more is."""
    problem = Problem(
        code="INTERNAL",
        resource=installation,
        cause=f"a bug in skill: {type(error).__name__}: {error}",
        evidence=(where,),
    )
    return Outcome(status="error", exit_code=70, installation=installation, problem=problem)
