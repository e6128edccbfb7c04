"""A Cluster that notes what it hands on: each version of each object once, with its time."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

from skill_runner.backends.base import (
    FIELD_MANAGER,
    Clock,
    Cluster,
    ExecResult,
    ObjectList,
    Pick,
    ResourceType,
    Right,
    WatchEvent,
)
from skill_runner.backends.recording.file import History, Moment, What
from skill_runner.errors import ClusterUnreachable, Forbidden, NotFound, SkillError
from skill_runner.objects import Object, Ref


class RecordingCluster:
    """Give it to a wait instead of the real one, then ask for its `history`."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self.target = cluster.target
        self._cluster = cluster
        self._clock = clock
        self._began = clock.monotonic()
        self._began_at = clock.now()
        self._seen: set[tuple[str, str]] = set()
        self._known: dict[tuple[str, str], dict[str, Object]] = {}
        self._told: set[tuple[str, ...]] = set()
        self._away = False
        self._version = ""
        self._waits: list[dict[str, Any]] = []
        self.moments: list[Moment] = []

    def history(self, **header: Any) -> History:
        """Return what was seen until now, under a header with the cluster's version."""
        known = {"version": self._version, "began": self._began_at, "waits": self._waits}
        return History(header={**known, **header}, moments=tuple(self.moments))

    def note_wait(self, asked: Mapping[str, Any]) -> Callable[[str], None]:
        """See skill_runner.readiness.wait.request.Witness."""
        wait = {"at": self._passed(), "asked": dict(asked)}
        self._waits.append(wait)

        def ended(state: str) -> None:
            wait.update(ended=self._passed(), state=state)

        return ended

    def note_refusal(self, error: SkillError) -> None:
        """Note what Helm would not do, in its words."""
        self._note("refused", {"message": error.message})

    def _passed(self) -> float:
        return round(self._clock.monotonic() - self._began, 3)

    def _reached(self, answers: bool) -> None:
        if self._away is answers:
            self._away = not answers
            self._note("reached" if answers else "unreachable", {})

    def _note(self, what: What, data: Any) -> None:
        self.moments.append(Moment(self._clock.monotonic() - self._began, what, data))

    def _note_object(self, obj: Object, api_version: str, kind: str) -> None:
        obj = {"apiVersion": api_version, "kind": kind, **obj}
        meta = obj.get("metadata", {})
        key = (str(meta.get("uid")), str(meta.get("resourceVersion")))
        if key not in self._seen:
            self._seen.add(key)
            self._note("set", slim(obj))

    def _note_once(self, what: What, *data: str, **more: Any) -> None:
        if (what, *data) not in self._told:
            self._told.add((what, *data))
            self._note(what, more)

    async def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
        pick: Pick | None = None,
        most: int | None = None,
        bare: bool = False,
        retry: bool = True,
    ) -> ObjectList:
        try:
            where = {"namespace": namespace, "labels": labels, "fields": fields}
            found = await self._cluster.list(
                api_version, kind, **where, pick=pick, most=most, bare=bare, retry=retry
            )
        except ClusterUnreachable:
            self._reached(False)
            raise
        except NotFound:
            self._reached(True)
            self._note_once("absent", api_version, kind, apiVersion=api_version, kind=kind)
            raise
        except Forbidden as error:
            self._reached(True)
            what = {"apiVersion": api_version, "kind": kind, "message": error.message}
            self._note_once("forbidden", api_version, kind, **what)
            raise
        self._reached(True)
        if ("absent", api_version, kind) in self._told:
            self._note_once("served", api_version, kind, apiVersion=api_version, kind=kind)
        for item in () if bare else found.items:
            self._note_object(item, api_version, kind)
        return found

    async def watch(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
        resource_version: str | None = None,
    ) -> AsyncGenerator[WatchEvent, None]:
        events = self._cluster.watch(
            api_version,
            kind,
            namespace=namespace,
            labels=labels,
            fields=fields,
            resource_version=resource_version,
        )
        async with aclosing(events):
            async for event in events:
                if event.type == "DELETED":
                    self._note("delete", slim(event.object))
                elif event.type != "BOOKMARK":
                    self._note_object(event.object, api_version, kind)
                yield event

    async def get(self, ref: Ref) -> Object:
        try:
            obj = await self._cluster.get(ref)
        except NotFound:
            named = {"name": ref.name, "namespace": ref.namespace}
            self._note_once(
                "missing",
                ref.api_version,
                str(ref),
                apiVersion=ref.api_version,
                kind=ref.kind,
                metadata=named,
            )
            raise
        self._note_object(obj, ref.api_version, ref.kind)
        return obj

    async def logs(
        self, namespace: str, pod: str, container: str, *, previous: bool = False, tail: int = 100
    ) -> str:
        text = await self._cluster.logs(namespace, pod, container, previous=previous, tail=tail)
        self._note(
            "logs",
            {
                "namespace": namespace,
                "pod": pod,
                "container": container,
                "previous": previous,
                "text": text,
            },
        )
        return text

    async def version(self) -> str:
        self._version = await self._cluster.version()
        return self._version

    async def apply(
        self,
        manifest: Object,
        *,
        dry_run: bool = False,
        force: bool = False,
        manager: str = FIELD_MANAGER,
    ) -> Object:
        made = await self._cluster.apply(manifest, dry_run=dry_run, force=force, manager=manager)
        return made if dry_run else self._made(made, manifest)

    async def create(self, manifest: Object, *, dry_run: bool = False) -> Object:
        made = await self._cluster.create(manifest, dry_run=dry_run)
        return made if dry_run else self._made(made, manifest)

    def _made(self, made: Object, manifest: Object) -> Object:
        """Keep what a run makes, from then on, though nobody may ask for it again."""
        self._note_object(made, manifest["apiVersion"], manifest["kind"])
        return made

    async def replace(self, obj: Object) -> Object:
        return await self._cluster.replace(obj)

    async def delete(
        self,
        ref: Ref,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str = "Background",
        grace: int | None = None,
    ) -> None:
        await self._cluster.delete(
            ref, uid=uid, resource_version=resource_version, propagation=propagation, grace=grace
        )

    async def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        timeout: float = 60.0,
    ) -> ExecResult:
        return await self._cluster.exec(
            namespace, pod, container, argv, stdin=stdin, timeout=timeout
        )

    def port_forward(self, namespace: str, pod: str, port: int) -> AbstractAsyncContextManager[int]:
        return self._cluster.port_forward(namespace, pod, port)

    async def resource_types(self, *, fresh: bool = False) -> tuple[ResourceType, ...]:
        return await self._cluster.resource_types(fresh=fresh)

    async def resource_type(self, api_version: str, kind: str) -> ResourceType:
        return await self._cluster.resource_type(api_version, kind)

    async def denied(self, rights: Sequence[Right]) -> tuple[Right, ...]:
        return await self._cluster.denied(rights)

    async def close(self) -> None:
        await self._cluster.close()


def slim(obj: Object) -> Object:
    """Without what no diagnosis reads: who manages which field, data of Secrets and ConfigMaps.

    Who wrote at all, and when, is kept: it tells whether a controller has ever touched the object.
    """
    meta = {k: v for k, v in obj.get("metadata", {}).items() if k != "managedFields"}
    if writers := obj.get("metadata", {}).get("managedFields"):
        names = ("manager", "operation", "subresource", "time")
        meta["managedFields"] = [{k: w[k] for k in names if k in w} for w in writers]
    if "annotations" in meta:
        last = "kubectl.kubernetes.io/last-applied-configuration"
        meta["annotations"] = {k: v for k, v in meta["annotations"].items() if k != last}
    rest = {k: v for k, v in obj.items() if k not in ("metadata", "data", "stringData")}
    if obj.get("kind") == "Node":
        status = obj.get("status", {})
        rest["status"] = {k: status[k] for k in ("allocatable", "conditions") if k in status}
    return {**rest, "metadata": meta}
