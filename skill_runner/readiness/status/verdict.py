"""The answer to "is this one object ready?": a state, a countable fact, and numbers behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["ready", "progressing", "failed", "terminating", "missing", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of one object. `message` is a fact that a person wants, without the object's name.

    `facts` are for programs: `done` and `total` where the state can be counted, `note` where a
    ready object has something to say, `unproven` where the status carries no generation, so that
    nobody can tell whether it belongs to what was applied, `unobserved` where the kind's controller
    has not reported on what was applied, `refused` where it reports that the object is not ready.
    """

    state: State
    message: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_ready(self) -> bool:
        return self.state == "ready"


def ready(message: str, **facts: Any) -> Verdict:
    return Verdict("ready", message, facts)


def progressing(message: str, **facts: Any) -> Verdict:
    return Verdict("progressing", message, facts)


def unobserved(message: str) -> Verdict:
    """Progressing: whoever handles this kind has not reported on what was applied."""
    return Verdict("progressing", message, {"unobserved": True})


def failed(message: str, **facts: Any) -> Verdict:
    return Verdict("failed", message, facts)


def refused(message: str, reason: str) -> Verdict:
    """Progressing: its controller says that it is not ready, which it says as well of what it still
    makes."""
    return Verdict("progressing", message, {"refused": True, "reason": reason})


def counted(done: int, total: int, what: str) -> Verdict:
    """Progressing, as in "2 of 3 replicas are updated"."""
    return Verdict("progressing", f"{done} of {total} {what}", {"done": done, "total": total})
