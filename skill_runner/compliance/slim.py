"""Objects as the API gives them into the parts that rules read, so that a cluster's fit in memory.

Pods of one workload are alike: equal parts are kept once, whatever the number of pods.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from skill_runner.compliance.managed import writer_of
from skill_runner.objects import Object, at
from skill_runner.policy.pods import mapping, mappings
from skill_runner.policy.secrets import is_secret, secret_lines

_META: Final = (
    *("name", "namespace", "labels", "annotations", "ownerReferences", "creationTimestamp"),
    "deletionTimestamp",
)
_WHOLE: Final = ("apiVersion", "kind", "plugin", "scopes")
_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_OWN_VOLUME: Final = "kube-api-access-"  # a volume that each pod gets under a name of its own


class Slimmer:
    """Cuts objects down, and remembers the parts of those that it has seen."""

    def __init__(self, outside: Callable[[str], bool]) -> None:
        self._outside = outside
        self._seen: dict[bytes, Any] = {}

    def pick(self, obj: Object) -> Object | None:
        """What is kept of one object of a list; nothing of a namespace that is outside."""
        if self._outside(str(at(obj, "metadata.namespace", ""))):
            return None
        slim: Object = {key: obj[key] for key in _WHOLE if key in obj}
        slim["metadata"] = self._meta(obj)
        if "spec" in obj:
            slim["spec"] = self._spec(obj)
        if phase := at(obj, "status.phase"):
            slim["status"] = {"phase": phase}
        if obj.get("kind") == "ConfigMap":
            slim["data"] = _secret_data(obj)
        return slim

    def _meta(self, obj: Object) -> dict[str, Any]:
        meta = mapping(obj.get("metadata"))
        kept = {key: meta[key] for key in _META if key in meta}
        if _APPLIED in mapping(kept.get("annotations")):
            kept["annotations"] = {**kept["annotations"], _APPLIED: ""}
        for key in ("labels", "annotations", "ownerReferences"):
            if key in kept:
                kept[key] = self._once(kept[key])
        if "managedFields" in meta:
            kept["managedFields"] = [self._entry(e) for e in mappings(meta["managedFields"])]
        return kept

    def _entry(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """A writer; the fields only of one whose fields are evidence, or may own a spec."""
        writer = writer_of(str(entry.get("manager", "")))
        bare = {key: value for key, value in entry.items() if key != "fieldsV1"}
        if writer == "controller" and entry.get("subresource") == "status":
            return bare
        return {**bare, "fieldsV1": self._once(entry.get("fieldsV1"))}

    def _spec(self, obj: Object) -> Any:
        if obj.get("kind") != "Pod":
            return obj["spec"]
        spec = {k: v for k, v in mapping(obj["spec"]).items() if k not in ("nodeName", "hostname")}
        spec["volumes"] = [v for v in mappings(spec.get("volumes")) if not _is_own(v)]
        for key in ("containers", "initContainers"):
            if key in spec:
                spec[key] = [self._once(_without_own(c)) for c in mappings(spec[key])]
        return self._once(spec)

    def _once(self, part: Any) -> Any:
        text = json.dumps(part, sort_keys=True).encode()
        return self._seen.setdefault(hashlib.blake2b(text, digest_size=16).digest(), part)


def _is_own(volume: Mapping[str, Any]) -> bool:
    return str(volume.get("name", "")).startswith(_OWN_VOLUME)


def _without_own(container: Mapping[str, Any]) -> dict[str, Any]:
    mounts = [m for m in mappings(container.get("volumeMounts")) if not _is_own(m)]
    return {**container, "volumeMounts": mounts}


def _secret_data(obj: Object) -> dict[str, str]:
    """The keys of a ConfigMap that look like secrets: nothing else of it is asked for."""
    return {
        str(key): text
        for key, text in mapping(obj.get("data")).items()
        if isinstance(text, str)
        and (is_secret(str(key), text) or any(secret_lines(str(key), text)))
    }
