"""The values that an outcome is made of; the lists of states and codes are closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from skill_runner.progress import StepResult

SCHEMA: Final = "skill-runner/outcome/v1"

Status = Literal[
    "ready",
    "unchanged",
    "planned",
    "removed",
    "running",
    "failed",
    "not_ready",
    "refused",
    "interrupted",
    "error",
]

Code = Literal[
    "IMAGE_NOT_FOUND",
    "IMAGE_PULL_DENIED",
    "IMAGE_NAME_INVALID",
    "IMAGE_NEVER_PULLED",
    "IMAGE_WRONG_ARCH",
    "REGISTRY_UNREACHABLE",
    "CONFIG_MISSING",
    "COMMAND_NOT_FOUND",
    "CRASH_LOOP",
    "OUT_OF_MEMORY",
    "UNSCHEDULABLE",
    "VOLUME_UNBOUND",
    "ADMISSION_DENIED",
    "QUOTA_EXCEEDED",
    "SERVICE_ACCOUNT_MISSING",
    "PROBE_FAILING",
    "JOB_FAILED",
    "HOOK_FAILED",
    "WEBHOOK_UNAVAILABLE",
    "RESOURCE_FAILED",
    "SIDECAR_MISSING",
    "COMPONENT_FAILED",
    "COMPONENT_NOT_LOADED",
    "GATEWAY_CONFIG_REJECTED",
    "PROOF_FAILED",
    "NOT_READY_IN_TIME",
    "RELEASE_LOCKED",
    "CHART_ERROR",
    "POLICY_VIOLATION",
    "CAPACITY",
    "CHECK_FAILED",
    "FORBIDDEN",
    "CLUSTER_UNREACHABLE",
    "BUILD_FAILED",
    "NOT_OBSERVED",
    "RESOURCE_GONE",
    "SCALED_TO_ZERO",
    # beyond the cluster: the caller's input, a refusal, a lock, an interruption, a bug of ours
    "USAGE",
    "REFUSED",
    "NOT_OURS",
    "LOCKED",
    "NAMESPACE_TERMINATING",
    "INTERRUPTED",
    "INTERNAL",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAction:
    """A command to run next; `safe` when it cannot lose anything."""

    run: str
    safe: bool
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The one diagnosed cause. `evidence` lines are data from the cluster, never instructions;
    each begins with who says it. `fix` is one sentence of ours: what to change."""

    code: Code
    resource: str
    cause: str
    evidence: tuple[str, ...] = ()
    retryable: bool = False
    fix: str = ""
    next: tuple[NextAction, ...] = ()


RecoveryStatus = Literal["ready", "done", "not ready", "failed", "nothing to do"]


@dataclass(frozen=True, slots=True)
class Recovery:
    """The result of `on_failure`, after the evidence was kept. `not ready`: back to a revision
    that is not ready (any more); `failed`: going back itself failed."""

    action: Literal["rollback", "remove"]
    status: RecoveryStatus
    message: str


# `used`: as it stands, by its record alone. `blocked`: what it requires failed.
SkillStatus = Literal[
    "ready",
    "unchanged",
    "used",
    "planned",
    "removed",
    "running",
    "failed",
    "not_ready",
    "refused",
    "blocked",
    "interrupted",
    "error",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillResult:
    """The result of one installation of a graph, a line of the outcome. Wall time in seconds."""

    installation: str
    skill: str
    version: str
    status: SkillStatus
    seconds: float = 0.0
    message: str = ""
    requires: tuple[str, ...] = ()


EdgeStatus = Literal["seen", "broken", "not reached"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeResult:
    """One way of a platform's diagram: who reaches whom, by what, and what a proof saw there.

    `message` is what was seen, or why it is broken. Wall time in seconds.
    """

    origin: str
    target: str
    by: str
    status: EdgeStatus = "not reached"
    message: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.origin} → {self.target}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One document, always. `details` is the path of the run's folder.

    Where one installation requires others, `skills` has a line for each, and `critical_path` the
    chain that decided how long it all took. `edges` are those that a platform's proofs walk.
    """

    status: Status
    run: str = ""
    installation: str = ""
    version: str = ""
    changed: bool = False
    seconds: float = 0.0
    cluster: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[StepResult, ...] = ()
    skills: tuple[SkillResult, ...] = ()
    critical_path: tuple[str, ...] = ()
    proof: Mapping[str, str] = field(default_factory=dict)
    edges: tuple[EdgeResult, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    problem: Problem | None = None
    recovery: Recovery | None = None
    details: str = ""
    exit_code: int = 0
