"""Does this status belong to what was applied? Generation and UID decide, before any kind's rule.

An object's status is written later than its spec, by another program: right after an edit the old
"Ready" is still there. `observedGeneration` tells, where the kind has it.
"""

from __future__ import annotations

from skill_runner.objects import Object, at, generation, observed_generation
from skill_runner.readiness.status.verdict import Verdict, progressing, unobserved


def check_identity(
    obj: Object | None, expected_generation: int | None, uid: str | None
) -> Verdict | None:
    """A verdict when this is not the object that was applied, or None when it is."""
    if obj is None:
        return Verdict("missing", "does not exist")
    if uid and at(obj, "metadata.uid") != uid:
        return Verdict("missing", "was replaced by another object of the same name")
    if at(obj, "metadata.deletionTimestamp"):
        waits = at(obj, "metadata.finalizers", [])
        for_what = f", held by finalizer {', '.join(map(str, waits))}" if waits else ""
        return Verdict("terminating", f"is being deleted{for_what}")
    if expected_generation is not None and generation(obj) < expected_generation:
        return progressing(f"shows generation {generation(obj)}, {expected_generation} was applied")
    return None


def check_observed(obj: Object) -> Verdict | None:
    """For kinds whose controller always sets observedGeneration: None once it has caught up."""
    seen = observed_generation(obj)
    if seen is None:
        return unobserved("its controller has not reported on it yet")
    if seen < generation(obj):
        return unobserved(
            f"its controller has seen generation {seen}, the object is at {generation(obj)}"
        )
    return None
