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

from typing import Any, ClassVar


class SkillError(Exception):
    """An error in one sentence, with the file or object; `hint` is the next step."""

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "FAILED"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(SkillError):
    exit_code = 2
    code = "USAGE"


class SkillFileError(UsageError):
    """Every mistake of one skill at once; `problems` are whole lines, each with file and line."""

    code = "SKILL_FILE"

    def __init__(self, message: str, problems: tuple[str, ...] = (), *, hint: str = "") -> None:
        lines = "".join(f"\n  {p}" for p in problems)
        super().__init__(f"{message}{lines}", hint=hint)
        self.problems = problems


class InputError(UsageError):
    """Every mistake in the caller's inputs at once."""

    code = "INPUT"

    def __init__(self, message: str, problems: tuple[str, ...] = (), *, hint: str = "") -> None:
        lines = "".join(f"\n  {p}" for p in problems)
        super().__init__(f"{message}{lines}", hint=hint)
        self.problems = problems


class UnknownSkill(UsageError):
    code = "UNKNOWN_SKILL"


class Refused(SkillError):
    exit_code = 6
    code = "REFUSED"


class PreflightFailed(SkillError):
    """Refused before the first change. `problem` is an outcome.Problem where one is known."""

    exit_code = 3
    code = "PREFLIGHT"

    def __init__(self, message: str, *, hint: str = "", problem: Any = None) -> None:
        super().__init__(message, hint=hint)
        self.problem = problem


class ClusterError(SkillError):
    exit_code = 4
    code = "CLUSTER"


class ClusterUnreachable(ClusterError):
    code = "CLUSTER_UNREACHABLE"


class Forbidden(ClusterError):
    """`problem` is an outcome.Problem where it is known what all is missing."""

    code = "FORBIDDEN"

    def __init__(self, message: str, *, hint: str = "", problem: Any = None) -> None:
        super().__init__(message, hint=hint)
        self.problem = problem


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
    """A step or proof failed; `problem` is the diagnosed outcome.Problem."""

    code = "STEP_FAILED"

    def __init__(self, message: str, *, problem: Any = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problem = problem


class NotReadyInTime(StepFailed):
    exit_code = 5
    code = "NOT_READY_IN_TIME"


class BadRecord(SkillError):
    """Refused where it is named itself; noted and skipped in lists."""

    code = "BAD_RECORD"


class LockHeld(SkillError):
    """`problem` is the outcome.Problem that names the run which holds the lock."""

    exit_code = 7
    code = "LOCK_HELD"

    def __init__(self, message: str, *, hint: str = "", problem: Any = None) -> None:
        super().__init__(message, hint=hint)
        self.problem = problem


class LockLost(SkillError):
    code = "LOCK_LOST"


class AssetError(SkillError):
    code = "ASSET"


class BuildFailed(SkillError):
    code = "BUILD_FAILED"


class ClusterLifecycleError(SkillError):
    code = "CLUSTER_LIFECYCLE"


class HookFailed(SkillError):
    """`problem` is the outcome.Problem where the hook names the cause itself."""

    code = "HOOK_FAILED"

    def __init__(self, message: str, *, problem: Any = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problem = problem
