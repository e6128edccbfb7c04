"""A container that ended when it should run: which kind of ending, how often, what it said last."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from skill_runner.objects import Object, at
from skill_runner.readiness.diagnosis.commands import missing_command
from skill_runner.readiness.diagnosis.events import Seen
from skill_runner.readiness.diagnosis.pod_view import PodView
from skill_runner.readiness.diagnosis.probe_times import container_spec, grace_of
from skill_runner.readiness.diagnosis.recovery import RECENT, epoch, is_past, relapse_of
from skill_runner.readiness.diagnosis.repeats import awaits_something, end_of, last_words
from skill_runner.readiness.diagnosis.symptom import Symptom, symptom_of
from skill_runner.readiness.diagnosis.text import LOG_OF, squeeze, telling_line, times
from skill_runner.text.quoting import excerpt, named

PAST: Final = 3600.0
_WRONG_ARCH: Final = re.compile(r"exec format error", re.IGNORECASE)
_COMPONENT_CODE: Final = "[INIT_COMPONENT_FAILURE]: "
_COMPONENT: Final = re.compile(
    r"initialization error occurred for (?P<name>\S+) \((?P<type>[^() ]{1,200})\):? ?(?P<why>.*?)"
    r"(?:\" app_id=|$)"
)
_LATE_COMPONENT: Final = re.compile(
    r"init timeout for component (?P<name>\S+) exceeded after (?P<time>\w+)"
)
_START_ERRORS: Final = ("StartError", "ContainerCannotRun", "RunContainerError")
_SIGNALS: Final = {134: "SIGABRT", 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM"}


def crash_symptoms(view: PodView, status: Mapping[str, Any]) -> Iterator[Symptom]:
    """Symptoms of one container that ended, or runs again after having ended.

    One that runs again has the time that its own probes give a start.
    """
    pod, name = view.pod, status["name"]
    ended = last_end(status)
    spec = container_spec(pod, name)
    if ended is None or not _troubled(pod, status) or is_past(spec, status, view.now):
        return
    log = view.logs.get(name, "")
    reason, cause = _what(pod, status, ended, view.events, log)
    if view.of_job and reason not in ("ImageWrongArch", "CommandNotFound"):
        reason = "JobRetrying"
    restarts = int(status.get("restartCount", 0))
    yield symptom_of(
        pod,
        reason,
        cause,
        container=name,
        owner=view.owner,
        restarts=restarts,
        grace=grace_of(spec) if at(status, "state.running") is not None else 0.0,
        end=end_of(status, ended),
        words=last_words(ended, log) if name in view.fresh else "",
        awaits=awaits_something(log),
        sightings=max(1, restarts + (1 if at(status, "state.terminated") is not None else 0)),
        lines=tuple(_lines(pod, status, ended, log, view.events)),
    )


def last_end(status: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return how the container last ended: now, or before its restart."""
    found = at(status, "state.terminated", at(status, "lastState.terminated"))
    return found if isinstance(found, Mapping) else None


def recent_ends(pod: Object, now: float) -> Iterator[Symptom]:
    """Find containers that failed and have been back for moments only (`now` is epoch):
    ready, but nothing says that the cause is gone."""
    if at(pod, "metadata.deletionTimestamp"):
        return
    for status in at(pod, "status.containerStatuses", []):
        ended = at(status, "lastState.terminated", {})
        since = epoch(at(status, "state.running.startedAt"))
        if not ended or not relapse_of(status, now):
            continue
        name, restarts = status["name"], int(status.get("restartCount", 0))
        reason, cause = _what(pod, status, ended, (), "")
        yield symptom_of(
            pod,
            reason,
            f"{cause}, and was restarted {now - since:.0f} s ago",
            container=name,
            restarts=restarts,
            lines=tuple(_lines(pod, status, ended, "", ())),
        )


def past_ends(pod: Object, now: float) -> Iterator[str]:
    """A sentence for each container that has restarted within the last hour and is well now."""
    for status in at(pod, "status.containerStatuses", []):
        ago = now - epoch(at(status, "lastState.terminated.finishedAt"))
        if status.get("ready") and RECENT <= ago < PAST:
            again = times(int(status.get("restartCount", 0)), "restart")
            _, cause = _what(pod, status, at(status, "lastState.terminated"), (), "")
            yield f"Pod {at(pod, 'metadata.name')}: {again}, the last {ago:.0f} s ago: {cause}"


def _troubled(pod: Object, status: Mapping[str, Any]) -> bool:
    """Tell whether its end is a trouble: not for one that is ready, nor for an init that is
    done."""
    if status.get("ready"):
        return False
    ended = at(status, "state.terminated")
    if ended is not None and not ended.get("exitCode"):
        return at(pod, "spec.restartPolicy", "Always") == "Always" and not _is_init(pod, status)
    if at(status, "state.running") is not None:
        return int(status.get("restartCount", 0)) > 0 and not _is_init(pod, status)
    return at(status, "state.waiting.reason") in ("CrashLoopBackOff", "RunContainerError") or (
        ended is not None
    )


