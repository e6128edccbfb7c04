"""Refuse objects that a skill does not declare: of a plan before anything, of a hook as it asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from skill_runner.backends.base import (
    FIELD_MANAGER,
    Cluster,
    Helm,
    Lifeline,
    Object,
    Ref,
    Release,
    ReleaseSpec,
)
from skill_runner.errors import PreflightFailed, StepFailed
from skill_runner.outcome import Problem
from skill_runner.placement import is_cluster_scoped
from skill_runner.plan import Plan
from skill_runner.policy.declared import Declared
from skill_runner.world import World


def declared_of(plan: Plan) -> Declared:
    """The kinds that a plan's installation may make."""
    return Declared(plan.skill.name, plan.installation.namespace, plan.makes, plan.allow_kinds)


def cluster_of(plan: Plan, world: World) -> Cluster:
    """The cluster as the plan's hooks may use it."""
    return WalledCluster(world.cluster, declared_of(plan).for_hooks)


def helm_of(plan: Plan, world: World) -> Helm:
    """Helm as the plan's hooks may use it."""
    return WalledHelm(world.helm, declared_of(plan).for_hooks)


def check(plan: Plan, manifests: Sequence[Object]) -> None:
    """PreflightFailed with POLICY_VIOLATION when the plan makes what its skill does not declare."""
    declared = declared_of(plan)
    found = list(declared.faults(manifests))
    if not found:
        return
    problem = _problem(declared, found)
    lines = "".join(f"\n  {line}" for line in problem.evidence)
    raise PreflightFailed(f"{problem.cause}{lines}", hint=problem.mend, problem=problem)


def _problem(declared: Declared, found: Sequence[tuple[Mapping[str, Any], str]]) -> Problem:
    refs = [_ref(manifest) for manifest, _ in found]
    count = "1 object" if len(found) == 1 else f"{len(found)} objects"
    cause = f"{count} that {declared.skill} does not declare under `makes`"
    if declared.makes is None:
        cause = f"{declared.skill} does not declare what it makes (`makes` in its skill.yaml)"
    return Problem(
        code="POLICY_VIOLATION",
        resource=str(refs[0]),
        cause=cause,
        evidence=tuple(f"{ref}: {why}" for ref, (_, why) in zip(refs, found, strict=True)),
        mend=declared.remedy([manifest for manifest, _ in found]),
    )


class WalledCluster:
    """A cluster that makes only what is declared; a dry run makes nothing, and is let through."""

    def __init__(self, cluster: Cluster, declared: Declared) -> None:
        self._cluster = cluster
        self._declared = declared
        self.target = cluster.target
        self.version = cluster.version
        self.get = cluster.get
        self.list = cluster.list
        self.watch = cluster.watch
        self.delete = cluster.delete
        self.logs = cluster.logs
        self.exec = cluster.exec
        self.port_forward = cluster.port_forward
        self.resource_types = cluster.resource_types
        self.resource_type = cluster.resource_type
        self.denied = cluster.denied
        self.close = cluster.close

    async def apply(
        self,
        manifest: Object,
        *,
        dry_run: bool = False,
        force: bool = False,
        manager: str = FIELD_MANAGER,
    ) -> Object:
        if not dry_run:
            _refuse(self._declared, [manifest])
        return await self._cluster.apply(manifest, dry_run=dry_run, force=force, manager=manager)

    async def create(self, manifest: Object, *, dry_run: bool = False) -> Object:
        if not dry_run:
            _refuse(self._declared, [manifest])
        return await self._cluster.create(manifest, dry_run=dry_run)

    async def replace(self, obj: Object) -> Object:
        _refuse(self._declared, [obj])
        return await self._cluster.replace(obj)


class WalledHelm:
    """A Helm that installs only what is declared."""

    def __init__(self, helm: Helm, declared: Declared) -> None:
        self._helm = helm
        self._declared = declared
        self.version = helm.version
        self.template = helm.template
        self.definitions = helm.definitions
        self.get = helm.get
        self.history = helm.history
        self.list = helm.list
        self.manifest = helm.manifest
        self.hooks = helm.hooks
        self.rollback = helm.rollback
        self.uninstall = helm.uninstall
        self.mark_failed = helm.mark_failed

    def under(self, lifeline: Lifeline) -> Helm:
        return WalledHelm(self._helm.under(lifeline), self._declared)

    async def install_or_upgrade(
        self, spec: ReleaseSpec, *, on_line: Callable[[str], None] | None = None
    ) -> Release:
        made = await self._helm.template(spec)
        _refuse(self._declared, [_placed(manifest, spec.namespace) for manifest in made])
        return await self._helm.install_or_upgrade(spec, on_line=on_line)


def _ref(manifest: Mapping[str, Any]) -> Ref:
    """The reference of an object; preflight gives each a namespace, one without or not."""
    ref = Ref.of(manifest)
    return replace(ref, namespace=None) if is_cluster_scoped(ref.kind) else ref


def _placed(manifest: Object, namespace: str) -> Object:
    meta = manifest.get("metadata") or {}
    return {**manifest, "metadata": {"namespace": namespace, **meta}}


def _refuse(declared: Declared, manifests: Sequence[Object]) -> None:
    found = list(declared.faults(manifests))
    if found:
        problem = _problem(declared, found)
        raise StepFailed(f"a hook asks for {problem.cause}", hint=problem.mend, problem=problem)
