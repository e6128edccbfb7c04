"""Deletions: what is being deleted now, and waiting until it is gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from skill_runner.backends.base import Cluster
from skill_runner.backends.world import World
from skill_runner.errors import NotFound, NotReadyInTime
from skill_runner.objects import Ref
from skill_runner.progress import Awaiting, Note, ObjectState
from skill_runner.readiness.wait.scope import has_selector, operator_label
from skill_runner.readiness.wait.selection import label_selector

LOOK_EVERY = 0.25  # seconds; deletions are few and short, so looking is cheaper than watching


@dataclass(frozen=True, slots=True)
class Leaving:
    """An object that is to go. With a `uid`, another one of its name does not count."""

    ref: Ref
    uid: str = ""


async def find_leaving(cluster: Cluster, refs: Iterable[Ref]) -> tuple[Leaving, ...]:
    """Those of `refs` that someone is deleting: they still answer, and are lost already."""
    leaving = []
    for ref in refs:
        try:
            meta = (await cluster.get(ref))["metadata"]
        except NotFound:
            continue
        if meta.get("deletionTimestamp"):
            leaving.append(Leaving(ref, meta["uid"]))
    return tuple(leaving)


async def find_pods(cluster: Cluster, makers: Iterable[Ref]) -> tuple[Leaving, ...]:
    """The pods of what is to be deleted: they end, within their grace, after it is gone."""
    found: list[Leaving] = []
    for ref in makers:
        if labels := await _pod_labels(cluster, ref):
            pods = await cluster.list("v1", "Pod", namespace=ref.namespace, labels=labels)
            found += (
                Leaving(
                    Ref("v1", "Pod", p["metadata"]["name"], ref.namespace),
                    str(p["metadata"]["uid"]),
                )
                for p in pods.items
            )
    return tuple(dict.fromkeys(found))


async def _pod_labels(cluster: Cluster, ref: Ref) -> str | None:
    """By which labels the pods of a workload, or of an operator's resource, are found."""
    if not has_selector(ref):
        return operator_label(ref)
    try:
        return label_selector((await cluster.get(ref))["spec"].get("selector"))
    except NotFound:
        return None


async def until_gone(world: World, leaving: Iterable[Leaving], timeout: float) -> None:
    """Wait until none is left, showing whoever still stands.

    NotReadyInTime names what is still there after `timeout` seconds, and what holds it.
    """
    clock = world.clock
    deadline = clock.monotonic() + timeout
    left = dict.fromkeys(leaving, "")
    while True:
        left = {each: held for each in left if (held := await _held_by(world.cluster, each))}
        if not left:
            return
        world.report(
            Awaiting(tuple(ObjectState(str(each.ref), "terminating", "going") for each in left))
        )
        if clock.monotonic() > deadline:
            world.report(Note("run the same command again to go on waiting"))
            shown = [f"{each.ref} ({held})" for each, held in left.items()]
            raise NotReadyInTime(
                f"still there after {timeout:.0f} s: {', '.join(shown[:5])}",
                hint="A finalizer may hold it: check metadata.finalizers of the object.",
            )
        await clock.sleep(LOOK_EVERY)


async def _held_by(cluster: Cluster, leaving: Leaving) -> str:
    """Say what keeps the object; empty when it is gone."""
    try:
        meta = (await cluster.get(leaving.ref))["metadata"]
    except NotFound:
        return ""
    if leaving.uid and meta["uid"] != leaving.uid:
        return ""
    finalizers = meta.get("finalizers") or []
    return f"held by finalizer {', '.join(finalizers)}" if finalizers else "ending"
