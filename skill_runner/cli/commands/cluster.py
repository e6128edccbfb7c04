"""`skill cluster`: start and stop clusters for development, tests and CI."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from skill_runner import binaries, clusters
from skill_runner.cli.cluster_display import print_clusters, print_status, watching
from skill_runner.clusters.base import ClusterInfo, UpOptions
from skill_runner.clusters.kubeconfigs import merge_context, remove_context, user_kubeconfig
from skill_runner.errors import ClusterLifecycleError, UsageError

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _which(function: Callable[..., Any]) -> Callable[..., Any]:
    name = click.option(
        "--name",
        default=None,
        metavar="NAME",
        help="Which cluster; the provider's name by default.",
    )
    provider = click.option(
        "--provider",
        type=click.Choice(list(clusters.PROVIDERS)),
        default="embedded",
        show_default=True,
        help="What runs the cluster.",
    )
    return name(provider(function))


def _output(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="JSON is one object on stdout.",
    )(function)


@click.group("cluster")
def command() -> None:
    """Start and stop clusters for development, tests and CI.

    \b
    embedded   real Kubernetes binaries in namespaces of their own: Linux, root, no Docker
    kind       by the kind command; minikube: by the minikube command
    """


@command.command()
@_which
@_output
@click.option("--merge", is_flag=True, help="Also put the context into ~/.kube/config.")
@click.option("--timeout", default=180.0, show_default=True, help="Seconds to wait.")
@click.option(
    "--registry-mirror",
    "mirrors",
    multiple=True,
    metavar="[REGISTRY=]URL",
    help="Pull REGISTRY (docker.io by default) from there. Repeatable.",
)
@click.option(
    "--insecure-registry",
    "insecure",
    multiple=True,
    metavar="HOST:PORT",
    help="A registry that speaks plain HTTP. Repeatable.",
)
@click.option(
    "--registry-config",
    type=click.Path(path_type=Path),
    help="A folder in the form of containerd's certs.d.",
)
@click.option("--image", help="kind: the node image; minikube: the Kubernetes version.")
@click.option("-v", "--verbose", is_flag=True, help="Show the output of builds and tools.")
def up(
    name: str | None,
    provider: str,
    output: str,
    merge: bool,
    timeout: float,
    mirrors: tuple[str, ...],
    insecure: tuple[str, ...],
    registry_config: Path | None,
    image: str | None,
    verbose: bool,
) -> None:
    """Start a cluster, or find it running; return when pods can be made."""
    options = UpOptions(
        name=name or provider,
        timeout=timeout,
        mirrors=dict(_mirror(text) for text in mirrors),
        insecure_registries=insecure,
        registry_config=registry_config,
        image=image,
    )
    chosen = clusters.provider(provider)
    with watching(verbose=verbose) as report:
        info = asyncio.run(chosen.up(options, report))
    if merge and provider == "embedded":
        merge_context(asyncio.run(chosen.kubeconfig(info.name)), user_kubeconfig())
    if output == "json":
        _print_json(info)
        return
    click.echo(f"Cluster {info.name} is ready ({info.server or info.context}).")
    if merge or provider != "embedded":
        click.echo(f"Use it with: kubectl --context {info.context} get pods --all-namespaces")
    else:
        click.echo(f"Use it with: export KUBECONFIG={info.kubeconfig}")


@command.command()
@_which
@_output
def down(name: str | None, provider: str, output: str) -> None:
    """End a cluster and remove everything of it."""
    chosen, which = clusters.provider(provider), name or provider
    info = asyncio.run(chosen.status(which))
    with watching() as report:
        existed = asyncio.run(chosen.down(which, report))
    if info is not None and provider == "embedded":
        remove_context(info.context, info.server, user_kubeconfig())
    if output == "json":
        click.echo(json.dumps({"name": which, "provider": provider, "removed": existed}))
    else:
        click.echo(f"Cluster {which} is gone." if existed else f"There was no cluster {which}.")


@command.command()
@_which
@_output
def status(name: str | None, provider: str, output: str) -> None:
    """Show what runs, since when, with how much memory. Exit code 1 when it does not run."""
    which = name or provider
    info = asyncio.run(clusters.provider(provider).status(which))
    if info is None:
        raise ClusterLifecycleError(
            f"there is no {provider} cluster {which!r}",
            hint="`skill cluster list` shows those of this machine.",
        )
    if output == "json":
        _print_json(info)
    else:
        print_status(info)
    raise click.exceptions.Exit(0 if info.running else 1)


@command.command("list")
@click.option(
    "--provider",
    type=click.Choice(list(clusters.PROVIDERS)),
    help="Only these; by default every provider's whose command is here.",
)
@_output
def list_clusters(provider: str | None, output: str) -> None:
    """The clusters of this machine."""
    here = [name for name in clusters.PROVIDERS if name == "embedded" or shutil.which(name)]
    found = asyncio.run(_clusters_of([provider] if provider else here))
    if output == "json":
        click.echo(json.dumps({"clusters": [_as_json(info) for info in found]}, default=str))
    else:
        print_clusters(found)


@command.command()
@_which
@click.argument("images", nargs=-1, required=True, metavar="IMAGE-OR-ARCHIVE...")
def load(name: str | None, provider: str, images: tuple[str, ...]) -> None:
    """Put images into the cluster: OCI or Docker archives, for kind and minikube also names."""
    with watching() as report:
        for image in images:
            asyncio.run(clusters.provider(provider).load(name or provider, image, report))


@command.command()
@_which
@click.option("--merge", is_flag=True, help="Put the context into ~/.kube/config instead.")
def kubeconfig(name: str | None, provider: str, merge: bool) -> None:
    """Print a kubeconfig for this cluster alone."""
    text = asyncio.run(clusters.provider(provider).kubeconfig(name or provider))
    if merge:
        merge_context(text, user_kubeconfig())
        click.echo(f"merged into {user_kubeconfig()}", err=True)
    else:
        click.echo(text)


@command.command()
@_which
@click.argument("component")
def logs(name: str | None, provider: str, component: str) -> None:
    """Show what a COMPONENT of the cluster has logged, such as kubelet or kube-apiserver."""
    text = asyncio.run(clusters.provider(provider).logs(name or provider, component))
    click.echo(text, nl=False)


@command.command()
@_output
@click.option("-v", "--verbose", is_flag=True, help="Show the output of builds.")
def prefetch(output: str, verbose: bool) -> None:
    """Fetch the pinned binaries (Helm included) now, so that `up` needs no network."""
    with watching(verbose=verbose) as report:
        found = asyncio.run(binaries.ensure_all(list(binaries.BY_TOOL), report=report))
    if output == "json":
        click.echo(json.dumps({tool: str(path) for tool, path in found.items()}))
        return
    for tool, path in found.items():
        click.echo(f"{tool:24} {path}")


async def _clusters_of(providers: list[str]) -> list[ClusterInfo]:
    found: list[ClusterInfo] = []
    for name in providers:
        try:
            found += await clusters.provider(name).clusters()
        except ClusterLifecycleError as error:
            if len(providers) == 1:
                raise
            click.echo(f"{name}: {error}", err=True)
    return found


def _mirror(text: str) -> tuple[str, str]:
    registry, found, address = text.partition("=")
    if not found:
        registry, address = "docker.io", text
    if not address.startswith(("http://", "https://")):
        raise UsageError(f"--registry-mirror {text!r}: a URL with http:// or https:// is expected")
    return registry, address


def _as_json(info: ClusterInfo) -> dict[str, Any]:
    return dataclasses.asdict(info)


def _print_json(info: ClusterInfo) -> None:
    click.echo(json.dumps(_as_json(info), default=str))
