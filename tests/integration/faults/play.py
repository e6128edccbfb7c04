"""Play one scenario on a real cluster, recorded, in a namespace of its own."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from skill_runner.backends.base import Cluster
from skill_runner.backends.clock import SystemClock
from skill_runner.backends.kube.transport import Transport
from skill_runner.backends.recording import History, RecordingCluster
from skill_runner.errors import Conflict, NotFound
from skill_runner.objects import Object, Ref
from skill_runner.progress import silent
from skill_runner.readiness.wait import DEFAULT_POLICY, Expected, WaitResult, wait_ready
from tests.integration.faults.helming import play_through_helm
from tests.integration.faults.scenario import (
    CLUSTER_SCOPED,
    Deed,
    Scenario,
    act_later,
    apply_all,
    apply_when_served,
    make_namespace,
    placed,
)
from tests.integration.faults.users import user_of
from tests.support.testimage import IMAGE


@dataclass(frozen=True, slots=True)
class Played:
    """What the wait said, and all that it saw."""

    namespace: str
    result: WaitResult
    history: History


async def play(
    cluster: Cluster,
    transport: Transport,
    helm: str,
    scenario: Scenario,
    folder: Path,
    deeds: Mapping[str, Deed] | None = None,
) -> Played:
    """Make, wait, record, remove."""
    namespace = f"fault-{scenario.name.replace('_', '-')[:40]}-{secrets.token_hex(2)}"
    try:
        await make_namespace(cluster, scenario, namespace)
        if scenario.header.get("through") == "helm":
            result, recording = await play_through_helm(cluster, helm, scenario, namespace, folder)
        else:
            result, recording = await play_wait(
                cluster, transport, scenario, namespace, deeds or {}
            )
        history = recording.history(
            scenario=scenario.name,
            recorded=datetime.now(UTC).date().isoformat(),
            namespace=namespace,
        )
        return Played(namespace, result, history)
    finally:
        await clean(cluster, scenario, namespace)


async def play_wait(
    cluster: Cluster,
    transport: Transport,
    scenario: Scenario,
    namespace: str,
    deeds: Mapping[str, Deed],
) -> tuple[WaitResult, RecordingCluster]:
    """Apply the objects and wait for them, while things happen."""
    clock = SystemClock()
    if scenario.header.get("setup_ready"):
        await settle_setup(cluster, clock, scenario, namespace)
    expected = await apply_all(cluster, scenario, namespace)
    async with user_of(cluster, scenario, namespace) as (user, more):
        recording = RecordingCluster(user, clock)
        await recording.version()
        later = asyncio.create_task(
            act_later(cluster, transport, scenario, namespace, {**deeds, **more})
        )
        result = await wait_ready(
            recording,
            clock,
            expected,
            rules=scenario.rules(namespace),
            timeout=scenario.timeout,
            stability=scenario.stability,
            policy=scenario.policy,
            report=silent,
        )
        if later.done():
            later.result()  # what could not be done makes the scenario another one
        later.cancel()
        await asyncio.gather(later, return_exceptions=True)
    return result, recording


async def settle_setup(
    cluster: Cluster, clock: SystemClock, scenario: Scenario, namespace: str
) -> None:
    found = []
    for manifest in scenario.header["setup"]:
        here = placed(manifest, namespace)
        found.append(Expected.of(here, await cluster.get(Ref.of(here))))
    result = await wait_ready(
        cluster,
        clock,
        found,
        rules=(),
        timeout=60,
        stability=0,
        policy=DEFAULT_POLICY,
        report=silent,
    )
    assert result.state == "ready", result


async def clean(cluster: Cluster, scenario: Scenario, namespace: str) -> None:
    """Remove what it made; the namespace goes on its own time."""
    with contextlib.suppress(Exception):
        await cluster.delete(Ref("v1", "Namespace", namespace))
    for manifest in (*scenario.header.get("setup", []), *scenario.manifests):
        here = placed(manifest, namespace)
        if manifest["metadata"].get("finalizers"):
            await let_go(cluster, Ref.of(here))
        if manifest["kind"] in CLUSTER_SCOPED:
            with contextlib.suppress(Exception):
                await cluster.delete(Ref.of(here))


async def let_go(cluster: Cluster, ref: Ref) -> None:
    """Take the finalizers away."""
    for _ in range(20):
        with contextlib.suppress(Conflict):
            try:
                found = await cluster.get(ref)
                meta = {**found["metadata"], "finalizers": []}
                await cluster.replace({**found, "metadata": meta})
            except NotFound:
                pass
            return


def _registry(namespace: str) -> Object:
    serve = "echo '/v2/private:a:b' > /tmp/c; exec httpd -f -p 5999 -c /tmp/c -h /www"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "registry", "namespace": namespace},
        "spec": {
            "hostNetwork": True,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "httpd",
                    "image": IMAGE,
                    "command": ["sh", "-c", serve],
                    "readinessProbe": {"tcpSocket": {"port": 5999}, "periodSeconds": 1},
                }
            ],
        },
    }


@contextlib.asynccontextmanager
async def empty_registry(cluster: Cluster) -> AsyncIterator[None]:
    """Something on the node's port 5999 that answers 404 to all, and 401 below /v2/private."""
    namespace = f"faults-registry-{secrets.token_hex(2)}"
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    pod = _registry(namespace)
    try:
        for _ in range(100):
            if (await cluster.list("v1", "ServiceAccount", namespace=namespace)).items:
                break
            await asyncio.sleep(0.05)
        made = await apply_when_served(cluster, pod)
        result = await wait_ready(
            cluster,
            SystemClock(),
            [Expected.of(pod, made)],
            rules=(),
            timeout=60,
            stability=0,
            policy=DEFAULT_POLICY,
            report=silent,
        )
        assert result.state == "ready", result.problem
        yield
    finally:
        await cluster.delete(Ref("v1", "Namespace", namespace))
