"""From the moment the kubelet marks the last pod Ready to our verdict, without the window.

The API's own timestamps are whole seconds, so an independent watcher (another process, another
connection) says when the change of the pod, and of its Deployment, reached a client. All clocks are
CLOCK_MONOTONIC of one machine.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from pathlib import Path

from skill_runner.backends.base import Cluster
from skill_runner.backends.clock import SystemClock
from skill_runner.objects import Object, Ref
from skill_runner.progress import silent
from skill_runner.readiness.wait import DEFAULT_POLICY, Expected, wait_ready
from tests.support.testimage import IMAGE

POD, DEPLOYMENT = "pod Ready → verdict", "Deployment available → verdict"
CONTROLLERS = "pod Ready → Deployment available (Kubernetes' own)"


async def measure_latency(cluster: Cluster, rounds: int) -> dict[str, list[float]]:
    """Seconds by what they span, one of each a round."""
    found: dict[str, list[float]] = {POD: [], CONTROLLERS: [], DEPLOYMENT: []}
    namespace = f"latency-{secrets.token_hex(2)}"
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    watcher = await _start_watcher(cluster, namespace)
    try:
        for number in range(rounds):
            verdict, seen = await _round(cluster, watcher, namespace, f"web-{number}")
            found[POD].append(verdict - seen["Pod"])
            found[CONTROLLERS].append(seen["Deployment"] - seen["Pod"])
            found[DEPLOYMENT].append(verdict - seen["Deployment"])
    finally:
        watcher.terminate()
        await watcher.wait()
        await cluster.delete(Ref("v1", "Namespace", namespace))
    return found


async def _start_watcher(cluster: Cluster, namespace: str) -> asyncio.subprocess.Process:
    target = cluster.target
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("watcher.py")),
        target.kubeconfig,
        target.context,
        namespace,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    await process.stdout.readline()  # it is watching
    return process


async def _round(
    cluster: Cluster, watcher: asyncio.subprocess.Process, namespace: str, name: str
) -> tuple[float, dict[str, float]]:
    manifest = _deployment(name, namespace)
    applied = await cluster.apply(manifest)
    result = await wait_ready(
        cluster,
        SystemClock(),
        [Expected.of(manifest, applied)],
        rules=(),
        timeout=60,
        stability=0,
        policy=DEFAULT_POLICY,
        report=silent,
    )
    verdict = time.monotonic()
    assert result.state == "ready", result.problem
    seen: dict[str, float] = {}
    assert watcher.stdout is not None
    while len(seen) < 2:
        line = json.loads(await asyncio.wait_for(watcher.stdout.readline(), 20))
        if line["name"].startswith(name):
            seen.setdefault(line["kind"], line["at"])
    await cluster.delete(Ref.of(manifest))
    return verdict, seen


def _deployment(name: str, namespace: str) -> Object:
    labels = {"app": name}
    container = {
        "name": "app",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", "sleep 1; touch /tmp/ready; sleep 100000"],
        "readinessProbe": {"exec": {"command": ["ls", "/tmp/ready"]}, "periodSeconds": 1},
    }
    template = {
        "metadata": {"labels": labels},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }
