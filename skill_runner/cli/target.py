"""Choose the cluster that a command means: named, or safe to assume; else refused (exit 6)."""

from __future__ import annotations

from dataclasses import dataclass

from skill_runner import clusters
from skill_runner.backends.base import Target
from skill_runner.backends.kubeconfig import Context, read_kubeconfig
from skill_runner.clusters import ClusterInfo, UpOptions, local
from skill_runner.errors import ClusterUnreachable, Refused
from skill_runner.progress import Report, silent


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
        if is_local(config.context(config.current)):
            return target
        raise Refused(
            f"the server of the current context {target.context!r} ({target.server}) is not on "
            "this machine",
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
        _refuse_elsewhere(found)
        return _target_of(found)
    if name == "embedded":
        return _target_of(await clusters.provider(name).up(UpOptions(name=name), report))
    known = ", ".join(c.name for c in await clusters.provider().clusters()) or "none"
    raise ClusterUnreachable(
        f"no cluster {name!r} runs (known: {known})",
        hint=f"Start it with `skill cluster up --name {name}`.",
    )


def _refuse_elsewhere(info: ClusterInfo) -> None:
    """A context that is named as kind names its own may lead anywhere."""
    if info.provider == "embedded":
        return
    path = str(info.kubeconfig) if info.kubeconfig else None
    if not is_local(read_kubeconfig(path).context(info.context)):
        raise Refused(
            f"the server of {info.context} ({info.server}) is not on this machine",
            hint=f"If you mean it: --context {info.context}",
        )


def _target_of(info: ClusterInfo) -> Target:
    return Target(str(info.kubeconfig), info.context, info.server)


def is_local(context: Context) -> bool:
    """Tell whether a context's server is on this machine; its name decides nothing."""
    return local.is_local(
        context.server,
        local.this_host(),
        proxy=context.proxy,
        tls_server_name=context.tls_server_name,
    )
