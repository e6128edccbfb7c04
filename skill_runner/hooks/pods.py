"""One-off pods: made, followed to their end by a watch, read, and removed whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from skill_runner.backends.base import Clock, Cluster
from skill_runner.backends.clock import within
from skill_runner.errors import ApiError, Gone, NotFound
from skill_runner.objects import Object, Ref
from skill_runner.plan import Installation
from skill_runner.plan.placement import proof_labels
from skill_runner.tasks import uncancelled

MAIN: Final = "main"  # the container that runs the command
JOB_LABEL: Final = "job-name"  # of a Job's pods, by its controller
JOB_STAYS: Final = 60  # seconds after its end
LOOK_EVERY: Final = 0.25  # seconds
GOING: Final = 30  # looks at a Job that is to go
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


def job_of(pod: Object) -> Object:
    """A Job of the pod's name that makes it once, and goes by itself where its run was killed."""
    meta = pod["metadata"]
    template = {
        "metadata": {key: meta[key] for key in ("labels", "annotations")},
        "spec": pod["spec"],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {key: meta[key] for key in ("name", "namespace", "labels")},
        "spec": {"backoffLimit": 0, "ttlSecondsAfterFinished": JOB_STAYS, "template": template},
    }


async def run_to_completion(
    cluster: Cluster, clock: Clock, manifest: Object, *, timeout: float
) -> tuple[int, str]:
    """Exit code and log of the container of a pod, or of a Job's only pod; TimeoutError says what
    it was waiting for.

    Of a command that could not be started, the log is what the node says of it.

    The pod and the Job are removed whatever happens, also when we are cancelled.
    """
    made = await _create(cluster, clock, manifest)
    try:
        try:
            last = await within(clock, timeout, _follow(cluster, clock, made))
        except TimeoutError:
            said = await _state_of(cluster, made)
            raise TimeoutError(f"not done after {timeout:.0f} s: {said}") from None
        if last["status"]["phase"] not in ENDED:
            raise TimeoutError(_state(last))
        end, pod = _end(last), Ref.of({"apiVersion": "v1", "kind": "Pod", **last})
        logs = await cluster.logs(str(pod.namespace), pod.name, MAIN, tail=400)
        return int(end.get("exitCode", 1)), logs or str(end.get("message", ""))
    finally:
        await uncancelled(_delete(cluster, clock, made))


async def _create(cluster: Cluster, clock: Clock, manifest: Object) -> Object:
    """A cancellation in the middle would leave a pod that nobody knows of."""
    making = asyncio.ensure_future(cluster.create(manifest))
    try:
        return await uncancelled(making)
    except asyncio.CancelledError:
        if making.exception() is None:
            await uncancelled(_delete(cluster, clock, making.result()))
        raise


async def _delete(cluster: Cluster, clock: Clock, made: Object) -> None:
    """Delete a pod; or a Job, and see it go with its pod, which the cluster deletes after it."""
    ref, uid = Ref.of(made), made["metadata"].get("uid")
    if ref.kind == "Pod":
        await cluster.delete(ref, uid=uid)
        return
    await cluster.delete(ref, uid=uid, propagation="Foreground")
    for _ in range(GOING):
        try:
            await cluster.get(ref)
        except NotFound:
            return
        await clock.sleep(LOOK_EVERY)


async def _follow(cluster: Cluster, clock: Clock, made: Object) -> Object:
    """Watch a pod, or that of a Job, until it ended, or is stuck in a state that it does not leave
    by itself."""
    ref, (labels, fields) = Ref.of(made), _selection(made)
    space, seen = ref.namespace, ref.kind == "Pod"  # a Job's comes a moment later
    while True:
        found = await cluster.list("v1", "Pod", namespace=space, labels=labels, fields=fields)
        if seen and not found.items:
            raise NotFound(f"Pod {ref.namespace}/{ref.name} was deleted by someone else")
        for pod in found.items:
            seen = True
            if _settled(pod):
                return pod
        try:
            async for event in cluster.watch(
                "v1",
                "Pod",
                namespace=space,
                labels=labels,
                fields=fields,
                resource_version=found.resource_version,
            ):
                seen = seen or event.type in ("ADDED", "MODIFIED", "DELETED")
                if event.type in ("ADDED", "MODIFIED") and _settled(event.object):
                    return event.object
                if event.type == "DELETED":
                    break
        except (Gone, ApiError):
            await clock.sleep(0.5)  # the watch broke; look again


def _selection(made: Object) -> tuple[str | None, str | None]:
    """The labels, or the fields, by which the pod of a one-off is listed."""
    name = made["metadata"]["name"]
    by_job = made["kind"] == "Job"
    return (f"{JOB_LABEL}={name}", None) if by_job else (None, f"metadata.name={name}")


def _settled(pod: Object) -> bool:
    status = pod.get("status") or {}
    return status.get("phase") in ENDED or _waiting_reason(pod) in STUCK


def _waiting_reason(pod: Object) -> str:
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting")
        if waiting:
            return str(waiting.get("reason", ""))
    return ""


async def _state_of(cluster: Cluster, made: Object) -> str:
    """Say what the pod of a one-off is doing; of a Job that has made none, why, by its events."""
    ref, (labels, fields) = Ref.of(made), _selection(made)
    space = ref.namespace
    pods = (await cluster.list("v1", "Pod", namespace=space, labels=labels, fields=fields)).items
    if pods:
        return _state(pods[0])
    its_own = f"involvedObject.uid={made['metadata']['uid']}"
    events = (await cluster.list("v1", "Event", namespace=space, fields=its_own)).items
    return str(events[-1].get("message")) if events else f"{ref} has made no pod"


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
