"""The embedded provider, on the host's side: start a node, find it, end it."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Final

from skill_runner import binaries
from skill_runner.clusters.base import ClusterInfo, UpOptions
from skill_runner.clusters.embedded.components import import_command, list_command
from skill_runner.clusters.embedded.host import launch, processes, readiness, teardown
from skill_runner.clusters.embedded.host.checks import NO_WAY_OUT, check_machine, fence_note
from skill_runner.clusters.embedded.host.limits import check_inotify
from skill_runner.clusters.embedded.host.paths import clusters_folder, lock_cluster, run_folder
from skill_runner.clusters.embedded.host.start_failures import disk_is_full
from skill_runner.clusters.embedded.host.status import describe
from skill_runner.clusters.embedded.settings import Node, read_node
from skill_runner.errors import ClusterLifecycleError, UsageError
from skill_runner.progress import Note, Report, silent

NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
TOOLS: Final = tuple(t for part in binaries.PARTS if part.name != "helm" for t in part.tools)


class Embedded:
    """Clusters of upstream binaries in namespaces of their own. All methods need root on Linux."""

    name = "embedded"

    async def up(self, options: UpOptions, report: Report = silent) -> ClusterInfo:
        check_name(options.name)
        machine = check_machine(clusters_folder())
        folder = clusters_folder() / options.name
        async with lock_cluster(options.name, report):
            if processes.find_node_process(folder) is None:
                if folder.exists():
                    report(Note(f"removing what is left of an earlier cluster {options.name!r}"))
                await teardown.remove(options.name, folder)
                check_inotify()
                if note := fence_note(machine) if machine.way_out else NO_WAY_OUT:
                    report(Note(note))
                tools = await binaries.ensure_all(TOOLS, report=report)
                try:
                    await launch.start_node(options, folder, tools, machine)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    raise disk_is_full(folder) from None
            elif node := _node(folder):
                launch.check_same_options(node, options, report)
            else:
                raise ClusterLifecycleError(
                    f"cluster {options.name!r} is running, and another version of skill started it",
                    hint=f"`skill cluster down --name {options.name}` ends it.",
                )
        node = read_node(folder)
        await readiness.wait_until_ready(node, options.timeout, report)
        return replace(self._info(node), ready=True)

    async def down(self, name: str, report: Report = silent) -> bool:
        check_name(name)
        folder = clusters_folder() / name
        async with lock_cluster(name, report):
            existed = folder.exists() or processes.find_node_process(folder) is not None
            await teardown.remove(name, folder)
        return existed

    async def status(self, name: str) -> ClusterInfo | None:
        check_name(name)
        folder = clusters_folder() / name
        node = _node(folder)
        if node is None:
            return None
        info = describe(node, self._info(node))
        return replace(info, ready=await readiness.is_ready(node)) if info.running else info

    async def clusters(self) -> tuple[ClusterInfo, ...]:
        root = clusters_folder()
        folders = sorted(root.iterdir()) if root.is_dir() else []
        nodes = [node for folder in folders if (node := _node(folder))]
        return tuple(describe(node, self._info(node)) for node in nodes)

    async def load(self, name: str, image: str | Path, report: Report = silent) -> None:
        node = self._running(name)
        path = Path(image)
        if not path.is_file():
            raise UsageError(
                f"no image archive at {path}",
                hint="The embedded cluster loads archives: `docker save IMAGE -o image.tar`, or "
                "`skill images build`.",
            )
        report(Note(f"loading {path.name} into {name}"))
        answer = await asyncio.create_subprocess_exec(
            *import_command(node, path),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(node.temporary)},
        )
        output, _ = await answer.communicate()
        if answer.returncode:
            text = output.decode(errors="replace").strip()
            raise ClusterLifecycleError(
                f"{path} was not loaded into {name}: containerd said: {text}"
            )

    async def has_image(self, name: str, ref: str) -> bool:
        child = await asyncio.create_subprocess_exec(
            *list_command(self._running(name), ref),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        output, _ = await child.communicate()
        return ref in output.decode().split()

    async def logs(self, name: str, component: str) -> str:
        node = _node(clusters_folder() / name)
        if node is None:
            raise _no_cluster(name)
        known = sorted(path.stem for path in node.logs.glob("*.log"))
        if component not in known:
            raise UsageError(f"no component is called {component!r}; there are: {', '.join(known)}")
        return (node.logs / f"{component}.log").read_text(errors="replace")

    async def kubeconfig(self, name: str) -> str:
        return self._running(name).kubeconfig.read_text()

    def find(self, name_or_context: str) -> ClusterInfo | None:
        """A running cluster, without asking its API server."""
        if not NAME.fullmatch(name_or_context):
            return None
        folder = clusters_folder() / name_or_context
        node = _node(folder)
        if node is None or processes.find_node_process(folder) is None:
            return None
        return self._info(node)

    def _running(self, name: str) -> Node:
        check_name(name)
        folder = clusters_folder() / name
        node = _node(folder)
        if node is None or processes.find_node_process(folder) is None:
            raise _no_cluster(name)
        return node

    def _info(self, node: Node) -> ClusterInfo:
        return ClusterInfo(
            name=node.name,
            provider=self.name,
            context=node.name,
            kubeconfig=node.kubeconfig,
            server=node.server,
            since=node.created,
            folder=node.path,
            audit_log=node.audit_log,
        )


def check_name(name: str) -> None:
    """UsageError unless the name can be a node's and a cgroup's."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a cluster: lower-case letters, digits and inner hyphens, "
            "at most 32 characters"
        )


def _node(folder: Path) -> Node | None:
    try:
        return read_node(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _no_cluster(name: str) -> ClusterLifecycleError:
    return ClusterLifecycleError(
        f"no embedded cluster {name!r} runs here",
        hint=f"`skill cluster up --name {name}` starts it; `skill cluster list` shows what runs.",
    )


__all__ = ["Embedded", "run_folder"]
