"""A container that runs and is not ready: its probes' own grace first, then the probe is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from skill_runner.diagnose.containers import PodView
from skill_runner.diagnose.symptom import Object, Symptom, symptom_of
from skill_runner.diagnose.words import LINE, squeeze, telling_line
from skill_runner.status.fields import at


def probe_symptoms(view: PodView) -> Iterator[Symptom]:
    """One symptom for each container that runs, has not been restarted, and is not ready."""
    for status in at(view.pod, "status.containerStatuses", []):
        if status.get("ready") or at(status, "state.running") is None:
            continue
        spec = container_spec(view.pod, status.get("name", ""))
        probe = at(spec, "readinessProbe") or at(spec, "startupProbe")
        if probe is None or int(status.get("restartCount", 0)):
            continue
        yield _failing(view, status["name"], spec, probe)


def _failing(
    view: PodView, name: str, spec: Mapping[str, Any], probe: Mapping[str, Any]
) -> Symptom:
    answers = [e for e in view.events if e.reason == "Unhealthy" and e.container == name]
    said = answers[-1].message if answers else ""
    body = view.answers.get(name, "")
    cause = f"container {name} is not ready: its probe {describe_probe(probe)} does not pass"
    tail = (said.partition(": ")[2] or said).strip()
    # A command's output has lines, and a progress meter before what it says.
    told = telling_line(tail) if len(tail.splitlines()) > 1 else squeeze(tail, LINE)
    detail = "; ".join(x for x in (told, f"it answers: {body}" if body else "") if x)
    return symptom_of(
        view.pod, "ProbeFailing", cause + (f" ({detail})" if detail else ""),
        container=name, owner=view.owner, grace=grace_of(spec),
        lines=tuple(x for x in (f"kubelet: {said}" if said else "",
                                f"answer of {name}: {body}" if body else "") if x),
    )  # fmt: skip


def container_spec(pod: Object, name: str) -> Mapping[str, Any]:
    """The container as the pod asks for it; empty when there is none of that name."""
    for part in ("containers", "initContainers"):
        for spec in at(pod, f"spec.{part}", []):
            if spec.get("name") == name:
                return dict(spec)
    return {}


def grace_of(spec: Mapping[str, Any]) -> float:
    """Seconds that the probes of a container themselves give it to become ready."""
    startup, readiness = at(spec, "startupProbe"), at(spec, "readinessProbe")
    return (_lasts(startup) if startup else 0.0) + (_lasts(readiness) if readiness else 0.0)


def _lasts(probe: Mapping[str, Any]) -> float:
    # Kubernetes' defaults: period 10 s, timeout 1 s, three failures.
    period, failures = probe.get("periodSeconds") or 10, probe.get("failureThreshold") or 3
    delay, timeout = probe.get("initialDelaySeconds") or 0, probe.get("timeoutSeconds") or 1
    return float(delay + period * failures + timeout)


def describe_probe(probe: Mapping[str, Any]) -> str:
    """A probe in few words: "GET :8080/ready"."""
    if http := probe.get("httpGet"):
        return f"GET :{http.get('port')}{http.get('path', '/')}"
    if tcp := probe.get("tcpSocket"):
        return f"TCP :{tcp.get('port')}"
    if grpc := probe.get("grpc"):
        return f"gRPC :{grpc.get('port')}"
    command = at(probe, "exec.command", [])
    return f"exec {' '.join(map(str, command))[:120]}"
