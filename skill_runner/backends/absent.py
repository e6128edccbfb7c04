"""A cluster that is not there: for plans and renderings that are made without one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn, cast

from skill_runner.backends.base import Cluster, ObjectList, ResourceType, Target
from skill_runner.errors import NotFound
from skill_runner.objects import Object, Ref, plural_of


def absent_cluster(version: str = "", served: Iterable[str] = ()) -> Cluster:
    """A Cluster that holds nothing and takes nothing.

    Helm renders for this Kubernetes `version`, or for the one that it knows itself. `served` are
    the kinds that charts are told of beyond Kubernetes' own: group/version, or group/version/Kind.
    """
    return cast(Cluster, _Absent(version, tuple(served)))


class _Absent:
    """A call that would need a cluster raises RuntimeError: no plan without one gets that far."""

    target = Target("", "", "no cluster")

    def __init__(self, version: str, served: tuple[str, ...]) -> None:
        self._version = version
        self._served = served

    async def version(self) -> str:
        return self._version

    async def get(self, ref: Ref) -> Object:
        raise NotFound(f"{ref}: there is no cluster", status=404)

    async def list(self, api_version: str, kind: str, **_selectors: Any) -> ObjectList:
        return ObjectList((), "0")

    async def resource_types(self, *, fresh: bool = False) -> tuple[ResourceType, ...]:
        return tuple(_type(each) for each in self._served)

    async def resource_type(self, api_version: str, kind: str) -> ResourceType:
        raise NotFound(f"{api_version} {kind}: there is no cluster", status=404)

    async def close(self) -> None:
        """Nothing is open."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise RuntimeError(f"there is no cluster, and {name} was asked of it")


def _type(name: str) -> ResourceType:
    group, *rest = name.split("/")
    kind = rest.pop() if rest and rest[-1][:1].isupper() else ""
    return ResourceType("/".join((group, *rest)), kind, plural_of(kind), namespaced=True)
