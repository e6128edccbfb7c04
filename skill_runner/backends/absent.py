"""A cluster that is not there: for plans and renderings that are made without one."""

from __future__ import annotations

from typing import Any, NoReturn, cast

from skill_runner.backends.base import Cluster, ObjectList, ResourceType, Target
from skill_runner.errors import NotFound
from skill_runner.objects import Object, Ref


def no_cluster() -> Cluster:
    """A cluster that is not there."""
    return cast(Cluster, _NoCluster())


class _NoCluster:
    """A Cluster that holds nothing, serves no kinds, and takes nothing.

    Helm renders with the version and the kinds that it knows itself. A call that would need a
    cluster raises RuntimeError: whoever plans without one must not get that far.
    """

    target = Target("", "none", "")

    async def get(self, ref: Ref) -> Object:
        raise NotFound(f"{ref}: there is no cluster")

    async def list(self, api_version: str, kind: str, **_selectors: Any) -> ObjectList:
        return ObjectList((), "")

    async def resource_types(self, *, fresh: bool = False) -> tuple[ResourceType, ...]:
        return ()

    async def resource_type(self, api_version: str, kind: str) -> ResourceType:
        raise NotFound(f"{api_version} {kind}: there is no cluster")

    async def version(self) -> str:
        return ""

    async def close(self) -> None:
        pass

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        raise RuntimeError(f"there is no cluster, and {name} was asked of it")
