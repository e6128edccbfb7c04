"""Events as few facts: about whom, why, how often. Both event APIs write the same objects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from skill_runner.objects import Object, as_int, at


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One event, or a series of equal ones. `container` comes from the field path."""

    uid: str
    kind: str
    name: str
    namespace: str
    container: str
    reason: str
    message: str
    count: int
    last: str
    warning: bool


def read_events(events: Iterable[Object]) -> tuple[Seen, ...]:
    """Events in the order of their last time; times are RFC 3339 in UTC, so text sorts."""
    return tuple(sorted((_read(e) for e in events), key=lambda seen: seen.last))


def _read(event: Object) -> Seen:
    about = at(event, "involvedObject", at(event, "regarding", {}))
    path = at(about, "fieldPath", "")
    inside = path.partition("{")[2].rstrip("}") if "{" in path else ""
    series = as_int(at(event, "series.count"))
    return Seen(
        uid=at(about, "uid", ""),
        kind=at(about, "kind", ""),
        name=at(about, "name", ""),
        namespace=at(about, "namespace", ""),
        container=inside,
        reason=at(event, "reason", ""),
        message=at(event, "message", at(event, "note", "")),
        count=series or as_int(at(event, "count")) or 1,
        last=last_time(event),
        warning=at(event, "type", "") == "Warning",
    )


def last_time(event: Object) -> str:
    """Return when it was last seen, to the second (RFC 3339)."""
    for path in (
        "series.lastObservedTime",
        "lastTimestamp",
        "eventTime",
        "metadata.creationTimestamp",
    ):
        if found := at(event, path):
            return str(found)[:19]
    return ""


def about(events: Iterable[Seen], uid: str) -> tuple[Seen, ...]:
    """Those about one object."""
    return tuple(e for e in events if e.uid == uid)
