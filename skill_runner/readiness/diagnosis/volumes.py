"""A claim without a volume: no such class, no default class, or a provisioner that answers no."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from skill_runner.objects import Object, at
from skill_runner.readiness.diagnosis.events import Seen, about
from skill_runner.readiness.diagnosis.symptom import Symptom, symptom_of
from skill_runner.text.quoting import excerpt

DEFAULT = "storageclass.kubernetes.io/is-default-class"


def claim_symptoms(
    claims: Iterable[Object], classes: tuple[Object, ...] | None, events: tuple[Seen, ...]
) -> Iterator[Symptom]:
    """`classes` are the StorageClasses, or None where they cannot be read (events tell then)."""
    for claim in claims:
        if at(claim, "status.phase") not in (None, "Pending"):
            continue
        uid = at(claim, "metadata.uid", "")
        seen = about(events, uid)
        name = at(claim, "metadata.name", "")
        bad = _class_is_wrong(claim, classes, seen)
        if bad:
            said = [f"provisioner: {e.message}" for e in seen if e.reason != "WaitForFirstConsumer"]
            yield symptom_of(
                claim,
                "VolumeUnbound",
                f"PersistentVolumeClaim {name}: {bad}",
                lines=tuple(said[-1:]),
                subject=name,
            )
            continue
        refused = [e for e in seen if e.reason == "ProvisioningFailed"]
        if refused:
            told = excerpt(refused[-1].message)
            cause = f"PersistentVolumeClaim {name} gets no volume ({told})"
            yield symptom_of(
                claim,
                "ProvisioningFailed",
                cause,
                subject=name,
                lines=(f"provisioner: {refused[-1].message}",),
            )


def _class_is_wrong(
    claim: Object, classes: tuple[Object, ...] | None, seen: tuple[Seen, ...]
) -> str | None:
    wanted = at(claim, "spec.storageClassName")
    if at(claim, "spec.volumeName") or wanted == "":
        return None
    if classes is None:
        texts = [e.message for e in seen]
        if any("no storage class is set" in t for t in texts):
            return "it names no StorageClass and the cluster has no default"
        missing = any("storageclass" in t and "not found" in t for t in texts)
        return f"StorageClass {wanted} does not exist" if missing else None
    names = {at(c, "metadata.name") for c in classes}
    if wanted is not None:
        have = f" (there are: {', '.join(sorted(map(str, names)))})" if names else ""
        return None if wanted in names else f"StorageClass {wanted} does not exist{have}"
    if any(at(c, "metadata.annotations", {}).get(DEFAULT) == "true" for c in classes):
        return None
    return "it names no StorageClass and the cluster has no default"


def binding_mode(claim: Object, classes: tuple[Object, ...] | None) -> str:
    """volumeBindingMode of the claim's class; empty where it is not known."""
    wanted = at(claim, "spec.storageClassName")
    for found in classes or ():
        is_default = at(found, "metadata.annotations", {}).get(DEFAULT) == "true"
        if at(found, "metadata.name") == wanted or (wanted is None and is_default):
            return str(found.get("volumeBindingMode", "Immediate"))
    return ""
