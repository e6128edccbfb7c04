"""A platform into files that Argo CD delivers; no cluster is needed, and nothing is touched.

requests ─prepare─▶ plans ─render twice─▶ manifests ─what does not survive Git?─▶ by digest ─▶ files
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from skill_runner.actions.delivery import applications, pins, survive
from skill_runner.actions.delivery.applications import Source
from skill_runner.actions.delivery.folder import LISTING, object_files, yaml_bytes
from skill_runner.actions.graph import Graph, Node, prepare
from skill_runner.actions.request import Request
from skill_runner.backends.world import World
from skill_runner.errors import PreflightFailed
from skill_runner.execution import preflight, wall
from skill_runner.installations import record, store
from skill_runner.installations.data import KEEP
from skill_runner.objects import Object, Ref, is_cluster_scoped
from skill_runner.outcome import Problem
from skill_runner.plan import Installation, Plan, PlannedHook, PlannedImage, PlannedRelease
from skill_runner.skill.library import Library

SCHEMA: Final = 1
_HOLDS_DATA: Final = frozenset({"PersistentVolumeClaim", "CustomResourceDefinition", "Namespace"})
_OPTIONS: Final = "argocd.argoproj.io/sync-options"


@dataclass(frozen=True, slots=True)
class Rendered:
    """The files, and what a person should know of them."""

    files: Mapping[PurePosixPath, bytes]
    installations: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]
    begin: str  # the command that has Argo CD deliver them


@dataclass(frozen=True, slots=True)
class Asked:
    """What is rendered: requests of a platform, whose paths are relative to `base`."""

    platform: str
    requests: Sequence[Request]
    base: Path


async def render(
    asked: Asked, world: World, library: Library, source: Source, digest: pins.Digest
) -> Rendered:
    """Everything that a run would make, as files. PreflightFailed for what does not survive Git,
    for a violation of the policy, and for an image whose digest no registry tells."""
    graph = await prepare(asked.requests, world, library)
    made = {node.installation: await _manifests(node, world) for node in graph.nodes}
    images = pins.images_of(each for manifests in made.values() for each in manifests)
    digests = await pins.digests_of(images, digest)
    files: dict[PurePosixPath, bytes] = {}
    listed, notes = [], []
    waves = _waves(graph)
    for node in graph.nodes:
        objects = [pins.pinned(each, digests) for each in made[node.installation]]
        kept = _record(node, objects, asked.base)
        files |= object_files(node.installation, [*objects, kept])
        app = applications.application(source, node.installation, waves[node.installation])
        files[PurePosixPath("applications", f"{app['metadata']['name']}.yaml")] = yaml_bytes(app)
        listed.append(_entry(node, waves[node.installation]))
        notes += _notes(node, made[node.installation])
    files[PurePosixPath("root.yaml")] = yaml_bytes(applications.root(source, asked.platform))
    listing = {"schema": SCHEMA, "name": asked.platform, "installations": listed}
    files[PurePosixPath(LISTING)] = yaml_bytes(listing)
    begin = applications.command(source, asked.platform)
    return Rendered(files, tuple(listed), tuple(notes), begin)


async def _manifests(node: Node, world: World) -> tuple[Object, ...]:
    """The manifests of one installation, checked, without what nobody would run."""
    plan = node.plan
    assert plan is not None
    first = await preflight.render_manifests(plan, world)
    wall.check(plan, first)
    preflight.check_policy(plan, first)
    _refuse(
        plan,
        [*survive.secret_values(first)],
        "holds a Secret with values, which must not be committed to Git",
        "Let the skill generate the Secret, or name one that exists.",
    )
    again = await preflight.render_manifests(plan, world)
    _refuse(
        plan,
        [*survive.changing(first, again), *_lookups(plan, first, again)],
        "renders differently each time",
        "Set the value that the chart generates.",
    )
    return tuple(_kept(_unplaced(each)) for each in first if not survive.is_test(each))


def _lookups(plan: Plan, first: Sequence[Object], again: Sequence[Object]) -> Iterable[str]:
    """What may explain that it changes; nothing where it does not."""
    if not any(survive.changing(first, again)):
        return ()
    charts = [Path(s.chart) for s in plan.steps if isinstance(s, PlannedRelease) and not s.repo]
    return [line for chart in charts if chart.is_dir() for line in survive.lookups(chart)]


def _refuse(plan: Plan, found: Sequence[str], what: str, fix: str) -> None:
    if not found:
        return
    cause = f"{plan.installation} {what}"
    problem = Problem(
        code="POLICY_VIOLATION",
        resource=str(plan.installation),
        cause=f"{cause}: {found[0]}",
        evidence=tuple(found),
        fix=fix,
    )
    lines = "".join(f"\n  {line}" for line in found)
    raise PreflightFailed(f"{cause}:{lines}", hint=fix, problem=problem)


def _unplaced(manifest: Object) -> Object:
    """Without the namespace that preflight gives to what has none."""
    if not is_cluster_scoped(manifest["kind"]):
        return manifest
    meta = {key: value for key, value in manifest["metadata"].items() if key != "namespace"}
    return {**manifest, "metadata": meta}


def _kept(manifest: Object) -> Object:
    """What holds data, or definitions that would take their objects along, is never pruned."""
    notes = manifest["metadata"].get("annotations") or {}
    if manifest["kind"] not in _HOLDS_DATA and notes.get(KEEP) != "keep":
        return manifest
    meta = {**manifest["metadata"], "annotations": {**notes, _OPTIONS: "Prune=false,Delete=false"}}
    return {**manifest, "metadata": meta}


def _record(node: Node, objects: Iterable[Object], base: Path) -> Object:
    """The record that a run would write, so that every later command starts from it."""
    plan = node.plan
    assert plan is not None
    written = replace(
        record.intend(None, plan, now=0.0, asked=node.asked),
        inputs=_portable(plan, base),
        source="",
        complete=True,
        plan_digest="",
        images={
            name: replace(each, origin=_relative(each.origin, base))
            for name, each in plan.images.items()
        },
        objects=tuple(sorted((Ref.of(each) for each in objects), key=str)),
    )
    return store.as_manifest(written)


def _portable(plan: Plan, base: Path) -> dict[str, Any]:
    """The inputs with paths from the platform's folder: the same on every machine."""
    paths = {n for n, each in plan.skill.inputs.items() if each.schema.get("format") == "path"}
    return {
        name: _relative(value, base) if name in paths and isinstance(value, str) else value
        for name, value in plan.inputs.items()
    }


