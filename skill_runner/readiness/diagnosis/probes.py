"""A container that runs and is not ready: its probes' own grace first, then the probe is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from skill_runner.objects import at
from skill_runner.readiness.diagnosis.pod_view import PodView
from skill_runner.readiness.diagnosis.probe_times import container_spec, grace_of, quiet_of
from skill_runner.readiness.diagnosis.recovery import is_past
from skill_runner.readiness.diagnosis.symptom import Symptom, symptom_of
from skill_runner.readiness.diagnosis.text import telling_line
from skill_runner.readiness.status.pods import container_statuses
from skill_runner.text.quoting import excerpt, named


def probe_symptoms(view: PodView) -> Iterator[Symptom]:
    """One symptom for each container that runs and is not ready, unless it has just crashed."""
    for status in container_statuses(view.pod):
        spec = container_spec(view.pod, status.get("name", ""))
        if status.get("ready") or at(status, "state.running") is None or not _serves(view, spec):
            continue
        probe = at(spec, "readinessProbe") or at(spec, "startupProbe")
        fresh = int(status.get("restartCount", 0)) and not is_past(spec, status, view.now)
        if probe is None or fresh:
            continue
        yield _failing(view, status["name"], spec, probe)


def _serves(view: PodView, spec: Mapping[str, Any]) -> bool:
    """Tell whether a container is to run on: one of the pod's, or a native sidecar."""
    inits = at(view.pod, "spec.initContainers", [])
    return spec not in inits or spec.get("restartPolicy") == "Always"


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
