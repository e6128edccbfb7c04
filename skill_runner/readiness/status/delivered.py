"""An Argo CD Application against one commit: has this very revision arrived, and does it work.

Its status has traps, each seen on a running Argo CD: a broken path, a bad manifest or a dead Git
server is Unknown and Healthy beside an old Succeeded; a commit that changes nothing of an
Application is compared, and no sync runs for it, so that its last sync is of an older commit.
"""

from __future__ import annotations

from typing import Final

from skill_runner.objects import Object, at, conditions, says
from skill_runner.readiness.status.verdict import Verdict, failed, progressing, ready, unobserved
from skill_runner.text.quoting import excerpt, named

SHORT: Final = 8  # digits of a commit in a message


def at_revision(obj: Object, revision: str) -> Verdict:
    """Return ready only when all that this commit holds is in the cluster, and is healthy."""
    errors = [c for c in conditions(obj) if str(c["type"]).endswith("Error")]
    if errors:
        return failed(f"{errors[0]['type']} ({says(errors[0])})", reason=str(errors[0]["type"]))
    sync, health = at(obj, "status.sync.status", ""), at(obj, "status.health.status", "")
    have = str(at(obj, "status.sync.revision", ""))
    if not sync or not health:
        return unobserved("its controller has not reported on it yet")
    if have != revision:
        where = f"it was compared with {_short(have)}" if have else f"it is {named(sync)}"
        return progressing(f"waits for commit {_short(revision)}: {where}")
    return _of_operation(obj, revision) or _of_health(obj, sync, health, revision)


def is_compared(obj: Object, revision: str) -> Verdict:
    """Return ready once all that this commit holds was applied, healthy or not."""
    verdict = at_revision(obj, revision)
    if verdict.facts.get("applied"):
        return ready(f"commit {_short(revision)} is Synced")
    return verdict


def _of_operation(obj: Object, revision: str) -> Verdict | None:
    """Tell what the sync says, unless it succeeded or was of another commit."""
    phase = str(at(obj, "status.operationState.phase", ""))
    if phase in ("Failed", "Error"):
        why = excerpt(at(obj, "status.operationState.message", ""))
        if at(obj, "status.operationState.syncResult.revision", revision) == revision:
            return failed(f"its sync {phase.lower()} ({why})", reason=f"Sync{phase}")
        return progressing(f"an earlier sync {phase.lower()} ({why})")
    if phase != "Succeeded":
        return progressing(f"its sync is {named(phase)}" if phase else "it was not synced yet")
    return None


def _of_health(obj: Object, sync: str, health: str, revision: str) -> Verdict:
    if health == "Degraded":
        why = at(obj, "status.health.message", "")
        said = "is Degraded" + (f" ({excerpt(why)})" if why else "")
        return failed(said, reason="Degraded", applied=sync == "Synced")
    if (sync, health) != ("Synced", "Healthy"):
        said = f"commit {_short(revision)} is {named(sync)} and {named(health)}"
        return progressing(said, applied=sync == "Synced")
    return ready(f"commit {_short(revision)} is Synced and Healthy")


def _short(revision: str) -> str:
    return revision[:SHORT]
