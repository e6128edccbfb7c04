"""A release of an installation: is it as applied, put it there, and take it over from the dead."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from skill_runner.backends.base import (
    FIELD_MANAGER,
    HELM_MANAGER,
    Cluster,
    Helm,
    Release,
    ReleaseSpec,
)
from skill_runner.errors import Conflict, NotFound, ReleaseLocked
from skill_runner.installations.ownership import INSTALLATION_LABEL, NAMESPACE_LABEL, judge
from skill_runner.objects import MANAGED_BY, Object, Ref
from skill_runner.plan import Installation, PlannedRelease
from skill_runner.readiness.status.scaling import KINDS, scaled_to_zero
from skill_runner.text.quoting import excerpt

DIGEST_LABEL: Final = "skill-runner.dev/digest"
RUN_LABEL: Final = "skill-runner.dev/run"


def release_spec(step: PlannedRelease, installation: Installation, run: str) -> ReleaseSpec:
    """Write the request to Helm, with the labels by which later runs know the release again."""
    return ReleaseSpec(
        name=step.release,
        namespace=step.namespace,
        chart=step.chart,
        values=step.values,
        repo=step.repo,
        version=step.version,
        timeout=step.timeout,
        labels={
            DIGEST_LABEL: release_digest(step),
            RUN_LABEL: run,
            INSTALLATION_LABEL: installation.name,
            NAMESPACE_LABEL: installation.namespace,
        },
    )


def release_digest(step: PlannedRelease) -> str:
    """A keyed digest of chart and values; of a local chart, of every file in it."""
    digest = hmac.new(step.key.encode(), digestmod=hashlib.sha256)
    for part in (step.chart if step.repo or "://" in step.chart else "", step.repo, step.version):
        digest.update(f"{part}\0".encode())
    folder = Path(step.chart)
    if folder.is_dir():
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    digest.update(json.dumps(step.values, sort_keys=True).encode())
    return digest.hexdigest()[:40]


async def is_as_applied(helm: Helm, cluster: Cluster, step: PlannedRelease) -> str:
    """Empty when the release stands as this step wants it; otherwise what is different."""
    release = await helm.get(step.release, step.namespace)
    if release is None:
        return "it is not installed"
    if release.status != "deployed":
        return f"its last revision is {release.status}"
    if release.labels.get(DIGEST_LABEL) != release_digest(step):
        return "chart or values changed"
    made = await helm.manifest(step.release, step.namespace)
    wanted = [as_helm_applies(m, step.release, step.namespace) for m in made]
    return await find_drift(cluster, wanted, step.namespace, manager=HELM_MANAGER)


def as_helm_applies(manifest: Object, release: str, namespace: str) -> Object:
    """The manifest with the marks that Helm adds (helm/helm, pkg/action/validate.go)."""
    meta = manifest.get("metadata") or {}
    owner = {
        "meta.helm.sh/release-name": release,
        "meta.helm.sh/release-namespace": namespace,
    }
    labels = {**(meta.get("labels") or {}), MANAGED_BY: "Helm"}
    annotations = {**(meta.get("annotations") or {}), **owner}
    return {**manifest, "metadata": {**meta, "labels": labels, "annotations": annotations}}


async def find_drift(
    cluster: Cluster, manifests: Iterable[Object], namespace: str, *, manager: str = FIELD_MANAGER
) -> str:
    """The first object that is gone or going, or that someone changed; empty when there is none.

    A server-side apply as a dry run, by the manager that made it, tells: a conflict with others,
    or a result that differs from what stands.
    """
    for manifest in manifests:
        wanted = await with_namespace(cluster, manifest, namespace)
        ref = Ref.of(wanted)
        try:
            live = await cluster.get(ref)
            if what := await differs(cluster, wanted, live, manager=manager):
                return what
        except NotFound:
            return f"{ref} is gone"
    return ""


async def find_scaled(helm: Helm, cluster: Cluster, step: PlannedRelease) -> tuple[str, ...]:
    """Each workload of the release that somebody scaled to zero, in a sentence."""
    found = []
    for manifest in await helm.manifest(step.release, step.namespace):
        if manifest["kind"] not in KINDS:
            continue
        wanted = await with_namespace(cluster, manifest, step.namespace)
        with suppress(NotFound):
            scaled = scaled_to_zero(wanted, await cluster.get(Ref.of(wanted)))
            if scaled and scaled.stated:
                found.append(f"{Ref.of(wanted)} {scaled.was}")
    return tuple(found)


async def differs(
    cluster: Cluster, wanted: Object, live: Object, *, manager: str = FIELD_MANAGER
) -> str:
    """Say how a live object differs from what its manager wants; empty when it does not."""
    ref = Ref.of(wanted)
    if live["metadata"].get("deletionTimestamp"):
        return f"{ref} is being deleted"
    scaled = scaled_to_zero(wanted, live)
    if scaled and scaled.stated:
        return f"{ref} {scaled}"
    try:
        would = await cluster.apply(wanted, dry_run=True, manager=manager)
    except Conflict as error:
        return f"{ref} was changed by someone else ({excerpt(error.message)})"
    return "" if content(live) == content(would) else f"{ref} was changed by someone else"


async def with_namespace(cluster: Cluster, manifest: Object, namespace: str) -> Object:
    """The manifest with the namespace that it would land in, where its kind has one."""
    if (manifest.get("metadata") or {}).get("namespace"):
        return manifest
    with suppress(NotFound):
        served = await cluster.resource_type(manifest["apiVersion"], manifest["kind"])
        if not served.namespaced:
            return manifest
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}


def content(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an owner decides: no status, no bookkeeping of the server."""
    kept = {key: value for key, value in obj.items() if key not in ("status", "metadata")}
    meta = obj.get("metadata") or {}
    kept["labels"] = meta.get("labels") or {}
    kept["annotations"] = meta.get("annotations") or {}
    return kept


async def release_lock(helm: Helm, release: Release, installation: Installation) -> str:
    """Free a release that a dead run of ours left pending; what was done, or empty.

    We hold the installation's lock, so whoever left it pending under our labels is dead.
    ReleaseLocked when the pending operation is not one of ours.
    """
    if not release.status.startswith("pending-"):
        return ""
    if not judge(release, installation).is_ours:
        raise ReleaseLocked(
            f"release {release.namespace}/{release.name} is {release.status}"
            f" since {release.updated or 'an unknown time'}, by a Helm operation that is not ours",
            hint="Wait until it is done; if it died, `helm rollback` or `helm uninstall` it first.",
        )
    await helm.mark_failed(release.name, release.namespace, release.revision)
    run = release.labels.get(RUN_LABEL, "an earlier run")
    return f"took over release {release.name}, left {release.status} by run {run}"
