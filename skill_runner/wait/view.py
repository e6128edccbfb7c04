"""The newest known version of every followed object, whichever watch or list it came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from skill_runner.backends.base import Object, Ref
from skill_runner.status.fields import as_int, at
from skill_runner.wait.selection import Selection


@dataclass(slots=True)
class View:
    """Objects by selection and UID. `synced` are selections that have been listed once."""

    _objects: dict[Selection, dict[str, Object]] = field(default_factory=dict)
    synced: set[Selection] = field(default_factory=set)
    gone: dict[Ref, Object] = field(default_factory=dict)
    absent: set[Selection] = field(default_factory=set)
    forbidden: dict[Selection, str] = field(default_factory=dict)

    def replace(self, selection: Selection, items: Iterable[Object], version: str) -> bool:
        """Take a list as the truth at its version; newer objects that a watch gave are kept.

        True when anything was different.
        """
        before = self._objects.get(selection, {})
        listed = {_uid(o): _typed(o, selection) for o in items}
        at_version = as_int(version)
        for uid, known in before.items():
            if uid in listed:
                listed[uid] = _newer(known, listed[uid])
            elif at_version is not None and _version(known) > at_version:
                listed[uid] = known
            else:
                self._bury(known)
        self._objects[selection] = listed
        first = selection not in self.synced
        self.synced.add(selection)
        self.absent.discard(selection)
        self.forbidden.pop(selection, None)
        return first or {u: _version(o) for u, o in before.items()} != {
            u: _version(o) for u, o in listed.items()
        }

    def change(self, selection: Selection, obj: Object, *, deleted: bool) -> None:
        """Take one event of a watch."""
        obj = _typed(obj, selection)
        known = self._objects.setdefault(selection, {})
        if deleted:
            known.pop(_uid(obj), None)
            self._bury(obj)
        else:
            old = known.get(_uid(obj))
            known[_uid(obj)] = _newer(old, obj) if old else obj

    def mark_absent(self, selection: Selection) -> None:
        """The kind is not served (a CRD that is not there yet)."""
        self._objects.pop(selection, None)
        self.synced.add(selection)
        self.absent.add(selection)

    def drop(self, selection: Selection) -> None:
        """Nobody follows it any more."""
        self._objects.pop(selection, None)
        self.synced.discard(selection)
        self.absent.discard(selection)
        self.forbidden.pop(selection, None)

    def _bury(self, obj: Object) -> None:
        self.gone[Ref.of(obj)] = obj

    def get(self, ref: Ref) -> Object | None:
        """One object by name; the newest where two of the name are known."""
        found = [o for o in self.of_kind(ref.kind, ref.namespace)
                 if at(o, "metadata.name") == ref.name]  # fmt: skip
        return max(found, key=_version) if found else None

    def of_kind(self, kind: str, namespace: str | None = None) -> Iterator[Object]:
        """Every known object of a kind, once each."""
        seen = set()
        for selection, objects in self._objects.items():
            if selection.kind != kind or (
                namespace and selection.namespace not in (None, namespace)
            ):
                continue
            for uid, obj in objects.items():
                if uid not in seen:
                    seen.add(uid)
                    yield obj

    def owned(self, kind: str, owner_uid: str) -> tuple[Object, ...]:
        """Those of a kind that name this UID as an owner."""
        return tuple(
            o for o in self.of_kind(kind)
            if any(r.get("uid") == owner_uid for r in at(o, "metadata.ownerReferences", []))
        )  # fmt: skip

    def selected(self, selection: Selection) -> tuple[Object, ...]:
        """Everything of one selection."""
        return tuple(self._objects.get(selection, {}).values())


def _typed(obj: Object, selection: Selection) -> Object:
    """Items of a list come without apiVersion and kind from some servers."""
    if obj.get("kind") and obj.get("apiVersion"):
        return obj
    return {"apiVersion": selection.api_version, "kind": selection.kind, **obj}


def _uid(obj: Object) -> str:
    return str(at(obj, "metadata.uid") or at(obj, "metadata.name", ""))


def _version(obj: Object) -> int:
    return as_int(at(obj, "metadata.resourceVersion")) or 0


def _newer(known: Object, other: Object) -> Object:
    return known if _version(known) > _version(other) else other