def _is_init(pod: Object, status: Mapping[str, Any]) -> bool:
    return any(
        c.get("name") == status.get("name") and c.get("restartPolicy") != "Always"
        for c in at(pod, "spec.initContainers", [])
    )


def _what(
    pod: Object,
    status: Mapping[str, Any],
    ended: Mapping[str, Any],
    events: tuple[Seen, ...],
    log: str,
) -> tuple[str, str]:
    name, code = status["name"], int(ended.get("exitCode") or 0)
    said = f"{ended.get('message', '')} {at(status, 'state.waiting.message', '')}"
    if _wrong_arch(said, log):
        return (
            "ImageWrongArch",
            f"container {name}: its binary is for another processor (exec format error)",
        )
    if ended.get("reason") in _START_ERRORS or at(status, "state.waiting.reason") in _START_ERRORS:
        return _cannot_start(name, ended, said)
    if ended.get("reason") == "OOMKilled":
        return "OutOfMemory", (
            f"container {name} was killed at its memory limit of {_limit(pod, name)}"
        )
    if component := failed_component(name, log):
        return "ComponentFailed", component
    if probe := killed_by_probe(name, events):
        return "LivenessProbe", f"the kubelet restarts container {name}: {excerpt(probe)}"
    if code == 127:
        return "CrashCommandNotFound", _ended(name, "exited with code 127 (command not found)", log)
    signal = f" ({_SIGNALS[code]})" if code in _SIGNALS else ""
    return "CrashLoop", _ended(name, f"exited with code {code}{signal}", log)


def failed_component(container: str, log: str) -> str | None:
    """The Dapr component that ended a sidecar, by the sidecar's own words."""
    if container != "daprd":
        return None
    for line in reversed(log.splitlines()):
        late = _LATE_COMPONENT.search(line)
        if late:
            return (
                f"Dapr component {named(late['name'])} is not ready within {late['time']}, so "
                "daprd ends: what it connects to does not answer"
            )
        found = _COMPONENT.search(line)
        if found:
            why = line.rpartition(": ")[2] if found["why"] is None else found["why"]
            why = why.split(_COMPONENT_CODE)[-1].split("\\n")[0].strip(' "')
            why = why.partition(f"{found['type']}): ")[2] or why
            which = f"{named(found['name'])} ({named(found['type'])})"
            return f"Dapr component {which} fails, so daprd ends: {excerpt(why)}"
    return None


def _wrong_arch(said: str, log: str) -> bool:
    """From the runtime's words, or from the only line that the container could still print."""
    lines = log.strip().splitlines()
    return bool(_WRONG_ARCH.search(said)) or (
        len(lines) <= 2 and any(_WRONG_ARCH.search(line) and "exec" in line[:60] for line in lines)
    )


def _cannot_start(name: str, ended: Mapping[str, Any], said: str) -> tuple[str, str]:
    if command := missing_command(said):
        return "CommandNotFound", f"container {name}: its command {excerpt(command)} cannot be run"
    if ended.get("reason") == "ContainerCannotRun" and ended.get("exitCode") == 128:
        return "RuntimeTrouble", f"the node cannot run container {name} ({excerpt(said)})"
    return "RunContainerError", f"container {name} cannot be started ({excerpt(said)})"


def killed_by_probe(container: str, events: tuple[Seen, ...]) -> str | None:
    """The liveness or startup probe that kills a container, with its last answer."""
    killed = any(
        e.reason == "Killing" and e.container == container and "probe" in e.message for e in events
    )
    answers = [
        e.message
        for e in events
        if e.reason in ("Unhealthy", "ProbeWarning")
        and e.container == container
        and e.message.startswith(("Liveness", "Startup"))
    ]
    return answers[-1] if killed and answers else None


def _ended(name: str, how: str, log: str) -> str:
    told = telling_line(log)
    return f"container {name} {how}" + (f"; its log ends with: {excerpt(told)}" if told else "")


def _limit(pod: Object, container: str) -> str:
    for part in ("containers", "initContainers"):
        for spec in at(pod, f"spec.{part}", []):
            if spec.get("name") == container:
                return str(at(spec, "resources.limits.memory", "its node"))
    return "its node"


def _lines(
    pod: Object,
    status: Mapping[str, Any],
    ended: Mapping[str, Any],
    log: str,
    events: tuple[Seen, ...],
) -> Iterator[str]:
    name = status["name"]
    code, why = ended.get("exitCode"), ended.get("reason") or "no reason"
    again = times(int(status.get("restartCount", 0)), "restart")
    yield f"container {name}: exit code {code} ({why}), {again}"
    if ended.get("message"):
        yield f"termination message of {name}: {squeeze(str(ended['message']).strip(), 300)}"
    if probe := killed_by_probe(name, events):
        yield f"kubelet: {probe}"
    told = telling_line(log)
    lines = [squeeze(line.strip(), 200) for line in log.splitlines() if line.strip()]
    last = list(dict.fromkeys(lines))[-3:]  # the same words once, however often they came
    for line in last if told in last or not told else (told, *last):
        yield f"{LOG_OF} {at(pod, 'metadata.name', '?')} {name}: {line}"
