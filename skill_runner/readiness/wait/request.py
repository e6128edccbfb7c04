"""The question of a wait as plain data and back, so that a recorded one can be asked again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

from skill_runner.objects import Ref
from skill_runner.readiness.diagnosis import DEFAULT_POLICY, FailurePolicy
from skill_runner.readiness.wait.expected import Expected
from skill_runner.skill.model import FailureOverride, WaitRule


@runtime_checkable
class Witness(Protocol):
    """A cluster that keeps what it hands on: it is told of each wait, and how it ended."""

    def note_wait(self, asked: Mapping[str, Any]) -> Callable[[str], None]:
        """Keep the question; call the answer with the state, or with "cancelled"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitRequest:
    """The arguments of `wait_ready` that decide its answer; seconds."""

    objects: tuple[Expected, ...]
    rules: tuple[WaitRule, ...]
    timeout: float
    stability: float
    policy: FailurePolicy


def request_data(request: WaitRequest) -> dict[str, Any]:
    """As JSON can hold it. Of the policy only what differs from the default: other rows are
    meant to be today's when the history is played."""
    changed = {
        reason: row.budget
        for reason, row in request.policy.rows.items()
        if DEFAULT_POLICY.rows.get(reason) != row
    }
    return {
        "objects": [asdict(one) for one in request.objects],
        "rules": [asdict(rule) for rule in request.rules],
        "timeout": request.timeout,
        "stability": request.stability,
        "policy": changed,
    }


def read_request(data: Mapping[str, Any]) -> WaitRequest:
    """The same from its data."""
    overrides = [
        FailureOverride(reason=reason, budget=budget, why="as recorded")
        for reason, budget in data["policy"].items()
    ]
    return WaitRequest(
        objects=tuple(Expected(**{**o, "ref": Ref(**o["ref"])}) for o in data["objects"]),
        rules=tuple(WaitRule(**rule) for rule in data["rules"]),
        timeout=data["timeout"],
        stability=data["stability"],
        policy=DEFAULT_POLICY.override(overrides),
    )
