"""What stands against what an installation made: field by field, with who wrote it and when.

A server-side apply as a dry run, by force, tells what our manifest would put back; managedFields
tell what others added beside it. Blind: a field that we never set and somebody deleted, and
Secrets' values, which are never shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from skill_runner.backends.base import FIELD_MANAGER, Cluster
from skill_runner.compliance.managed import hands, last_writer, value_at, writer_of
from skill_runner.compliance.rules.tools import shown
from skill_runner.errors import ApiError, NotFound
from skill_runner.installations.releases import content, with_namespace
from skill_runner.objects import Object, Ref
from skill_runner.text.quoting import excerpt

Kind = Literal["deleted", "changed", "added", "restarted"]
_HIDDEN: Final = "(a secret)"
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: `made` is what the installation made, `live` what stands in its place."""

    resource: str
    kind: Kind
    field: str = ""
    made: str = ""
    live: str = ""
    who: str = ""
    when: str = ""


async def find_changes(
    cluster: Cluster, manifests: Iterable[Object], namespace: str, *, manager: str = FIELD_MANAGER
) -> tuple[Change, ...]:
    """Every difference in these objects, which this manager applied."""
    found: list[Change] = []
    for manifest in manifests:
        wanted = await with_namespace(cluster, manifest, namespace)
        ref = Ref.of(wanted)
        try:
            live = await cluster.get(ref)
        except NotFound:
            found.append(Change(str(ref), "deleted"))
            continue
        if live["metadata"].get("deletionTimestamp"):
            found.append(Change(str(ref), "deleted", live="it is being deleted"))
            continue
        try:
            would = await cluster.apply(wanted, dry_run=True, force=True, manager=manager)
        except ApiError as error:  # a field that cannot be put back
            live_says = f"the API refuses our own manifest: {excerpt(error.message)}"
            found.append(Change(str(ref), "changed", live=live_says))
            continue
        found += compare(str(ref), live, would)
    return tuple(found)


def compare(resource: str, live: Object, would: Object) -> Iterator[Change]:
    """The differences of an object from what applying its manifest would make of it."""
    secret = live.get("kind") == "Secret"
    changed = set()
    for field, ours, theirs in _differences(content(would), content(live), ""):
        lifted = field.startswith(("labels", "annotations"))  # `content` takes them out
        path = f"metadata.{field}" if lifted else field
        changed.add(path)
        who, when = last_writer(live, path)
        made, stands = (_HIDDEN, _HIDDEN) if secret else (_text(ours), _text(theirs))
        yield Change(resource, "changed", path, made, stands, who, when)
    for hand in hands(live):
        writer = writer_of(hand.manager)
        if hand.subresource == "status" or writer in ("controller", "helm"):
            continue
        kind: Kind = "restarted" if writer == "restart" else "added"
        for path in hand.paths:
            if not any(_within(path, known) or _within(known, path) for known in changed):
                value = _HIDDEN if secret else _text(value_at(live, path))
                yield Change(resource, kind, path, "", value, hand.manager, hand.when)


def _within(path: str, above: str) -> bool:
    return path == above or path.startswith((f"{above}.", f"{above}["))


def _differences(ours: Any, theirs: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """The leaves in which two values differ, as (path, ours, theirs)."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for key in dict.fromkeys((*ours, *theirs)):
            below = f"{path}.{key}" if path else str(key)
            left, right = ours.get(key, _MISSING), theirs.get(key, _MISSING)
            yield from _differences(left, right, below)
    elif _named(ours) and _named(theirs):
        left, right = _by_name(ours), _by_name(theirs)
        for name in dict.fromkeys((*left, *right)):
            pair = left.get(name, _MISSING), right.get(name, _MISSING)
            yield from _differences(*pair, f"{path}[name={name}]")
    elif ours != theirs:
        yield path, ours, theirs


def _named(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(e, Mapping) and "name" in e for e in value)


def _by_name(value: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {str(each["name"]): each for each in value}


def _text(value: Any) -> str:
    return "nothing" if value is _MISSING else shown(value)
