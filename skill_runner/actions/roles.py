"""The roles that a skill's commands need, worked out without a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from skill_runner import binaries
from skill_runner.actions import run
from skill_runner.actions.request import Request
from skill_runner.backends.absent import no_cluster
from skill_runner.backends.base import Cluster, Right
from skill_runner.backends.clock import SystemClock
from skill_runner.backends.helm import PyHelm
from skill_runner.backends.world import World
from skill_runner.execution import preflight, rbac
from skill_runner.execution.rights import Command, rights_of
from skill_runner.objects import Object
from skill_runner.plan import ImageChoice, Plan
from skill_runner.skill.library import Library
from skill_runner.skill.model import Image

NOTE: Final = """\
# The rights that this installation needs, what it requires included, and nothing else. Capacity,
# storage classes and other namespaces' records are checked better by an account that may also list
# nodes, storageclasses, pods and configmaps of the whole cluster.
"""


async def roles_for(request: Request, command: Command, library: Library) -> list[Object]:
    """The objects to apply; charts are rendered by Helm, for the kinds that it knows."""
    cluster = no_cluster()
    world = World(
        helm=PyHelm(str(await binaries.ensure("helm")), cluster),
        cluster=cluster,
        images=_OfficialImages(),
        clock=SystemClock(),
        connect=lambda: _same(cluster),
    )
    prepared = await run.prepare([request], world, library)
    plans = [node.plan for node in prepared.nodes if node.plan is not None]
    rights: set[Right] = set()
    spaces: set[str] = set()
    for plan in plans:
        found = rights_of(plan, await preflight.render_manifests(plan, world))
        rights |= found.of[command] | (found.granted if command == "run" else frozenset())
        spaces |= set(found.namespaces)
    asked: Plan = plans[-1]
    return rbac.documents(
        rights,
        name=f"skill-{asked.installation.name}",
        account=(asked.installation.namespace, rbac.ACCOUNT),
        namespaces=spaces,
    )


async def _same(cluster: Cluster) -> Cluster:
    return cluster


class _OfficialImages:
    """Images by their names alone: no right depends on where one comes from."""

    async def choose(
        self, image: Image, folder: Path, *, override: str | None, **_how: Any
    ) -> ImageChoice:
        ref = override or image.ref or f"{image.name}:unbuilt"
        return ImageChoice(name=image.name, ref=ref, source="pull", official=image.ref)

    async def provide(self, *_arguments: Any, **_options: Any) -> str:
        raise RuntimeError("images are only named here")
