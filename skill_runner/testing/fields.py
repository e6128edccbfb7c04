"""The owners of an object's fields: what server-side apply decides by, in its simplest form.

An object is taken apart into leaves. Lists of maps that all have a name are keyed by it, as the
API does for containers and environment variables; every other list is one leaf.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from skill_runner.objects import Object

Path = tuple[str | tuple[str, str], ...]  # a pair is the item of a keyed list: ("name", "web")
Manager = tuple[str, str]  # name and operation: ("skill-runner", "Apply")
Owners = dict[Manager, set[Path]]

_IDENTITY = {"name", "namespace"}
_SERVER_SET = {
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
}


def leaves(obj: Object) -> dict[Path, Any]:
    """Every field that a client can own, with its value."""
    found: dict[Path, Any] = {}
    for key, value in obj.items():
        if key in ("apiVersion", "kind", "status"):
            continue
        if key == "metadata":
            value = {k: v for k, v in value.items() if k not in _IDENTITY | _SERVER_SET}
            if not value:
                continue
        found.update(_walk((key,), value))
    return found


def _walk(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping) and value:
        for key, child in value.items():
            yield from _walk((*path, key), child)
    elif _is_keyed(value):
        for item in value:
            yield from _walk((*path, ("name", item["name"])), item)
    else:
        yield path, value


def _is_keyed(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, Mapping) and isinstance(item.get("name"), str) for item in value)
        and len({item["name"] for item in value}) == len(value)
    )


def read(obj: Any, path: Path) -> Any:
    """The value at `path`, or None."""
    for part in path:
        if isinstance(part, tuple):
            items = obj if isinstance(obj, list) else []
            obj = next((i for i in items if isinstance(i, dict) and i.get("name") == part[1]), None)
        else:
            obj = obj.get(part) if isinstance(obj, dict) else None
        if obj is None:
            return None
    return obj


def write(obj: Object, path: Path, value: Any) -> None:
    """Set the value at `path`, making what lies between."""
    here: Any = obj
    for part, following in zip(path, (*path[1:], None), strict=True):
        if following is None:
            _set(here, part, value)
        else:
            here = _step(here, part, [] if isinstance(following, tuple) else {})


def _step(here: Any, part: str | tuple[str, str], empty: Any) -> Any:
    if isinstance(part, tuple):
        for item in here:
            if item.get("name") == part[1]:
                return item
        here.append({"name": part[1]})
        return here[-1]
    if not isinstance(here.get(part), type(empty)):
        here[part] = empty
    return here[part]


def _set(here: Any, part: str | tuple[str, str], value: Any) -> None:
    if isinstance(part, tuple):
        item = _step(here, part, {})
        item.update(deepcopy(value))
    elif value != {} or not isinstance(here.get(part), dict):
        here[part] = deepcopy(value)


def erase(obj: Any, path: Path) -> None:
    """Remove the value at `path` and the containers that it leaves empty."""
    if not path or obj is None:
        return
    part, rest = path[0], path[1:]
    if isinstance(part, tuple):
        item = next((i for i in obj if i.get("name") == part[1]), None)
        if item is None:
            return
        erase(item, rest)
        if not rest or not (item.keys() - {"name"}):
            obj.remove(item)
        return
    if not isinstance(obj, dict) or part not in obj:
        return
    if rest:
        erase(obj[part], rest)
        if obj[part] in ({}, []):
            del obj[part]
    else:
        del obj[part]


def conflicts(live: Object, wanted: Mapping[Path, Any], owners: Owners, me: Manager) -> list[str]:
    """One line for each field that another manager owns with another value."""
    found = []
    for manager, paths in owners.items():
        if manager == me:
            continue
        found += [
            f'conflict with "{manager[0]}": {spell(path)}'
            for path in sorted(paths & wanted.keys(), key=spell)
            if read(live, path) != wanted[path]
        ]
    return found


def spell(path: Path) -> str:
    """The path as the API writes it: .spec.containers[name="web"].image."""
    return "".join(f'[{p[0]}="{p[1]}"]' if isinstance(p, tuple) else f".{p}" for p in path)


def applied(live: Object, wanted: Mapping[Path, Any], owners: Owners, me: Manager) -> Object:
    """`live` after `me` applied `wanted`; `owners` is brought up to date."""
    result = deepcopy(live)
    mine = owners.get(me, set())
    others = set().union(*(paths for manager, paths in owners.items() if manager != me))
    for path in mine - wanted.keys() - others:
        erase(result, path)
    for path, value in wanted.items():
        write(result, path, value)
    for manager, paths in owners.items():
        if manager != me:
            owners[manager] = {
                path for path in paths if path not in wanted or read(live, path) == wanted[path]
            }
    owners[me] = set(wanted)
    return result


def updated(before: Object, after: Object, owners: Owners, me: Manager) -> None:
    """Hand every field that `me` changed by an update over to `me`."""
    old, new = leaves(before), leaves(after)
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    gone = old.keys() - new.keys()
    for manager in list(owners):
        owners[manager] -= changed | gone
    owners.setdefault(me, set()).update(changed)
