"""One-off pods: made, followed to their end by a watch, read, and removed whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from skill_runner.backends.base import Clock, Cluster
from skill_runner.errors import ApiError, Gone, NotFound
from skill_runner.objects import Object, Ref
from skill_runner.plan import Installation
from skill_runner.plan.placement import proof_labels
from skill_runner.tasks import uncancelled

MAIN: Final = "main"  # the container that runs the command
ENDED: Final = frozenset({"Succeeded", "Failed"})
STUCK: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)
# Of a pod that nobody needs to trust: https://kubernetes.io/docs/concepts/security/pod-security-standards/
RESTRICTED: Final[Mapping[str, Any]] = {
    "restartPolicy": "Never",
    "enableServiceLinks": False,
    "automountServiceAccountToken": False,
    "terminationGracePeriodSeconds": 1,
    "securityContext": {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "fsGroup": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}


def pod_manifest(
    *,
    name: str,
    installation: Installation,
    image: str,
    command: Sequence[str],
    env: Mapping[str, Any],
    resources: Mapping[str, Any],
    labels: Mapping[str, str],
    overrides: Mapping[str, Any],
    annotations: Mapping[str, str] | None = None,
    namespace: str | None = None,
) -> Object:
    """A pod that satisfies the restricted Pod Security profile and never restarts."""
    meta = {
        "name": name,
        "namespace": namespace or installation.namespace,
        "annotations": dict(annotations or {}),
        "labels": {
            **proof_labels(installation),
            **labels,
        },
    }
    spec: dict[str, Any] = {
        **RESTRICTED,
        "containers": [_container(image, command, env, resources)],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
        **overrides,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def _container(
    image: str, command: Sequence[str], env: Mapping[str, Any], resources: Mapping[str, Any]
) -> Object:
    variables = [
        {"name": key, **({"valueFrom": value} if isinstance(value, Mapping) else {"value": value})}
        for key, value in env.items()
    ]
    return {
        "name": MAIN,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
        "env": variables,
        "resources": dict(resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108
    }


async def run_to_completion(
    cluster: Cluster, clock: Clock, manifest: Object, *, timeout: float
) -> tuple[int, str]:
    """Exit code and log of the pod's container; TimeoutError says what it was waiting for.

    Of a command that could not be started, the log is what the node says of it.

    The pod is removed whatever happens, also when we are cancelled.
    """
    made = await _create(cluster, manifest)
    ref = Ref.of(made)
    namespace = str(ref.namespace)
    try:
        last = made
        try:
            async with asyncio.timeout(timeout):
                last = await _follow(cluster, clock, made)
        except TimeoutError:
            now = await cluster.get(ref)
            raise TimeoutError(f"not done after {timeout:.0f} s: {_state(now)}") from None
        if last["status"]["phase"] not in ENDED:
            raise TimeoutError(_state(last))
        end = _end(last)
        logs = await cluster.logs(namespace, ref.name, MAIN, tail=400)
        return int(end.get("exitCode", 1)), logs or str(end.get("message", ""))
    finally:
        await uncancelled(_delete(cluster, made))


async def _create(cluster: Cluster, manifest: Object) -> Object:
    """A cancellation in the middle would leave a pod that nobody knows of."""
    making = asyncio.ensure_future(cluster.create(manifest))
    try:
        return await uncancelled(making)
    except asyncio.CancelledError:
        if making.exception() is None:
            await uncancelled(_delete(cluster, making.result()))
        raise


async def _delete(cluster: Cluster, made: Object) -> None:
    await cluster.delete(Ref.of(made), uid=made["metadata"].get("uid"))


async def _follow(cluster: Cluster, clock: Clock, pod: Object) -> Object:
    """Watch one pod until it ended, or is stuck in a state that it does not leave by itself."""
    meta = pod["metadata"]
    while True:
        found = await cluster.list(
            "v1", "Pod", namespace=meta["namespace"], fields=f"metadata.name={meta['name']}"
        )
        if not found.items:
            raise NotFound(f"Pod {meta['namespace']}/{meta['name']} was deleted by someone else")
        if _settled(found.items[0]):
            return found.items[0]
        try:
            async for event in cluster.watch(
                "v1",
                "Pod",
                namespace=meta["namespace"],
                fields=f"metadata.name={meta['name']}",
                resource_version=found.resource_version,
            ):
                if event.type in ("ADDED", "MODIFIED") and _settled(event.object):
                    return event.object
                if event.type == "DELETED":
                    break
        except (Gone, ApiError):
            await clock.sleep(0.5)  # the watch broke; look again


def _settled(pod: Object) -> bool:
    status = pod.get("status") or {}
    return status.get("phase") in ENDED or _waiting_reason(pod) in STUCK


def _waiting_reason(pod: Object) -> str:
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting")
        if waiting:
            return str(waiting.get("reason", ""))
    return ""


def _state(pod: Object) -> str:
    """Say what the pod is doing: its phase, and why its container waits."""
    status = pod.get("status") or {}
    for container in status.get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting")
        if waiting:
            return f"{waiting.get('reason')}: {waiting.get('message', '')}".strip(": ")
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"{condition.get('reason')}: {condition.get('message', '')}"
    return f"its phase is {status.get('phase', 'unknown')}"


def _end(pod: Object) -> Object:
    """Return the end of the pod's own container: an injected sidecar's end tells nothing."""
    for container in pod["status"].get("containerStatuses") or ():
        ended: Object | None = (container.get("state") or {}).get("terminated")
        if ended and container.get("name") == MAIN:
            return ended
    return {}
