"""A cluster and a Helm that count every call of one process, and stop it before or after the n-th.

A hard stop is the state of the cluster at that moment: whatever a killed process would still do has
no effect. A soft one is a cancellation, as by Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from skill_runner.backends.base import Release, ReleaseSpec, ResourceType, Right, WatchEvent
from skill_runner.errors import SkillError
from skill_runner.objects import Object, Ref
from skill_runner.testing import MemoryCluster, MemoryHelm

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a cluster held at one moment."""

    objects: dict[Ref, Object]
    owners: Any
    uids: int
    version: int
    now: float


def snapshot(cluster: MemoryCluster) -> Snapshot:
    """The state now. A store puts a new object in the place of one, and changes none: so the
    dictionaries are copied, and what is in them is shared."""
    store = cluster.store
    with store.guard:
        return Snapshot(
            dict(store._objects),
            dict(store._owners),
            store._uids,
            store.version,
            cluster.clock.now(),
        )


def restore(cluster: MemoryCluster, kept: Snapshot) -> None:
    """Into a fresh cluster; watches from before are Gone."""
    store = cluster.store
    store._objects, store._owners = dict(kept.objects), dict(kept.owners)
    store._uids, store.version, store.oldest = kept.uids, kept.version, kept.version
    store.history.clear()


@dataclass
class Gate:
    """What every call passes. Before and after each is a point; `at` one of them, it stops."""

    cluster: MemoryCluster
    stop_at: int | None = None
    stop: Callable[[], None] = lambda: None
    points: list[str] = field(default_factory=list)
    states: list[Snapshot] = field(default_factory=list)
    record: bool = False
    home: int = field(default_factory=threading.get_ident)

    async def pass_(self, name: str, call: Awaitable[T]) -> T:
        if threading.get_ident() != self.home:  # the heartbeat: it has a thread of its own
            return await call
        await self._point(f"before {name}", call)
        try:
            done = await call
        except SkillError:
            await self._point(f"after {name}")
            raise
        await self._point(f"after {name}")
        return done

    async def _point(self, name: str, unsent: Awaitable[Any] | None = None) -> None:
        self.points.append(name)
        if self.record:
            last = self.states[-1] if self.states else None
            same = last is not None and last.version == self.cluster.store.version
            self.states.append(last if same and last else snapshot(self.cluster))
        if self.stop_at == len(self.points) - 1:
            self.stop()
            try:
                for _ in range(3):
                    await asyncio.sleep(0)
            except asyncio.CancelledError:
                if asyncio.iscoroutine(unsent):
                    unsent.close()
                raise


class GatedCluster(MemoryCluster):
    """The same cluster, as one process sees it."""

    def __init__(self, inner: MemoryCluster, gate: Gate) -> None:
        self.__dict__.update(inner.__dict__)
        self._inner = inner
        self._gate = gate

    async def close(self) -> None:
        """One connection ends; the cluster goes on."""

    async def version(self) -> str:
        return await self._gate.pass_("version", super().version())

    async def get(self, ref: Ref) -> Object:
        return await self._gate.pass_(f"get {ref}", super().get(ref))

    async def list(self, api_version: str, kind: str, **how: Any) -> Any:
        return await self._gate.pass_(f"list {kind}", super().list(api_version, kind, **how))

    async def watch(
        self, api_version: str, kind: str, **how: Any
    ) -> AsyncGenerator[WatchEvent, None]:
        await self._gate.pass_(f"watch {kind}", asyncio.sleep(0))
        async for event in super().watch(api_version, kind, **how):
            yield event

    async def apply(self, manifest: Object, **how: Any) -> Object:
        name = f"{'try' if how.get('dry_run') else 'apply'} {Ref.of(manifest)}"
        return await self._gate.pass_(name, super().apply(manifest, **how))

    async def create(self, manifest: Object, **how: Any) -> Object:
        name = f"create {Ref.of(manifest)}"
        return await self._gate.pass_(name, super().create(manifest, **how))

    async def replace(self, obj: Object) -> Object:
        return await self._gate.pass_(f"replace {Ref.of(obj)}", super().replace(obj))

    async def delete(self, ref: Ref, **how: Any) -> None:
        await self._gate.pass_(f"delete {ref}", super().delete(ref, **how))

    async def logs(self, namespace: str, pod: str, container: str, **how: Any) -> str:
        return await self._gate.pass_(f"logs {pod}", super().logs(namespace, pod, container, **how))

    async def resource_types(self, *, fresh: bool = False) -> tuple[ResourceType, ...]:
        return await self._gate.pass_("discover", super().resource_types(fresh=fresh))

    async def denied(self, rights: Sequence[Right]) -> tuple[Right, ...]:
        return await self._gate.pass_("review", super().denied(rights))

    def _control(self, obj: Object, *, changed: bool) -> None:
        self._inner._control(obj, changed=changed)


class GatedHelm(MemoryHelm):
    """Helm, whose calls are points besides the requests that they make."""

    def __init__(self, cluster: GatedCluster, gate: Gate) -> None:
        super().__init__(cluster)
        self._gate = gate

    async def install_or_upgrade(self, spec: ReleaseSpec, **how: Any) -> Release:
        name = f"helm upgrade --install {spec.name}"
        return await self._gate.pass_(name, super().install_or_upgrade(spec, **how))

    async def rollback(self, name: str, namespace: str, revision: int) -> Release:
        call = super().rollback(name, namespace, revision)
        return await self._gate.pass_(f"helm rollback {name}", call)

    async def uninstall(self, name: str, namespace: str, *, keep_history: bool = False) -> None:
        call = super().uninstall(name, namespace, keep_history=keep_history)
        await self._gate.pass_(f"helm uninstall {name}", call)

    async def template(self, spec: ReleaseSpec) -> tuple[Object, ...]:
        return await self._gate.pass_(f"helm template {spec.name}", super().template(spec))
