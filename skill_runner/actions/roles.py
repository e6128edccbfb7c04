"""The roles that a skill's commands need, worked out without a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from skill_runner import binaries
from skill_runner.actions import run
from skill_runner.actions.graph import Graph, Node
from skill_runner.actions.request import Request
from skill_runner.backends.absent import absent_cluster
from skill_runner.backends.base import Cluster, Right
from skill_runner.backends.clock import SystemClock
from skill_runner.backends.helm import PyHelm
from skill_runner.backends.world import World
from skill_runner.errors import UsageError
from skill_runner.execution import preflight, rbac
from skill_runner.execution.rights import Command, rights_of, using
from skill_runner.objects import Object
from skill_runner.plan import ImageChoice, Installation
from skill_runner.skill.library import Library
from skill_runner.skill.model import Image

NOTE: Final = """\
# The rights that this installation needs, what it requires included, and nothing else. Of an
# installation that --use names, they are those to read its record. Capacity, storage classes and
# other namespaces' records are checked better by an account that may also list nodes,
# storageclasses, pods and configmaps of the whole cluster.
"""


async def empty_world() -> World:
    """A cluster that has nothing, for which Helm renders charts by the kinds that it knows."""
    cluster = absent_cluster()
    return World(
        helm=PyHelm(str(await binaries.ensure("helm")), cluster),
        cluster=cluster,
        images=_OfficialImages(),
        clock=SystemClock(),
        connect=lambda: _same(cluster),
    )


async def roles_for(
    request: Request, command: Command, world: World, library: Library
) -> list[Object]:
    """The objects to apply. What the request says to use is there, and is not changed."""
    prepared = await run.prepare([replace(request, use={})], world, library)
    [asked] = prepared.asked
    used = _used(prepared, asked, request.use)
    rights: set[Right] = set()
    spaces: set[str] = set()
    for node in _needed(prepared, asked, used):
        if node.installation in used:
            rights.add(using(used[node.installation]))
        elif node.plan is not None:
            found = rights_of(node.plan, await preflight.render_manifests(node.plan, world))
            rights |= found.of[command] | (found.granted if command == "run" else frozenset())
            spaces |= set(found.namespaces)
    return rbac.documents(
        rights,
        name=f"skill-{asked.installation.name}",
        account=(asked.installation.namespace, rbac.ACCOUNT),
        namespaces=spaces,
    )


def _used(graph_: Graph, asked: Node, use: Mapping[str, str]) -> dict[Installation, Installation]:
    """The installations that are used, by those that the graph would make in their place.

    UsageError for an alias that is not known.
    """
    used = {}
    for key, named in use.items():
        installation = Installation.parse(named)
        if not installation.name:
            raise UsageError(
                f"--use {key}={named} names no namespace",
                hint=f"Write --use {key}=NAMESPACE/{named}: no cluster is asked here.",
            )
        places = [n.installation for n in graph_.nodes if n.skill.name == key]
        places += [asked.edges[key]] if key in asked.edges else []
        if not places:
            raise UsageError(
                f"--use {key}: {asked.installation} has no requirement of that name",
                hint=f"It requires: {', '.join(asked.edges) or 'nothing'}",
            )
        used.update(dict.fromkeys(places, installation))
    return used


def _needed(
    graph_: Graph, asked: Node, used: Mapping[Installation, Installation]
) -> Iterator[Node]:
    """The node that was asked for, and what it needs; what is used needs nothing."""
    left, seen = [asked.installation], {asked.installation}
    while left:
        node = graph_[left.pop()]
        yield node
        for target in () if node.installation in used else node.edges.values():
            if target not in seen:
                seen.add(target)
                left.append(target)


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
