"""Helm at work on one release, its hooks watched meanwhile: Helm says nothing of their pods."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from skill_runner.backends.base import ReleaseSpec
from skill_runner.errors import HelmError, NotFound
from skill_runner.execution import wall
from skill_runner.execution.stability import await_objects
from skill_runner.execution.state import Walk, begin_change
from skill_runner.installations import crds, data, releases, volumes
from skill_runner.installations.owned import in_the_way, look, refusal
from skill_runner.installations.ownership import Held
from skill_runner.objects import Object, Ref, at
from skill_runner.plan import PlannedRelease
from skill_runner.progress import Line
from skill_runner.readiness.wait import Expected
from skill_runner.tasks import ended

AFTERTHOUGHT: Final = 5.0  # seconds that a diagnosis may take once Helm has failed
_EVENTS: Final = frozenset({"pre-install", "post-install", "pre-upgrade", "post-upgrade"})


async def deploy(walk: Walk, step: PlannedRelease) -> None:
    """Install or upgrade. The diagnosed failure of a hook comes before Helm's own words."""
    spec = releases.release_spec(step, walk.plan.installation, walk.run.id)
    made = await walk.world.helm.template(spec)
    wall.check(walk.plan, made)  # it was rendered again since preflight
    walk.run.manifests(step.id, made)
    dropped = await _dropped(walk, step, made)
    named = (step.release, step.namespace)
    others = await in_the_way(
        walk.world.cluster,
        [m for m in made if m["kind"] != crds.CRD[1]],
        named,
        walk.plan.installation,
        walk.record,
    )
    if others:
        raise refusal(*others)
    await _define(walk, spec)
    expected = [await _expected(walk, hook, step.namespace) for hook in hooks_among(made)]
    install = asyncio.ensure_future(_install(walk, spec, dropped))
    watching = asyncio.ensure_future(_watch(walk, step, expected))
    try:
        await asyncio.wait({install, watching}, return_when=asyncio.FIRST_COMPLETED)
        if install.done() and expected and isinstance(install.exception(), HelmError):
            # Helm sees that a hook failed as soon as we do, and not why.
            alarm = asyncio.ensure_future(walk.world.clock.sleep(AFTERTHOUGHT))
            await asyncio.wait({watching, alarm}, return_when=asyncio.FIRST_COMPLETED)
            alarm.cancel()
        if watching.done():
            watching.result()  # raises the diagnosed failure of a hook
        await install
        await _sweep(walk, step, dropped)
    finally:
        await ended(watching, install)


async def _install(walk: Walk, spec: ReleaseSpec, dropped: Sequence[Object]) -> None:
    """Let Helm install or upgrade, without the data among what the release no longer has."""
    cluster = walk.world.cluster
    kept = await volumes.to_spare(cluster, dropped)
    async with volumes.spared(cluster, kept, walk.plan.installation):
        await walk.world.helm.install_or_upgrade(
            spec, on_line=lambda text: walk.report(Line("helm", text))
        )


async def _sweep(walk: Walk, step: PlannedRelease, dropped: Iterable[Object]) -> None:
    """Delete what Helm leaves of a revision that was never deployed, but for data: Helm compares
    with the last one that was."""
    cluster, installation = walk.world.cluster, walk.plan.installation
    for manifest in dropped:
        ref = Ref.of(manifest)
        held = Held(
            walk.record.uids.get(ref, ""), releases=frozenset({(step.release, step.namespace)})
        )
        found = await look(cluster, ref, installation, held)
        if found.live is None or not found.whose.is_ours:
            continue
        if await data.reason_to_keep(cluster, found.live, data.Occasion.CHANGE):
            walk.notes.append(f"kept {ref}: the release no longer contains it, and it holds data")
            continue
        walk.check_lock()
        await cluster.delete(ref, uid=found.whose.uid)


async def _dropped(walk: Walk, step: PlannedRelease, made: Iterable[Object]) -> list[Object]:
    """Find what some revision of the release made and the new one leaves out."""
    cluster, space = walk.world.cluster, step.namespace
    before = await walk.world.helm.manifest(step.release, space, every=True)
    placed = [await releases.with_namespace(cluster, manifest, space) for manifest in before]
    wanted = {Ref.of(await releases.with_namespace(cluster, each, space)) for each in made}
    return [manifest for manifest in placed if Ref.of(manifest) not in wanted]


async def _define(walk: Walk, spec: ReleaseSpec) -> None:
    """Apply what is in the chart's crds/ folder first, and wait until the API serves it."""
    definitions = await walk.world.helm.definitions(spec)
    cluster, installation = walk.world.cluster, walk.plan.installation
    looked = await crds.look_at_all(cluster, definitions, installation, walk.record)
    # Of one that is gone, the uid must not outlive it in the record.
    ours = {each.ref: each.whose.uid if each.whose.is_ours else "" for each in looked}
    walk.record = walk.record.remembering(ours)
    await begin_change(walk)
    made = await crds.apply_definitions(
        cluster, definitions, looked, installation, adopt=walk.options.adopt
    )
    walk.record = walk.record.remembering(made)
    if made:
        expected = [Expected(ref=ref) for ref in made]
        await await_objects(walk, expected, (), spec.timeout, stability=0)


def hooks_among(manifests: Iterable[Object]) -> list[Object]:
    """The Jobs and Pods that Helm runs as hooks of an installation or upgrade."""
    return [
        manifest
        for manifest in manifests
        if manifest["kind"] in ("Job", "Pod")
        and _EVENTS
        & set(
            str(at(manifest, "metadata.annotations", {}).get("helm.sh/hook", ""))
            .replace(" ", "")
            .split(",")
        )
    ]


async def _expected(walk: Walk, hook: Object, namespace: str) -> Expected:
    """The hook, told apart from the one of the release before, which Helm removes first."""
    placed = await releases.with_namespace(walk.world.cluster, hook, namespace)
    try:
        former = await walk.world.cluster.get(Ref.of(placed))
    except NotFound:
        return Expected.of(placed)
    return Expected.of(placed, former=at(former, "metadata.uid"))


async def _watch(walk: Walk, step: PlannedRelease, expected: list[Expected]) -> None:
    """Raises the diagnosed failure of a hook; never returns: Helm goes on by itself."""
    if expected:
        await await_objects(walk, expected, (), step.timeout, stability=0)
    await asyncio.Event().wait()
