"""A container that runs and is not ready: its probes' own grace first, then the probe is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from skill_runner.objects import Object, at
from skill_runner.readiness.diagnosis.containers import PodView
from skill_runner.readiness.diagnosis.symptom import Symptom, symptom_of
from skill_runner.readiness.diagnosis.text import telling_line
from skill_runner.text.quoting import excerpt, named


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
    shown = describe_probe(probe, port_numbers(spec))
    cause = f"container {name} is not ready: its probe {shown} does not pass"
    tail = said.partition(":")[2].strip()
    # A command's output has lines, and a progress meter before what it says.
    told = telling_line(tail) if len(tail.splitlines()) > 1 else tail
    parts = (excerpt(told) if told else "", f"it answers {excerpt(body)}" if body else "")
    detail = "; ".join(part for part in parts if part)
    return symptom_of(
        view.pod,
        "ProbeFailing",
        cause + (f" ({detail})" if detail else ""),
        container=name,
        owner=view.owner,
        grace=grace_of(spec),
        quiet=quiet_of(spec),
        lines=tuple(
            x
            for x in (
                f"kubelet: {said}" if said else "",
                f"answer of {name}: {body}" if body else "",
            )
            if x
        ),
    )


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


def quiet_of(spec: Mapping[str, Any]) -> float:
    """Seconds of a first start in which a probe that does not pass is nothing to speak of.

    Its delay and one period; a probe that asks more often gives no less than Kubernetes' default
    one, in which an ordinary program starts.
    """
    probe = at(spec, "startupProbe") or at(spec, "readinessProbe") or {}
    return float((probe.get("initialDelaySeconds") or 0) + max(probe.get("periodSeconds") or 0, 10))


def _lasts(probe: Mapping[str, Any]) -> float:
    # Kubernetes' defaults: period 10 s, timeout 1 s, three failures.
    period, failures = probe.get("periodSeconds") or 10, probe.get("failureThreshold") or 3
    delay, timeout = probe.get("initialDelaySeconds") or 0, probe.get("timeoutSeconds") or 1
    return float(delay + period * failures + timeout)


def port_numbers(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of a container's ports, by their names."""
    return {str(p["name"]): p.get("containerPort") for p in spec.get("ports") or [] if "name" in p}


def describe_probe(probe: Mapping[str, Any], numbers: Mapping[str, Any]) -> str:
    """A probe in few words: "GET :8080/ready"; `numbers` are the container's ports, by name."""

    def port(of: Mapping[str, Any]) -> Any:
        return numbers.get(str(of.get("port")), of.get("port"))

    if http := probe.get("httpGet"):
        return f"GET :{port(http)}{named(http.get('path') or '/')}"
    if tcp := probe.get("tcpSocket"):
        return f"TCP :{port(tcp)}"
    if grpc := probe.get("grpc"):
        return f"gRPC :{port(grpc)}"
    return f"exec {excerpt(' '.join(map(str, at(probe, 'exec.command', []))), 120)}"
