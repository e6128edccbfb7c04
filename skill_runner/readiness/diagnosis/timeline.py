"""The memory of a diagnosis: since when a symptom lasts, how often it came back, when all was well.

The wait gives it every look; it holds no clock of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from skill_runner.objects import Object, at
from skill_runner.readiness.diagnosis.recovery import RECENT, must_run
from skill_runner.readiness.diagnosis.symptom import Symptom
from skill_runner.readiness.status.pods import container_statuses

HEALTHY_PERIOD: Final = RECENT  # seconds of readiness after which earlier restarts are forgiven
# A container that restarts has no symptom for moments; its budget must not start anew each time.
_LINGER: Final = 5.0


@dataclass(slots=True)
class Ledger:
    """Times are in seconds of the wait's own clock."""

    first: dict[tuple[str, str, str], float] = field(default_factory=dict)
    last: dict[tuple[str, str, str], float] = field(default_factory=dict)
    ready_since: dict[tuple[str, str], float] = field(default_factory=dict)
    forgiven: dict[tuple[str, str], int] = field(default_factory=dict)
    ends: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    trial: dict[tuple[str, str], float] = field(default_factory=dict)
    pulls: dict[tuple[str, str], int] = field(default_factory=dict)
    _pulling: dict[tuple[str, str], str] = field(default_factory=dict)

    def note_pod(self, pod: Object, now: float) -> None:
        """Keep what a pod's statuses say at this moment; call it for each version seen."""
        uid = at(pod, "metadata.uid", "")
        for status in container_statuses(pod):
            key = (uid, str(status.get("name")))
            self._note_health(key, status, now)
            waiting = at(status, "state.waiting.reason", "")
            if waiting == "ErrImagePull" and self._pulling.get(key) != waiting:
                self.pulls[key] = self.pulls.get(key, 0) + 1
            self._pulling[key] = waiting

    def _note_health(self, key: tuple[str, str], status: Mapping[str, Any], now: float) -> None:
        """Forgive what was before the first look, and what a healthy period has followed."""
        restarts = int(status.get("restartCount", 0))
        self.forgiven.setdefault(key, restarts)
        self.trial[key] = max(HEALTHY_PERIOD, must_run(status))
        if not status.get("ready"):
            self.ready_since.pop(key, None)
            return
        if now - self.ready_since.setdefault(key, now) >= self.trial[key]:
            self.forgiven[key] = restarts
            self.ends.pop(key, None)

    def note(self, symptoms: Iterable[Symptom], now: float) -> None:
        """Start the time of new symptoms, forget those that are gone."""
        symptoms = tuple(symptoms)
        for symptom in symptoms:
            if symptom.end and symptom.words:
                known = self.ends.setdefault((symptom.uid, symptom.container), {})
                # What waited for something at its end is no proof once that has come.
                waited = symptom.awaits or known.get(symptom.end) == ""
                known[symptom.end] = "" if waited else symptom.words
        current = {s.key for s in symptoms}
        for key in current:
            self.first.setdefault(key, now)
            self.last[key] = now
        for key in [k for k, seen in self.last.items() if now - seen > self._linger(k, now)]:
            del self.first[key], self.last[key]

    def _linger(self, key: tuple[str, str, str], now: float) -> float:
        """A crash is over after a healthy period, other symptoms as soon as they are gone."""
        pod_and_container = key[0], key[1]
        if pod_and_container in self.ready_since:
            healthy = now - self.ready_since[pod_and_container]
            trial = self.trial.get(pod_and_container, HEALTHY_PERIOD)
            return 0.0 if healthy >= trial else trial
        return _LINGER

    def age(self, symptom: Symptom, now: float) -> float:
        """Seconds since it was first seen."""
        return now - self.first.get(symptom.key, now)

    def restarts(self, symptom: Symptom) -> int:
        """Restarts since the last healthy period."""
        return symptom.restarts - self.forgiven.get((symptom.uid, symptom.container), 0)

    def repeats(self, symptom: Symptom) -> int:
        """Count the last ends of its container that are the same; 0 where it may have waited for
        something, or this end's words are not known."""
        known = self.ends.get((symptom.uid, symptom.container), {})
        if not known.get(symptom.end):
            return 0
        last = list(known.values())[::-1]
        return next((n for n, words in enumerate(last) if words != last[0]), len(last))

    def sightings(self, symptom: Symptom) -> int:
        """Count how often it was seen, by the cluster's counts or by ours."""
        return max(symptom.sightings, self.pulls.get((symptom.uid, symptom.container), 0))
