"""Everything that the package raises on purpose, as one tree; each leaf carries its exit code.

SkillError                          exit 1   base of all
├── UsageError                      exit 2   an input or a skill file is wrong; nothing was touched
│   ├── SkillFileError                       skill.yaml or hooks.py: every problem at once
│   ├── InputError                           an input is unknown, of the wrong type, out of range
│   └── UnknownSkill                         no such skill, or two folders claim one name
├── Refused                         exit 6   context not named, change not allowed, stale plan
├── PreflightFailed                 exit 3   known before the first change; nothing was touched
├── ClusterError                    exit 4   no cluster answers, or it forbids
│   ├── ClusterUnreachable
│   └── Forbidden
├── ApiError                        exit 1   the API server refused one request
│   ├── NotFound
│   ├── Conflict
│   └── Gone
├── HelmError                       exit 1   Helm refused or failed
│   ├── ChartError                           the chart is missing, or does not render
│   └── ReleaseLocked               exit 7   another live Helm operation holds the release
├── StepFailed                      exit 1   a step or a proof failed; carries the Problem
├── NotReadyInTime                  exit 5   run again to go on waiting
├── BadRecord                       exit 1   a record in the cluster cannot be read or trusted
├── LockHeld                        exit 7   another live run holds the lock
├── LockLost                        exit 1   our Lease was taken over; nothing more is written
├── AssetError                      exit 1   a pinned tool could not be had; says what was tried
├── BuildFailed                     exit 1   an image could not be built
├── ClusterLifecycleError           exit 1   an ephemeral cluster could not be started or stopped
└── HookFailed                      exit 1   a hook raised, or gave up
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar


def with_list(sentence: str, listed: Iterable[str]) -> str:
    """A sentence and the lines that it introduces."""
    lines = "".join(f"\n  {line}" for line in listed)
    return f"{sentence}:{lines}" if lines else sentence


class SkillError(Exception):
    """An error in one sentence, with the file or object; `hint` is the next step.

    `listed` are the lines that the sentence introduces: every mistake, or the last words of a tool.
    `message` is all of it, `sentence` what stands before them. `run` is the next step where it is a
    command. `problem` is the outcome.Problem, where who raises it knows it.
    """

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "FAILED"

    def __init__(
        self,
        sentence: str,
        *,
        hint: str = "",
        listed: Iterable[str] = (),
        run: str = "",
        problem: Any = None,
    ) -> None:
        self.sentence = sentence
        self.listed = tuple(listed)
        self.message = with_list(sentence, self.listed)
        self.hint = hint
        self.run = run
        self.problem = problem
        super().__init__(self.message)

    def __str__(self) -> str:
        return "\n".join(text for text in (self.message, self.hint or self.run) if text)


class UsageError(SkillError):
    exit_code = 2
    code = "USAGE"


class SkillFileError(UsageError):
    """Every mistake of one skill at once; each is a whole line, with its file and its place."""

    code = "SKILL_FILE"


class InputError(UsageError):
    """Every mistake in the caller's inputs at once."""

    code = "INPUT"


class UnknownSkill(UsageError):
    code = "UNKNOWN_SKILL"


class Refused(SkillError):
    exit_code = 6
    code = "REFUSED"


class PreflightFailed(SkillError):
    """Refused before the first change."""

    exit_code = 3
    code = "PREFLIGHT"


class ClusterError(SkillError):
    exit_code = 4
    code = "CLUSTER"


class ClusterUnreachable(ClusterError):
    code = "CLUSTER_UNREACHABLE"


class Forbidden(ClusterError):
    code = "FORBIDDEN"


class ApiError(SkillError):
    """The API server answered one request with an error; `status` is the HTTP status."""

    code = "API"

    def __init__(self, message: str, *, status: int = 0, reason: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reason = reason


class NotFound(ApiError):
    code = "NOT_FOUND"


class Conflict(ApiError):
    code = "CONFLICT"


class Gone(ApiError):
    """410: a watch's resource version is too old; list again."""

    code = "GONE"


class HelmError(SkillError):
    code = "HELM"


class ChartError(HelmError):
    code = "CHART_ERROR"


class ReleaseLocked(HelmError):
    exit_code = 7
    code = "RELEASE_LOCKED"


class StepFailed(SkillError):
    """A step or a proof failed."""

    code = "STEP_FAILED"


class NotReadyInTime(StepFailed):
    exit_code = 5
    code = "NOT_READY_IN_TIME"


class BadRecord(SkillError):
    """Refused where it is named itself; noted and skipped in lists."""

    code = "BAD_RECORD"


class LockHeld(SkillError):
    exit_code = 7
    code = "LOCK_HELD"


class LockLost(SkillError):
    code = "LOCK_LOST"


class AssetError(SkillError):
    code = "ASSET"


class BuildFailed(SkillError):
    code = "BUILD_FAILED"


class ClusterLifecycleError(SkillError):
    code = "CLUSTER_LIFECYCLE"


class HookFailed(SkillError):
    """`said` are the hook's own words; the error begins with what it is `called`."""

    code = "HOOK_FAILED"

    def __init__(
        self,
        said: str,
        *,
        called: str = "",
        listed: Iterable[str] = (),
        problem: Any = None,
        hint: str = "",
    ) -> None:
        sentence = f"{called}: {said}" if called else said
        super().__init__(sentence, hint=hint, listed=listed, problem=problem)
        self.said = said
