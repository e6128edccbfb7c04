"""Build the real World: the one place where the doors to the outside are opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from skill_runner import binaries, clusters
from skill_runner.backends.absent import absent_cluster
from skill_runner.backends.base import Cluster, Target
from skill_runner.backends.clock import SystemClock
from skill_runner.backends.helm import PyHelm
from skill_runner.backends.kube import connect
from skill_runner.backends.world import World
from skill_runner.cli.recording import taped, taped_helm
from skill_runner.cli.target import Asked, choose_target
from skill_runner.clusters import local
from skill_runner.images import make_images
from skill_runner.progress import Connected, Report, silent
from skill_runner.scope import Scope


@asynccontextmanager
async def world(asked: Asked, report: Report, registry: str = "") -> AsyncIterator[World]:
    """A World for the chosen cluster, checked to answer; closed at the end.

    `registry` takes the images that are built, where the caller named one.
    """
    target = await choose_target(asked, report)
    report(Connected(target.context, target.server))
    cluster = await connect(target.kubeconfig, target.context)
    clock = SystemClock()
    seen = taped(cluster, clock)
    try:
        await seen.version()
        helm = await binaries.ensure("helm", report=report)
        yield World(
            helm=taped_helm(PyHelm(str(helm), cluster), seen),
            cluster=seen,
            images=make_images(image_store(target), binaries.cache_folder(), registry),
            clock=clock,
            connect=lambda: _again(target),
            report=report,
            scope=Scope.here(),
        )
    finally:
        await cluster.close()


@asynccontextmanager
async def without_cluster(
    kube_version: str, served: Iterable[str], registry: str = ""
) -> AsyncIterator[World]:
    """A World that renders for a cluster of this Kubernetes version, and asks none."""
    cluster = absent_cluster(kube_version, served)

    async def again() -> Cluster:
        return cluster

    helm = await binaries.ensure("helm", report=silent)
    yield World(
        helm=PyHelm(str(helm), cluster),
        cluster=cluster,
        clock=SystemClock(),
        connect=again,
        images=make_images(None, binaries.cache_folder(), registry),
    )


@dataclass(frozen=True, slots=True)
class ClusterImages:
    """The images of one local cluster, by its provider."""

    provider: clusters.Provider
    name: str

    async def has_image(self, ref: str) -> bool:
        return await self.provider.has_image(self.name, ref)

    async def load_archive(self, archive: Path) -> None:
        await self.provider.load(self.name, archive)


def image_store(target: Target) -> ClusterImages | None:
    """Return where images can be loaded for this cluster, or None."""
    if not local.is_local(target.server, local.this_host()):
        return None
    ours = clusters.find(target.context)
    if ours is not None and ours.server == target.server:
        return ClusterImages(clusters.provider(ours.provider), ours.name)
    if target.context.startswith("kind-"):
        return ClusterImages(clusters.provider("kind"), target.context.removeprefix("kind-"))
    if target.context == "minikube":
        return ClusterImages(clusters.provider("minikube"), "minikube")
    return None


async def _again(target: Target) -> Cluster:
    return await connect(target.kubeconfig, target.context)


@asynccontextmanager
async def cluster_only(asked: Asked) -> AsyncIterator[Cluster]:
    """A connection without Helm or images, for commands that only read."""
    target = await choose_target(asked)
    cluster = await connect(target.kubeconfig, target.context)
    try:
        yield cluster
    finally:
        await cluster.close()
