"""The pods that are not ready → a few words: "1 pulling its image, 1 CrashLoopBackOff"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from skill_runner.objects import Object, at
from skill_runner.readiness.diagnosis.events import read_events
from skill_runner.readiness.status.pods import pod as pod_verdict

_PULL = ("Pulling", "Pulled", "Failed")


def summarise(pods: Sequence[Object], events: Iterable[Object]) -> str:
    """Count what the pods that are not ready do; empty when all are ready."""
    late = [p for p in pods if not pod_verdict(p).is_ready]
    late = [p for p in late if not at(p, "metadata.deletionTimestamp")]
    if not late:
        return ""
    latest = {e.uid: e.reason for e in read_events(events) if e.reason in _PULL}
    pulling = frozenset(uid for uid, reason in latest.items() if reason == "Pulling")
    doing: dict[str, int] = {}
    for pod in late:
        word = _word(pod, pulling)
        doing[word] = doing.get(word, 0) + 1
    return ", ".join(f"{n} {word}" for word, n in sorted(doing.items()))


def _word(pod: Object, pulling: frozenset[str]) -> str:
    statuses = [
        *at(pod, "status.initContainerStatuses", []),
        *at(pod, "status.containerStatuses", []),
    ]
    reasons = [at(s, "state.waiting.reason") for s in statuses]
    telling = [r for r in reasons if r and r not in ("PodInitializing", "ContainerCreating")]
    if telling:
        return str(telling[0])
    if at(pod, "metadata.uid") in pulling:
        return "pulling its image"
    if "ContainerCreating" in reasons:
        return "being created"
    if "PodInitializing" in reasons:
        return "in its init containers"
    if not statuses:
        return "waiting for a node"
    return "running, not ready"
