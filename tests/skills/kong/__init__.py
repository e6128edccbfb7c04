"""What the tests of the gateway share: its image, its inputs, and objects that break it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

from skill_runner.backends.kube import connect
from skill_runner.objects import Object, Ref
from tests.support.driver import Driver
from tests.support.images import load_image

HERE: Final = Path(__file__).parent
CHART: Final = HERE / "chart"
NAME: Final = "kong-k8s-setup"
KONG: Final = "configuration.konghq.com/v1"


def load_gateway(driver: Driver) -> str:
    """The played gateway and its controller, in the cluster; the name of their image."""
    return load_image(driver, "localhost/kong:3.9.3", HERE / "image")


def settings(gateway: str, controller: str, chart: Path = CHART) -> tuple[str, ...]:
    """The inputs by which the skill takes what is played."""
    given = {
        "gateway_image": gateway,
        "controller_image": controller,
        "chart": chart,
        "validate": "false",
    }
    return tuple(word for name, value in given.items() for word in ("--set", f"{name}={value}"))


def plugin(name: str, namespace: str, kind: str, **config: Any) -> Object:
    return {
        "apiVersion": KONG,
        "kind": "KongPlugin",
        "plugin": kind,
        "config": config,
        "metadata": {"name": name, "namespace": namespace},
    }


def ingress(name: str, namespace: str, path: str, *, plugins: str = "") -> Object:
    """An Ingress to the gateway's own status, by the Service of that name."""
    backend = {"service": {"name": "kong-proxy", "port": {"number": 80}}}
    rule = {"http": {"paths": [{"path": path, "pathType": "Prefix", "backend": backend}]}}
    notes = {"konghq.com/plugins": plugins} if plugins else {}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": namespace, "annotations": notes},
        "spec": {"ingressClassName": "kong", "rules": [rule]},
    }


def until_said(driver: Driver, kind: str, reason: str) -> None:
    """Wait for an event about an object of that kind."""
    asyncio.run(_until_said(driver, kind, reason))


async def _until_said(driver: Driver, kind: str, reason: str) -> None:
    cluster = await connect(str(driver.kubeconfig), driver.context)
    try:
        async with asyncio.timeout(60):
            async for seen in cluster.watch("v1", "Event", fields=f"reason={reason}"):
                if (seen.object.get("involvedObject") or {}).get("kind") == kind:
                    return
    finally:
        await cluster.close()


def pods(driver: Driver) -> list[Ref]:
    """The gateway's pods that are there."""
    return [
        Ref("v1", "Pod", p["metadata"]["name"], "kong")
        for p in driver.every("Pod")
        if p["metadata"]["namespace"] == "kong"
        and (p["metadata"].get("labels") or {}).get("app.kubernetes.io/component") == "app"
    ]