def _relative(path: str, base: Path) -> str:
    return os.path.relpath(path, base.resolve()) if path and os.path.isabs(path) else path


def _waves(graph: Graph) -> dict[Installation, int]:
    """For each installation, how many are before it on the longest way."""
    waves: dict[Installation, int] = {}
    for node in graph.nodes:  # every one after those that it needs
        waves[node.installation] = max((waves[e] + 1 for e in node.edges.values()), default=0)
    return waves


def _entry(node: Node, wave: int) -> dict[str, Any]:
    plan = node.plan
    assert plan is not None
    return {
        "installation": str(node.installation),
        "skill": node.skill.name,
        "version": node.skill.version,
        "application": applications.name_of(node.installation),
        "wave": wave,
        "requires": {alias: str(target) for alias, target in node.edges.items()},
        "hooks": [step.hook for step in plan.steps if isinstance(step, PlannedHook)],
    }


def _notes(node: Node, manifests: Iterable[Object]) -> list[str]:
    """What a person should know of one installation."""
    plan = node.plan
    assert plan is not None
    notes = list(survive.helm_hooks(manifests))
    if hooks := [step.hook for step in plan.steps if isinstance(step, PlannedHook)]:
        notes.append(f"{', '.join(hooks)}: called by `skill verify --delivered-by argocd`")
    built = [s.choice.ref for s in plan.steps if isinstance(s, PlannedImage)]
    notes += [
        f"{ref} is in no registry: load it into the cluster" for ref in filter(pins.is_built, built)
    ]
    return [f"{node.installation}: {note}" for note in notes]
