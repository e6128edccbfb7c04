"""The Cluster Protocol over a real API server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Final

from skill_runner.backends.base import (
    FIELD_MANAGER,
    LOG_BYTES,
    ExecResult,
    ObjectList,
    Pick,
    ResourceType,
    Right,
    Target,
    WatchEvent,
)
from skill_runner.backends.kube import streams
from skill_runner.backends.kube.attempts import Effect, Sleep
from skill_runner.backends.kube.discovery import Discovery, collection_path
from skill_runner.backends.kube.errors import api_error
from skill_runner.backends.kube.pages import Pages
from skill_runner.backends.kube.reviews import denied
from skill_runner.backends.kube.transport import APPLY, Transport, open_transport
from skill_runner.backends.kubeconfig import read_kubeconfig
from skill_runner.errors import ApiError, ClusterUnreachable, Conflict, NotFound
from skill_runner.objects import Object, Ref

WATCH_SECONDS: Final = 290  # the server ends a watch by then; below the usual idle limits
# The kubelet answers so, with 200, when its runtime does not tell it of the container: for a
# moment, or because the container is gone (pkg/kubelet/kuberuntime, GetContainerLogs).
NO_LOG: Final = "unable to retrieve container logs for "
LOG_TRIES: Final = 3
# Of a path that nothing serves (NewGenericServerResponse in apimachinery).
NO_KIND: Final = "could not find the requested resource"
DEFINING: Final = ("CustomResourceDefinition", "APIService")  # kinds that bring kinds
LOG_PAUSE: Final = 0.5  # seconds


async def connect(
    kubeconfig: str | None = None, context: str | None = None, *, sleep: Sleep = asyncio.sleep
) -> KubeCluster:
    """A connection to the cluster of a context; nothing is asked of it yet.

    Without arguments: kubectl's defaults. UsageError, Forbidden and ClusterUnreachable say what
    is wrong with the kubeconfig (see `read_kubeconfig` and `open_transport`).
    """
    target = read_kubeconfig(kubeconfig).target(context)
    return KubeCluster(await open_transport(target, sleep), sleep)


class KubeCluster:
    """One API server; close it at the end."""

    def __init__(self, transport: Transport, sleep: Sleep = asyncio.sleep) -> None:
        self.target: Target = transport.target
        self._transport = transport
        self._sleep = sleep
        self._discovery = Discovery(transport)

    async def version(self) -> str:
        answer = await self._transport.json("GET", "/version")
        return str(answer["gitVersion"])

    async def get(self, ref: Ref) -> Object:
        path = await self._discovery.path(ref)
        with self._known_kind():
            obj: Object = await self._transport.json("GET", path)
        return obj

    @contextmanager
    def _known_kind(self) -> Iterator[None]:
        """Forget the kinds that are served where the server says that it serves this one no more;
        an object that is missing is told in other words."""
        try:
            yield
        except NotFound as error:
            if NO_KIND in error.message:
                self._discovery.forget()
            raise

    def _wrote(self, kind: str) -> None:
        if kind in DEFINING:
            self._discovery.forget()

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
        served = await self._discovery.find(api_version, kind)
        pages = Pages(
            self._transport,
            collection_path(served, namespace),
            _selectors(labels, fields),
            # The items of a list leave their kind out, and bare ones have that of their metadata.
            own={"apiVersion": api_version, "kind": kind},
            pick=pick,
            most=most,
            bare=bare,
            retry=retry,
        )
        with self._known_kind():
            return await pages.read()

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
        served = await self._discovery.find(api_version, kind)
        query = _selectors(labels, fields) | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        if resource_version is not None:
            query["resourceVersion"] = resource_version
        path = collection_path(served, namespace)
        with self._known_kind():
            async for line in self._transport.lines(path, query):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    told = event["object"]
                    raise api_error(int(told.get("code") or 500), json.dumps(told), self.target)
                yield WatchEvent(event["type"], event["object"])

    async def apply(
        self,
        manifest: Object,
        *,
        dry_run: bool = False,
        force: bool = False,
        manager: str = FIELD_MANAGER,
    ) -> Object:
        query = _write(dry_run, manager) | ({"force": "true"} if force else {})
        path = await self._discovery.path(_named(manifest))
        with self._known_kind(), _bound_to_uid(manifest):
            made: Object = await self._transport.json(
                "PATCH", path, query=query, body=manifest, content=APPLY, effect="repeatable"
            )
        self._wrote(manifest["kind"])
        return made

    async def create(self, manifest: Object, *, dry_run: bool = False) -> Object:
        path = await self._discovery.path(_named(manifest), collection=True)
        query = _write(dry_run)
        effect: Effect = "repeatable" if dry_run else "write"

        async def post() -> Object:
            with self._known_kind():
                made: Object = await self._transport.json(
                    "POST", path, query=query, body=manifest, effect=effect
                )
            self._wrote(manifest["kind"])
            return made

        try:
            return await post()
        except ClusterUnreachable:
            if dry_run:
                raise
        try:
            live = await self.get(Ref.of(manifest))  # it may have been made all the same
        except NotFound:
            return await post()
        if not contains(live, manifest):
            raise Conflict(f"{Ref.of(manifest)} exists already", status=409, reason="AlreadyExists")
        return live

    async def replace(self, obj: Object) -> Object:
        path = await self._discovery.path(_named(obj))
        made: Object = await self._transport.json("PUT", path, query=_write(False), body=obj)
        return made

    async def delete(
        self,
        ref: Ref,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str = "Background",
        grace: int | None = None,
    ) -> None:
        wanted = {"uid": uid, "resourceVersion": resource_version}
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
            **({} if grace is None else {"gracePeriodSeconds": grace}),
            "preconditions": {key: value for key, value in wanted.items() if value is not None},
        }
        path = await self._discovery.path(ref)
        # By uid it can only be the same object; by name alone, one that was made meanwhile.
        effect: Effect = "repeatable" if uid else "write"
        try:
            await self._transport.json("DELETE", path, body=body, effect=effect)
            self._wrote(ref.kind)
        except NotFound:
            return
        except Conflict:
            if uid is None or await self._is(ref, uid):
                raise

    async def _is(self, ref: Ref, uid: str) -> bool:
        try:
            return bool((await self.get(ref))["metadata"]["uid"] == uid)
        except NotFound:
            return False

    async def logs(
        self, namespace: str, pod: str, container: str, *, previous: bool = False, tail: int = 100
    ) -> str:
        query = {"container": container, "tailLines": str(tail), "limitBytes": str(LOG_BYTES)}
        if previous:
            query["previous"] = "true"
        for tries in range(LOG_TRIES):
            if tries:
                await self._sleep(LOG_PAUSE)
            text = await self._log(namespace, pod, query)
            if not text.startswith(NO_LOG):
                return text
        raise NotFound(
            f"the node has no log of container {container} of pod {pod}",
            status=404,
            reason="NotFound",
        )

    async def _log(self, namespace: str, pod: str, query: Mapping[str, str]) -> str:
        try:
            text = await self._transport.text(
                "GET", f"{_pod_path(namespace, pod)}/log", query=query
            )
        except ApiError as error:
            # 400: "container … is waiting to start", "previous terminated container … not found"
            if error.status != 400:
                raise
            raise NotFound(error.message, status=404, reason="NotFound") from error
        return text.decode("utf-8", "replace")

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
        return await streams.run(
            self._transport,
            f"{_pod_path(namespace, pod)}/exec",
            container,
            argv,
            stdin=stdin,
            timeout=timeout,
        )

    def port_forward(self, namespace: str, pod: str, port: int) -> AbstractAsyncContextManager[int]:
        return streams.forward(self._transport, _pod_path(namespace, pod), port)

    async def resource_types(self, *, fresh: bool = False) -> tuple[ResourceType, ...]:
        return await self._discovery.all(fresh=fresh)

    async def resource_type(self, api_version: str, kind: str) -> ResourceType:
        return await self._discovery.find(api_version, kind)

    async def denied(self, rights: Sequence[Right]) -> tuple[Right, ...]:
        return await denied(self._transport, rights)

    async def close(self) -> None:
        await self._transport.close()


def _selectors(labels: str | None, fields: str | None) -> dict[str, str]:
    chosen = {"labelSelector": labels, "fieldSelector": fields}
    return {key: value for key, value in chosen.items() if value}


def _write(dry_run: bool, manager: str = FIELD_MANAGER) -> dict[str, str]:
    query = {"fieldManager": manager, "fieldValidation": "Strict"}
    return query | ({"dryRun": "All"} if dry_run else {})


def _named(manifest: Mapping[str, Any]) -> Ref:
    ref = Ref.of(manifest)
    if not ref.name:
        raise ApiError(f"a {ref.kind} without a name", status=422, reason="Invalid")
    return ref


@contextmanager
def _bound_to_uid(manifest: Mapping[str, Any]) -> Iterator[None]:
    """Conflict where the object has another uid than the manifest asks for: the server calls the
    field immutable (422) when the object exists, and answers 409 when there is none."""
    try:
        yield
    except ApiError as error:
        asked = (manifest.get("metadata") or {}).get("uid")
        immutable = f'metadata.uid: Invalid value: "{asked}"'
        if asked and error.status == 422 and immutable in error.message:
            raise Conflict(error.message, status=409, reason="Conflict") from error
        raise


def contains(live: Any, wanted: Any) -> bool:
    """Tell whether everything that is wanted is in the live object, whatever else the server
    added."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            key in live and contains(live[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(live, list) and len(live) == len(wanted) and all(map(contains, live, wanted))
        )
    return bool(live == wanted)


def _pod_path(namespace: str, pod: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods/{pod}"
