"""PersistentVolumeClaim: bound, and as large as was asked."""

from __future__ import annotations

from skill_runner.objects import Object, at, condition, is_true, says
from skill_runner.quantity import quantity_or_zero
from skill_runner.readiness.status.verdict import Verdict, failed, progressing, ready


def claim(obj: Object) -> Verdict:
    phase = at(obj, "status.phase")
    if phase == "Lost":
        return failed("has lost its volume: the PersistentVolume is gone", reason="Lost")
    if phase != "Bound":
        wanted = at(obj, "spec.storageClassName")
        where = f" of class {wanted}" if wanted else ""
        return progressing(f"waits for a volume{where}")
    asked = at(obj, "spec.resources.requests.storage")
    have = at(obj, "status.capacity.storage")
    if asked and have and quantity_or_zero(str(asked)) > quantity_or_zero(str(have)):
        return _growing(obj, str(have), str(asked))
    return ready(f"bound, {have or asked}")


def _growing(obj: Object, have: str, asked: str) -> Verdict:
    for kind in ("ControllerResizeError", "NodeResizeError"):
        bad = condition(obj, kind)
        if bad and is_true(bad):
            return failed(f"cannot grow from {have} to {asked} ({says(bad)})", reason=kind)
    pending = condition(obj, "FileSystemResizePending")
    tail = ", waits for a pod to mount it" if is_true(pending) else ""
    return progressing(f"grows from {have} to {asked}{tail}")


def unclaimed(obj: Object) -> Verdict:
    """A Pending claim whose class binds with the first pod, when no pod asks for it: no fault."""
    note = "waits for its first pod, as its storage class wants"
    return ready(note, note=note)
