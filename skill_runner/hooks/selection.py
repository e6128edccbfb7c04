"""Find what a release of a skill made, by the labels that every chart sets."""

from __future__ import annotations

from skill_runner.hooks.context import Context
from skill_runner.objects import Object, condition, is_true


async def ready_pods(ctx: Context, labels: str) -> tuple[Object, ...]:
    """Return the pods with these `labels` that are ready and not being deleted, the newest first.

    pods = await ready_pods(ctx, app_labels("postgres", ctx.release("server")))
    """
    found = [
        pod
        for pod in await ctx.list("v1", "Pod", labels=labels)
        if not pod["metadata"].get("deletionTimestamp") and is_true(condition(pod, "Ready"))
    ]
    made = sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
    return tuple(made)


def app_labels(app: str, release: str) -> str:
    """Return the label selector of what a release of a skill's chart makes.

    app_labels("kafka", "kafka") == "app.kubernetes.io/name=kafka,app.kubernetes.io/instance=kafka"
    """
    return f"app.kubernetes.io/name={app},app.kubernetes.io/instance={release}"
