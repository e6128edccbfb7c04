"""Pods as a kubelet would report them: starting, ready, or stopped by a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from skill_runner.objects import Object, Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """The fate of the pods of a workload, `after` seconds.

    Without a `reason` they are ready (those of a Job succeed). With one, their containers wait
    for it (ErrImagePull, CrashLoopBackOff, ...) or, for Unschedulable, get no node. `exit_code`
    and `restarts` tell of the last end of a container that ran.
    """

    after: float = 0.0
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    restarts: int = 0


def owned_by(owner: Object) -> Object:
    """The owner reference of a controller."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "controller": True,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }


def from_template(ref: Ref, template: Object, owner: Object, labels: Mapping[str, str]) -> Object:
    """A pod of a template, with labels of its own besides."""
    meta = template.get("metadata") or {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": ref.name,
            "namespace": ref.namespace,
            "labels": {**(meta.get("labels") or {}), **labels},
            "annotations": dict(meta.get("annotations") or {}),
            "ownerReferences": [owned_by(owner)],
        },
        "spec": template["spec"],
    }


def starting(pod: Object) -> dict[str, Any]:
    """A pod whose containers are being made."""
    return _status(pod, "Pending", ready=False, state=_waiting("ContainerCreating", ""))


def status_of(pod: Object, fate: Fate, *, job: bool) -> dict[str, Any]:
    """A pod that met its fate."""
    if fate.reason == "Unschedulable":
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": fate.message,
        }
        return {"phase": "Pending", "conditions": [condition], "containerStatuses": []}
    if fate.reason and not (job and fate.exit_code is not None):
        state = _waiting(fate.reason, fate.message)
        return _status(pod, "Pending", ready=False, state=state, fate=fate)
    if job or pod["spec"].get("restartPolicy") == "Never":
        code = fate.exit_code or 0
        phase = "Failed" if code else "Succeeded"
        return _status(pod, phase, ready=False, state=_terminated(code), fate=fate)
    return _status(pod, "Running", ready=True, state={"running": {}}, fate=fate)


def endpoint(pod: Object) -> Object:
    """The pod as an EndpointSlice lists it."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    meta = pod["metadata"]
    return {
        "addresses": ["192.0.2.1"],
        "conditions": {"ready": ready, "serving": ready, "terminating": False},
        "targetRef": {
            "kind": "Pod",
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
        },
    }


def _status(
    pod: Object, phase: str, *, ready: bool, state: Object, fate: Fate | None = None
) -> dict[str, Any]:
    last = {}
    if fate and fate.exit_code is not None and "waiting" in state:
        last = _terminated(fate.exit_code)
    containers = [
        {
            "name": container["name"],
            "image": container.get("image", ""),
            "ready": ready,
            "started": ready,
            "restartCount": fate.restarts if fate else 0,
            "state": state,
            "lastState": last,
        }
        for container in pod["spec"]["containers"]
    ]
    conditions = [
        {"type": "PodScheduled", "status": "True"},
        {"type": "Ready", "status": str(ready)},
    ]
    return {"phase": phase, "conditions": conditions, "containerStatuses": containers}


def _waiting(reason: str, message: str) -> Object:
    return {"waiting": {"reason": reason, "message": message}}


def _terminated(code: int) -> Object:
    return {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}}
