"""The Cluster Protocol over a real API server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from skill_runner.backends.base import (
    FIELD_MANAGER,
    ExecResult,
    Object,
    ObjectList,
    Ref,
    ResourceType,
    Target,
    WatchEvent,
)  # fmt: skip
from skill_runner.backends.cluster import streams
from skill_runner.backends.cluster.discovery import Discovery, collection_path
from skill_runner.backends.cluster.errors import api_error
from skill_runner.backends.cluster.transport import APPLY, Sleep, Transport, open_transport
from skill_runner.backends.kubeconfig import read_kubeconfig
from skill_runner.errors import ApiError, Conflict, NotFound

WATCH_SECONDS: Final = 290  # the server ends a watch by then; below the usual idle limits
LOG_BYTES: Final = 1024 * 1024
# The kubelet answers so, with 200, when its runtime does not tell it of the container: for a
# moment, or because the container is gone (pkg/kubelet/kuberuntime, GetContainerLogs).
NO_LOG: Final = "unable to retrieve container logs for "
LOG_TRIES: Final = 3
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
        obj: Object = await self._transport.json("GET", await self._discovery.path(ref))
        return obj

    async def list(
        self, api_version: str, kind: str, *, namespace: str | None = None,
        labels: str | None = None, fields: str | None = None,
    ) -> ObjectList:  # fmt: skip
        served = await self._discovery.find(api_version, kind)
        answer = await self._transport.json(
            "GET", collection_path(served, namespace), query=_selectors(labels, fields)
        )
        own = {"apiVersion": api_version, "kind": kind}  # the items of a list leave them out
        items = tuple({**own, **item} for item in answer.get("items") or ())
        return ObjectList(items, answer["metadata"]["resourceVersion"])

    async def watch(
        self, api_version: str, kind: str, *, namespace: str | None = None,
        labels: str | None = None, fields: str | None = None, resource_version: str | None = None,
    ) -> AsyncGenerator[WatchEvent, None]:  # fmt: skip
        served = await self._discovery.find(api_version, kind)
        query = _selectors(labels, fields) | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        if resource_version is not None:
            query["resourceVersion"] = resource_version
        path = collection_path(served, namespace)
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
        made: Object = await self._transport.json(
            "PATCH", path, query=query, body=manifest, content=APPLY
        )
        return made

    async def create(self, manifest: Object, *, dry_run: bool = False) -> Object:
        path = await self._discovery.path(_named(manifest), collection=True)
        made: Object = await self._transport.json(
            "POST", path, query=_write(dry_run), body=manifest
        )
        return made

    async def replace(self, obj: Object) -> Object:
        path = await self._discovery.path(_named(obj))
        made: Object = await self._transport.json("PUT", path, query=_write(False), body=obj)
        return made

    async def delete(
        self, ref: Ref, *, uid: str | None = None, resource_version: str | None = None,
        propagation: str = "Background", grace: int | None = None,
    ) -> None:  # fmt: skip
        wanted = {"uid": uid, "resourceVersion": resource_version}
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
            **({} if grace is None else {"gracePeriodSeconds": grace}),
            "preconditions": {key: value for key, value in wanted.items() if value is not None},
        }
        try:
            await self._transport.json("DELETE", await self._discovery.path(ref), body=body)
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
        raise NotFound(f"the node has no log of container {container} of pod {pod}", status=404,
                       reason="NotFound")  # fmt: skip

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
        self, namespace: str, pod: str, container: str, argv: Sequence[str], *,
        stdin: str | None = None, timeout: float = 60.0,
    ) -> ExecResult:  # fmt: skip
        return await streams.run(
            self._transport, f"{_pod_path(namespace, pod)}/exec", container, argv,
            stdin=stdin, timeout=timeout,
        )  # fmt: skip

    def port_forward(self, namespace: str, pod: str, port: int) -> AbstractAsyncContextManager[int]:
        return streams.forward(self._transport, _pod_path(namespace, pod), port)

    async def resource_types(self) -> tuple[ResourceType, ...]:
        return await self._discovery.all()

    async def allowed(
        self, verb: str, api_version: str, kind: str, *, namespace: str | None = None
    ) -> bool:
        kind, _, subresource = kind.partition("/")
        group, _, version = api_version.rpartition("/")
        try:
            plural = (await self._discovery.find(api_version, kind)).plural
        except NotFound:
            plural = f"{kind.lower()}s"  # a kind that a step will bring
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {
                "resourceAttributes": {
                    "verb": verb, "group": group, "version": version, "resource": plural,
                    "subresource": subresource, "namespace": namespace or "",
                }
            },
        }  # fmt: skip
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = await self._transport.json("POST", path, body=review)
        return bool(answer["status"].get("allowed"))

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


def _pod_path(namespace: str, pod: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods/{pod}"
