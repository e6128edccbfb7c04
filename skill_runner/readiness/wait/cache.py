"""The newest known version of every followed object, whichever watch or list it came from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from skill_runner.objects import Object, Ref, as_int, at
from skill_runner.readiness.wait.selection import Selection


@dataclass(slots=True)
class _Index:
    """Every known object once, with the namespace that its selection was of, by what it is looked
    up by: a look at 300 workloads would otherwise go over all of them 300 times."""

    by_kind: dict[str, list[tuple[str | None, Object]]]
    by_name: dict[tuple[str, str], list[tuple[str | None, Object]]]
    by_owner: dict[tuple[str, str], list[Object]]


@dataclass(slots=True)
class View:
    """Objects by selection and UID. `synced` are selections that have been listed once."""

    _objects: dict[Selection, dict[str, Object]] = field(default_factory=dict)
    _index: _Index | None = None
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
        self._index = None
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
        self._index = None
        if deleted:
            known.pop(_uid(obj), None)
            self._bury(obj)
        else:
            old = known.get(_uid(obj))
            known[_uid(obj)] = _newer(old, obj) if old else obj

    def holding(self, obj: Object, among: Iterable[Selection]) -> list[Selection]:
        """Those of the selections in which the object is known."""
        uid = _uid(obj)
        return [one for one in among if uid in self._objects.get(one, ())]

    def mark_absent(self, selection: Selection) -> None:
        """The kind is not served (a CRD that is not there yet)."""
        self._objects.pop(selection, None)
        self._index = None
        self.synced.add(selection)
        self.absent.add(selection)

    def mark_forbidden(self, selection: Selection, why: str) -> None:
        """It may not be read; what was known of it before stays."""
        self.forbidden[selection] = why
        self.synced.add(selection)

    def keep(self, wanted: frozenset[Selection]) -> None:
        """Drop what nobody follows any more."""
        for selection in set(self._objects) - wanted:
            del self._objects[selection]
            self._index = None
        self.synced &= wanted
        self.absent &= wanted
        for selection in set(self.forbidden) - wanted:
            del self.forbidden[selection]

    def _bury(self, obj: Object) -> None:
        self.gone[Ref.of(obj)] = obj

    def get(self, ref: Ref) -> Object | None:
        """One object by name; the newest where two of the name are known."""
        named = self._indexed().by_name.get((ref.kind, ref.name), ())
        found = [o for space, o in named if _is_in(ref.namespace, space)]
        return max(found, key=_version) if found else None

    def of_kind(self, kind: str, namespace: str | None = None) -> Iterator[Object]:
        """Every known object of a kind, once each."""
        for space, obj in self._indexed().by_kind.get(kind, ()):
            if _is_in(namespace, space):
                yield obj

    def owned(self, kind: str, owner_uid: str) -> tuple[Object, ...]:
        """Those of a kind that name this UID as an owner."""
        return tuple(self._indexed().by_owner.get((kind, owner_uid), ()))

    def selected(self, selection: Selection) -> tuple[Object, ...]:
        """Everything of one selection."""
        return tuple(self._objects.get(selection, {}).values())

    def _indexed(self) -> _Index:
        if self._index is None:
            self._index = self._made_index()
        return self._index

    def _made_index(self) -> _Index:
        made = _Index(defaultdict(list), defaultdict(list), defaultdict(list))
        seen: set[tuple[str, str | None, str]] = set()
        for selection, objects in self._objects.items():
            kind, space = selection.kind, selection.namespace
            for uid, obj in objects.items():
                if (kind, space, uid) in seen:
                    continue
                seen.add((kind, space, uid))
                made.by_kind[kind].append((space, obj))
                made.by_name[kind, at(obj, "metadata.name", "")].append((space, obj))
                for owner in at(obj, "metadata.ownerReferences", []):
                    made.by_owner[kind, str(owner.get("uid"))].append(obj)
        return made


def _is_in(namespace: str | None, space: str | None) -> bool:
    """Tell whether what a selection of `space` found counts for a namespace."""
    return not namespace or space in (None, namespace)


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
