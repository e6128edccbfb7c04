"""Job: done or failed, never "ready" because it has started. CronJob: scheduled."""

from __future__ import annotations

from skill_runner.objects import Object, at, condition, count, is_true, says
from skill_runner.readiness.status.verdict import Verdict, failed, progressing, ready, unobserved
from skill_runner.text.quoting import named


def job(obj: Object) -> Verdict:
    want = count(obj, "spec.completions", 1)
    done = count(obj, "status.succeeded")
    if is_true(condition(obj, "Complete")):
        return ready(f"completed, {done} of {want} pods succeeded", done=done, total=want)
    # FailureTarget comes first, while the last pods are still being ended: the verdict stands.
    for kind in ("Failed", "FailureTarget"):
        bad = condition(obj, kind)
        if bad and is_true(bad):
            return failed(f"failed ({says(bad)})", reason=bad.get("reason", ""))
    if at(obj, "spec.suspend", False):
        return ready("is suspended on purpose", note="is suspended on purpose")
    active, lost = count(obj, "status.active"), count(obj, "status.failed")
    if not at(obj, "status.startTime"):
        return unobserved("its controller has not reported on it yet")
    tail = f", {lost} failed" if lost else ""
    return progressing(
        f"{done} of {want} pods completed, {active} active{tail}", done=done, total=want
    )


def cron_job(obj: Object) -> Verdict:
    when = at(obj, "spec.schedule", "")
    if at(obj, "spec.suspend", False):
        return ready(f"scheduled {when}, suspended on purpose", note="is suspended on purpose")
    if note := _last_run(obj):
        return ready(f"scheduled {when}; {note}", note=note)
    return ready(f"scheduled {when}")


def _last_run(obj: Object) -> str:
    """Say that the newest run of a CronJob did not succeed; empty while it runs, and before it."""
    began, good = at(obj, "status.lastScheduleTime"), at(obj, "status.lastSuccessfulTime")
    if not began or at(obj, "status.active") or (good and str(good) >= str(began)):
        return ""
    before = f"the last success was at {named(good)}" if good else "none has succeeded before"
    return f"its run of {named(began)} did not succeed, {before}"
