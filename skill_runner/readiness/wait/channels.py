"""Many selections → few lists and watches: beyond a handful of a kind in a namespace, one for all.

What a list or a watch of a whole namespace brings besides is left out as it arrives, so the number
of requests follows from kinds and namespaces, not from how many objects a release has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from skill_runner.backends.base import Cluster
from skill_runner.backends.selectors import matches
from skill_runner.objects import Object, at
from skill_runner.readiness.wait.selection import Selection

NARROW: Final = 4  # selections of one kind and namespace that are asked for one by one

Group = tuple[str, str, str | None]  # apiVersion, kind, namespace


def group_of(selection: Selection) -> Group:
    """The kind and namespace that a selection narrows."""
    return selection.api_version, selection.kind, selection.namespace


def channels(
    wanted: Iterable[Selection], wide: Collection[Group] = ()
) -> dict[Selection, frozenset[Selection]]:
    """List what to ask for, and which of the selections each answer serves; groups that are `wide`
    already stay so."""
    groups: dict[Group, set[Selection]] = defaultdict(set)
    for selection in wanted:
        groups[group_of(selection)].add(selection)
    found: dict[Selection, frozenset[Selection]] = {}
    for group, members in groups.items():
        if len(members) > NARROW or group in wide:
            found[Selection(*group)] = frozenset(members)
        else:
            found |= {one: frozenset({one}) for one in members}
    return found


@dataclass(slots=True)
class Sorter:
    """Tells which of a channel's selections an object belongs to."""

    query: Selection
    members: frozenset[Selection]
    _by_field: dict[str, dict[str, list[Selection]]] = field(default_factory=dict)
    _by_label: dict[str, dict[str, list[Selection]]] = field(default_factory=dict)
    _others: list[Selection] = field(default_factory=list)

    def __post_init__(self) -> None:
        for one in self.members:
            if term := _equality(one.fields):
                self._by_field.setdefault(term[0], {}).setdefault(term[1], []).append(one)
            elif term := _equality(one.labels):
                self._by_label.setdefault(term[0], {}).setdefault(term[1], []).append(one)
            else:
                self._others.append(one)

    @property
    def is_narrow(self) -> bool:
        """The server selects all of it, and nothing else."""
        return self.members == {self.query}

    def of(self, obj: Object) -> Iterator[Selection]:
        """The selections that the object belongs to."""
        if self.is_narrow:
            yield self.query
            return
        for one in self._candidates(obj):
            if matches(obj, one.labels, one.fields):
                yield one

    def _candidates(self, obj: Object) -> Iterator[Selection]:
        for path, values in self._by_field.items():
            yield from values.get(str(at(obj, path, "")), ())
        have: Mapping[str, str] = at(obj, "metadata.labels", {})
        for key, values in self._by_label.items():
            yield from values.get(have.get(key, ""), ())
        yield from self._others

    def pick(self, obj: Object) -> Object | None:
        """The object, if it belongs to any."""
        return obj if self.is_narrow or any(True for _ in self.of(obj)) else None


def _equality(selector: str | None) -> tuple[str, str] | None:
    """The key and the value of a selector's first term, where that is a plain `key=value`."""
    key, same, value = (selector or "").split(",", 1)[0].partition("=")
    if not same or " " in key or key.endswith("!") or value.startswith("="):
        return None
    return key, value


async def read(cluster: Cluster, sorter: Sorter) -> tuple[dict[Selection, list[Object]], str]:
    """One list: the objects of each selection, and the version from which a watch goes on."""
    query = sorter.query
    found = await cluster.list(
        query.api_version,
        query.kind,
        namespace=query.namespace,
        labels=query.labels,
        fields=query.fields,
        pick=None if sorter.is_narrow else sorter.pick,
        retry=False,  # a wait asks again by itself, and says meanwhile that nobody answers
    )
    served: dict[Selection, list[Object]] = {one: [] for one in sorter.members}
    for obj in found.items:
        for one in sorter.of(obj):
            served[one].append(obj)
    return served, found.resource_version
