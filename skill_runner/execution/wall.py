"""Refuse objects that a skill does not declare: of a plan before anything, of a hook as it asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from skill_runner.backends.base import Cluster, Helm, Lifeline, Release, ReleaseSpec
from skill_runner.backends.fence import READS
from skill_runner.backends.world import World
from skill_runner.errors import PreflightFailed, StepFailed
from skill_runner.objects import Object, Ref, is_cluster_scoped
from skill_runner.outcome import Problem
from skill_runner.plan import Plan
from skill_runner.policy.declared import Declared

# What a hook's cluster and Helm do beyond reading that makes no object.
_WRITES: Final = ("delete", "exec", "mark_failed", "port_forward", "rollback", "uninstall")
PASSES: Final = READS | {"target", "version", *_WRITES}


def declared_of(plan: Plan) -> Declared:
    """The kinds that a plan's installation may make."""
    return Declared(plan.skill.name, plan.installation.namespace, plan.makes, plan.allow_kinds)


def cluster_of(plan: Plan, world: World) -> Cluster:
    """The cluster as the plan's hooks may use it."""
    return wall_cluster(world.cluster, declared_of(plan).for_hooks)


def helm_of(plan: Plan, world: World) -> Helm:
    """Helm as the plan's hooks may use it."""
    return wall_helm(world.helm, declared_of(plan).for_hooks)


def wall_cluster(cluster: Cluster, declared: Declared) -> Cluster:
    """The cluster, making only what is declared."""
    return cast(Cluster, _WalledCluster(cluster, declared))


def wall_helm(helm: Helm, declared: Declared) -> Helm:
    """Helm, installing only what is declared."""
    return cast(Helm, _WalledHelm(helm, declared))


def check(plan: Plan, manifests: Sequence[Object]) -> None:
    """PreflightFailed with POLICY_VIOLATION when the plan makes what its skill does not declare."""
    declared = declared_of(plan)
    found = list(declared.faults(manifests))
    if not found:
        return
    problem = _problem(declared, found)
    lines = "".join(f"\n  {line}" for line in problem.evidence)
    raise PreflightFailed(f"{problem.cause}{lines}", hint=problem.fix, problem=problem)


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
        fix=declared.remedy([manifest for manifest, _ in found]),
    )


class _Walled:
    """`inner`, but for what makes objects: a method that is new does, until PASSES has it."""

    def __init__(self, inner: Any, declared: Declared) -> None:
        self._inner = inner
        self._declared = declared

    def __getattr__(self, name: str) -> Any:
        if name not in PASSES:
            raise AttributeError(f"{name} is not let through by the wall of {self._declared.skill}")
        return getattr(self._inner, name)


class _WalledCluster(_Walled):
    """A cluster that makes only what is declared; a dry run makes nothing, and is let through."""

    async def apply(self, manifest: Object, *, dry_run: bool = False, **how: Any) -> Object:
        if not dry_run:
            _refuse(self._declared, [manifest])
        return cast(Object, await self._inner.apply(manifest, dry_run=dry_run, **how))

    async def create(self, manifest: Object, *, dry_run: bool = False) -> Object:
        if not dry_run:
            _refuse(self._declared, [manifest])
        return cast(Object, await self._inner.create(manifest, dry_run=dry_run))

    async def replace(self, obj: Object) -> Object:
        _refuse(self._declared, [obj])
        return cast(Object, await self._inner.replace(obj))


class _WalledHelm(_Walled):
    """A Helm that installs only what is declared."""

    def under(self, lifeline: Lifeline) -> Helm:
        return cast(Helm, _WalledHelm(self._inner.under(lifeline), self._declared))

    async def install_or_upgrade(self, spec: ReleaseSpec, **how: Any) -> Release:
        made = await self._inner.template(spec)
        _refuse(self._declared, [_placed(manifest, spec.namespace) for manifest in made])
        return cast(Release, await self._inner.install_or_upgrade(spec, **how))


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
        raise StepFailed(f"a hook asks for {problem.cause}", hint=problem.fix, problem=problem)
