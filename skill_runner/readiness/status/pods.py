"""Pod: its Ready condition, and what each container that is not ready waits for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from skill_runner.objects import Object, at, condition, count, is_false, is_true, says
from skill_runner.readiness.status.dapr import lacks_sidecar
from skill_runner.readiness.status.verdict import Verdict, failed, progressing, ready
from skill_runner.text.quoting import excerpt, named


def pod(obj: Object) -> Verdict:
    phase = at(obj, "status.phase")
    restarts = sum(int(c.get("restartCount", 0)) for c in container_statuses(obj))
    if phase == "Succeeded":
        if at(obj, "spec.restartPolicy", "Always") == "Always":
            return progressing("all containers ended, although they should keep running")
        return ready("completed", restarts=restarts)
    if phase == "Failed":
        return failed(_why_failed(obj), restarts=restarts, reason=at(obj, "status.reason", ""))
    if phase is None:
        return progressing("nothing has reported on it yet")
    scheduled = condition(obj, "PodScheduled")
    if is_false(scheduled) and scheduled:
        return progressing(f"waits for a node ({says(scheduled)})", restarts=restarts)
    if is_true(condition(obj, "Ready")):
        total = len(at(obj, "spec.containers", []))
        message = f"{total} of {total} containers are ready"
        if lacks_sidecar(obj):
            return progressing(f"{message}, its Dapr sidecar is not there", restarts=restarts)
        return ready(message, restarts=restarts)
    return _containers(obj, restarts)


def _why_failed(obj: Object) -> str:
    reason, message = at(obj, "status.reason", ""), at(obj, "status.message", "")
    if reason or message:
        parts = [named(reason)] if reason else []
        parts += [excerpt(message)] if message else []
        return f"failed ({': '.join(parts)})"
    for status in container_statuses(obj):
        ended = at(status, "state.terminated")
        if ended and count(ended, "exitCode"):
            return f"failed: container {status['name']} exited with code {ended['exitCode']}"
    return "failed"


def _containers(obj: Object, restarts: int) -> Verdict:
    for status in at(obj, "status.initContainerStatuses", []):
        name = status.get("name")
        done = at(status, "state.terminated.reason") == "Completed"
        if not done and not _sidecar_started(obj, status):
            return progressing(f"init container {name} {_doing(status)}", restarts=restarts)
    statuses = at(obj, "status.containerStatuses", [])
    total = len(at(obj, "spec.containers", statuses))
    done_count = sum(1 for s in statuses if s.get("ready"))
    waiting = [f"{s.get('name')} {_doing(s)}" for s in statuses if not s.get("ready")]
    tail = f": {', '.join(waiting)}" if waiting else ""
    message = f"{done_count} of {total} containers are ready{tail}"
    if done_count == total and (gates := at(obj, "spec.readinessGates", [])):
        names = ", ".join(str(g.get("conditionType")) for g in gates)
        message = f"all containers are ready, its readiness gates are not ({names})"
    return progressing(message, done=done_count, total=total, restarts=restarts)


def _sidecar_started(obj: Object, status: Mapping[str, Any]) -> bool:
    """A native sidecar (init container with restartPolicy Always) only has to have started."""
    return bool(status.get("started")) and any(
        c.get("name") == status.get("name") and c.get("restartPolicy") == "Always"
        for c in at(obj, "spec.initContainers", [])
    )


def _doing(status: Mapping[str, Any]) -> str:
    """Say what a container does instead of being ready."""
    if (waiting := at(status, "state.waiting")) is not None:
        reason = waiting.get("reason") or "waiting"
        return {
            "ContainerCreating": "is being created",
            "PodInitializing": "waits for the init containers",
        }.get(reason, f"waits ({reason})")
    if (ended := at(status, "state.terminated")) is not None:
        return f"exited with code {ended.get('exitCode')} ({ended.get('reason') or 'no reason'})"
    if at(status, "state.running") is not None:
        return "runs, not ready"
    return "has not started"


def container_statuses(obj: Object) -> Iterator[Mapping[str, Any]]:
    """Statuses of every container of a pod: init and sidecar first, then the others."""
    for part in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        yield from at(obj, f"status.{part}", [])
