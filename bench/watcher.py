"""A process that prints when pods and Deployments of a namespace are first seen ready."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import aclosing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from skill_runner.backends.base import Cluster
from skill_runner.backends.kube import connect
from skill_runner.objects import Object


def is_ready(obj: Object) -> bool:
    status = obj.get("status") or {}
    if obj["kind"] == "Pod":
        conditions = status.get("conditions") or ()
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return bool(status.get("availableReplicas"))


async def follow(cluster: Cluster, api_version: str, kind: str, namespace: str) -> None:
    start = (await cluster.list(api_version, kind, namespace=namespace)).resource_version
    told: set[str] = set()
    events = cluster.watch(api_version, kind, namespace=namespace, resource_version=start)
    async with aclosing(events):
        async for event in events:
            now = time.monotonic()
            obj = {"kind": kind, **event.object}
            name = obj["metadata"].get("name", "")
            if event.type != "BOOKMARK" and name not in told and is_ready(obj):
                told.add(name)
                sys.stdout.write(json.dumps({"kind": kind, "name": name, "at": now}) + "\n")
                sys.stdout.flush()


async def main() -> None:
    kubeconfig, context, namespace = sys.argv[1:]
    cluster = await connect(kubeconfig, context)
    both = asyncio.gather(
        follow(cluster, "v1", "Pod", namespace),
        follow(cluster, "apps/v1", "Deployment", namespace),
    )
    await asyncio.sleep(1)
    sys.stdout.write("watching\n")
    sys.stdout.flush()
    await both


if __name__ == "__main__":
    asyncio.run(main())
