"""A cluster that holds nothing, for what is rendered without one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn, cast

from skill_runner.backends.base import Cluster, ObjectList, ResourceType, Target
from skill_runner.errors import NotFound
from skill_runner.objects import Object, Ref


def empty_cluster(version: str, served: Iterable[str] = ()) -> Cluster:
    """A cluster of this Kubernetes version in which nothing is.

    `served` are the kinds that charts are told of beyond Kubernetes' own: group/version, or
    group/version/Kind.
    """
    return cast(Cluster, _Empty(version, tuple(served)))


class _Empty:
    def __init__(self, version: str, served: tuple[str, ...]) -> None:
        self.target = Target("", "", "no cluster")
        self._version = version
        self._served = served

    async def version(self) -> str:
        return self._version

    async def get(self, ref: Ref) -> Object:
        raise NotFound(f"{ref} is not there", status=404)

    async def list(self, api_version: str, kind: str, **_: Any) -> ObjectList:
        return ObjectList((), "0")

    async def resource_types(self, *, fresh: bool = False) -> tuple[ResourceType, ...]:
        return tuple(_type(each) for each in self._served)

    async def close(self) -> None:
        """Nothing is open."""

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{name}: nothing can be done in a cluster that is not there")


def _type(name: str) -> ResourceType:
    group, *rest = name.split("/")
    kind = rest.pop() if rest and rest[-1][:1].isupper() else ""
    return ResourceType("/".join((group, *rest)), kind, kind.lower() + "s", namespaced=True)
