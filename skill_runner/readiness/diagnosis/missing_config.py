"""Find what a pod refers to and its kubelet does not find: a Secret, a ConfigMap, a key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from skill_runner.objects import Object, at
from skill_runner.readiness.diagnosis.events import Seen
from skill_runner.readiness.status.pods import container_statuses
from skill_runner.text.quoting import named

_TOLD: Final = re.compile(
    r"(?P<kind>secret|configmap) \"(?P<name>[^\"\s]{1,253})\" not found"
    r"|couldn't find key (?P<key>\S{1,253}) in (?P<kind2>Secret|ConfigMap) (?P<name2>\S{1,508})"
    r"|references non-existent (?P<kind3>secret|config) key: ?(?P<key3>\S{1,253})",
    re.IGNORECASE,
)
_KINDS: Final = {"secret": "Secret", "configmap": "ConfigMap", "config": "ConfigMap"}


@dataclass(frozen=True, slots=True)
class Missing:
    """`name` is empty where the kubelet tells only the key, `key` where the whole is missing."""

    kind: str
    name: str
    key: str = ""

    def absent(self, namespace: str) -> str:
        """That it is not there, as a sentence."""
        if not self.name:
            return f"a {self.kind} that the pod mounts has no key {named(self.key)}"
        what = f"{self.kind} {namespace}/{self.name}"
        return f"{what} has no key {named(self.key)}" if self.key else f"{what} does not exist"

    def unseen(self, namespace: str) -> str:
        """That it has come and the kubelet has yet to look again, as a sentence."""
        key = f"key {self.key} of " if self.key else ""
        name = f"{self.kind} {namespace}/{self.name}"
        return f"{key}{name} exists now, but the kubelet has not retried yet"

    def is_in(self, obj: Mapping[str, Any]) -> bool:
        """Tell whether this object of the cluster ends the want."""
        return not self.key or any(self.key in at(obj, part, {}) for part in ("data", "binaryData"))


def missing_of(message: str) -> Missing | None:
    """Read what a message of the kubelet names as missing; None when it names nothing."""
    found = _TOLD.search(message)
    if not found:
        return None
    kind = _KINDS[(found["kind"] or found["kind2"] or found["kind3"]).lower()]
    name = found["name"] or (found["name2"] or "").rpartition("/")[2]
    return Missing(kind, name, found["key"] or found["key3"] or "")


def missed_by(pod: Object, events: Iterable[Seen]) -> Iterator[Missing]:
    """Return what the kubelet says it does not find for a pod, where it says the name."""
    messages = [at(status, "state.waiting.message", "") for status in container_statuses(pod)]
    if at(pod, "status.phase") == "Pending":  # volumes are mounted before anything runs
        messages += [seen.message for seen in events if seen.reason == "FailedMount"]
    yield from dict.fromkeys(m for text in messages if (m := missing_of(text)) and m.name)
