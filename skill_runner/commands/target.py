"""Which cluster a command means: named, or safe to assume; anything else is refused (exit 6)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from skill_runner import clusters
from skill_runner.backends.base import Target
from skill_runner.backends.kubeconfig import read_kubeconfig
from skill_runner.clusters import ClusterInfo, UpOptions
from skill_runner.errors import ClusterUnreachable, Refused
from skill_runner.progress import Report, silent

LOCAL_NAMES: Final = ("minikube", "docker-desktop", "rancher-desktop")
LOCAL_PREFIXES: Final = ("kind-", "k3d-")
LOCAL_HOSTS: Final = frozenset({"localhost", "kubernetes.docker.internal", "host.docker.internal"})


@dataclass(frozen=True, slots=True)
class Asked:
    """The caller's --kubeconfig, --context and --cluster."""

    kubeconfig: str | None = None
    context: str | None = None
    cluster: str | None = None


async def choose_target(asked: Asked, report: Report = silent) -> Target:
    """The cluster to use.

    Refused when it would have to be guessed, ClusterUnreachable when there is none.
    """
    if asked.cluster:
        return await _ours(asked.cluster, report)
    config = read_kubeconfig(asked.kubeconfig)
    if asked.context:
        return config.target(asked.context)
    if config.current:
        target = config.target(config.current)
        if is_local(target) or _is_ours(target):
            return target
        raise Refused(
            f"the current context {target.context!r} ({target.server}) is not a local cluster",
            hint=f"Name it if you mean it: --context {target.context}",
        )
    running = [c for c in await clusters.provider().clusters() if c.running]
    if len(running) == 1:
        return _target_of(running[0])
    if running:
        names = ", ".join(c.name for c in running)
        raise Refused(f"several clusters run here: {names}", hint="Name one with --cluster.")
    raise ClusterUnreachable(
        "there is no kubeconfig, and no cluster of ours runs",
        hint="Start one with `skill cluster up`, or name one with --context or --cluster.",
    )


async def _ours(name: str, report: Report) -> Target:
    """The cluster of that name; `embedded` is started when it is not up."""
    found = clusters.find(name)
    if found is not None:
        return _target_of(found)
    if name == "embedded":
        return _target_of(await clusters.provider(name).up(UpOptions(name=name), report))
    known = ", ".join(c.name for c in await clusters.provider().clusters()) or "none"
    raise ClusterUnreachable(
        f"no cluster {name!r} runs (known: {known})",
        hint=f"Start it with `skill cluster up --name {name}`.",
    )


def _target_of(info: ClusterInfo) -> Target:
    return Target(str(info.kubeconfig), info.context, info.server)


def _is_ours(target: Target) -> bool:
    found = clusters.find(target.context)
    return found is not None and found.server == target.server


def is_local(target: Target) -> bool:
    """A context by a local tool's name whose server is on this machine or a private address."""
    named = target.context in LOCAL_NAMES or target.context.startswith(LOCAL_PREFIXES)
    host = urlsplit(target.server).hostname or ""
    if host in LOCAL_HOSTS:
        return named
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return named and (address.is_loopback or address.is_private)
