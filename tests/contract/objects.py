"""Objects that the contracts make, and waits for what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from skill_runner.backends.base import Cluster, WatchEvent
from skill_runner.errors import (
    NotFound,
)
from skill_runner.objects import Object, Ref

# Clusters put ConfigMaps of their own into every namespace.
OURS = {"made-by": "contract"}

ONLY_OURS = "made-by=contract"


def config_map(namespace: str, name: str = "settings", **data: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(OURS)},
        "data": data,
    }


def deployment(namespace: str, *, replicas: int = 0, image: str = "app:1") -> Object:
    labels = {"app": "web"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    }


def version_of(obj: Object) -> str:
    version: str = obj["metadata"]["resourceVersion"]
    return version


async def following(stream: AsyncIterator[WatchEvent]) -> WatchEvent:
    """The next event that is no bookmark."""
    async with asyncio.timeout(30):
        async for event in stream:
            if event.type != "BOOKMARK":
                return event
    raise AssertionError("the watch ended")


async def served(cluster: Cluster, api_version: str, kind: str) -> None:
    """Until the cluster serves a kind; a look at a time, the server's own answers pace it."""
    async with asyncio.timeout(30):
        while True:
            try:
                await cluster.list(api_version, kind)
            except NotFound:
                await asyncio.sleep(0.05)
            else:
                return


async def gone(cluster: Cluster, ref: Ref) -> None:
    """Until an object is gone, by a watch."""
    async with asyncio.timeout(60):
        stream = cluster.watch(ref.api_version, ref.kind, fields=f"metadata.name={ref.name}")
        try:
            await cluster.get(ref)
        except NotFound:
            return
        async with aclosing(stream):
            async for event in stream:
                if event.type == "DELETED":
                    return
