"""One thing that looks wrong: where, what, and since when; the policy decides what it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from skill_runner.objects import Object, at


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """`reason` names a row of the policy; `cause` is one sentence, `lines` are the cluster's words.

    `sightings` and `restarts` are what the cluster's own counters say. `grace` is in seconds, from
    the object's own fields, and is given before the row's budget starts; `quiet` are the first
    seconds of it, in which nothing is said, as it is normal then. `owner` is the workload that is
    not ready because of it. `end` tells one end of a container from the next, `words` is what stays
    the same of it when it repeats itself, `awaits` that it may wait for something that comes.
    """

    reason: str
    kind: str
    name: str
    namespace: str
    cause: str
    uid: str = ""
    container: str = ""
    lines: tuple[str, ...] = ()
    sightings: int = 1
    restarts: int = 0
    grace: float = 0.0
    quiet: float = 0.0
    owner: str = ""
    subject: str = ""
    group: str = ""
    end: str = ""
    words: str = ""
    awaits: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """The part that stays the same while the symptom lasts."""
        return (
            self.uid or f"{self.kind}/{self.namespace}/{self.name}",
            self.container,
            self.reason,
        )

    @property
    def resource(self) -> str:
        """As an outcome names it: "Pod kafka/kafka-0 container kafka"."""
        where = f"{self.namespace}/" if self.namespace else ""
        tail = f" container {self.container}" if self.container else ""
        return f"{self.kind} {where}{self.name}{tail}"


def symptom_of(obj: Object, reason: str, cause: str, **more: Any) -> Symptom:
    """A symptom of an object of the cluster."""
    return Symptom(
        reason=reason,
        kind=str(obj.get("kind", "")),
        group=str(obj.get("apiVersion", "")).rpartition("/")[0],
        name=at(obj, "metadata.name", ""),
        namespace=at(obj, "metadata.namespace", ""),
        uid=at(obj, "metadata.uid", ""),
        cause=cause,
        **more,
    )
