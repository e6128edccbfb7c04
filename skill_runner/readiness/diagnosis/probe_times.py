"""Seconds that the probes of a container give it, by their own fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skill_runner.objects import Object, at


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


def kill_after(spec: Mapping[str, Any]) -> float:
    """Seconds of a run after which its startup or liveness probe may end it."""
    return sum(_lasts(p) for n in ("startupProbe", "livenessProbe") if (p := at(spec, n)))


def _lasts(probe: Mapping[str, Any]) -> float:
    # Kubernetes' defaults: period 10 s, timeout 1 s, three failures.
    period, failures = probe.get("periodSeconds") or 10, probe.get("failureThreshold") or 3
    delay, timeout = probe.get("initialDelaySeconds") or 0, probe.get("timeoutSeconds") or 1
    return float(delay + period * failures + timeout)
