"""The Helm Protocol: writes by the helm command through pyhelm3, reads from release Secrets.

pyhelm3's `Command` is used without its `Client`: that one reads the manifest of every release it
returns with PyYAML's slow loader (seconds for a chart with large CRDs), asks helm for its version
while the event loop waits, and what else it does is not wanted here (see the ban on
`ensure_release`, which uninstalls).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import yaml

from skill_runner.backends.base import Cluster, Helm, Lifeline, Release, ReleaseSpec
from skill_runner.backends.helm.command import HelmCommand
from skill_runner.backends.helm.storage import Releases, lacks_namespace
from skill_runner.backends.manifests import read_manifests
from skill_runner.errors import ChartError, HelmError
from skill_runner.objects import Object

_DOCUMENT: Final = re.compile(r"^---.*$", re.MULTILINE)
_SOURCE: Final = re.compile(r"\A\s*# Source: (?P<file>\S+)")


class PyHelm:
    """Helm for the cluster of a connection. `executable` is the path of helm 4."""

    def __init__(self, executable: str, cluster: Cluster, lifeline: Lifeline | None = None) -> None:
        self._executable = executable
        self._target = cluster.target
        self._cluster = cluster
        self._lifeline = lifeline
        self._version = ""  # of the cluster
        self._releases = Releases(cluster)

        self.get = self._releases.get
        self.history = self._releases.history
        self.list = self._releases.list
        self.manifest = self._releases.manifest
        self.hooks = self._releases.hooks
        self.mark_failed = self._releases.mark_failed

    async def version(self) -> str:
        return (await self._command().version()).strip()

    async def template(self, spec: ReleaseSpec) -> tuple[Object, ...]:
        return _read(spec, await self._rendered(spec))

    async def definitions(self, spec: ReleaseSpec) -> tuple[Object, ...]:
        return _read(spec, definitions_in((await self._rendered(spec)).decode()).encode())

    async def _rendered(self, spec: ReleaseSpec) -> bytes:
        check_chart(spec)
        arguments: list[Any] = [
            "template",
            spec.name,
            spec.chart,
            "--namespace",
            spec.namespace,
            "--include-crds",
            "--values",
            "-",
        ]
        if spec.repo:
            arguments += ["--repo", spec.repo]
        if spec.version:
            arguments += ["--version", spec.version]
        arguments += await self._capabilities()
        return await self._command(about=f"chart {spec.chart}").run(
            arguments, json.dumps(dict(spec.values)).encode()
        )

    async def _capabilities(self) -> list[str]:
        """The answers to .Capabilities of charts: by itself `helm template` asks no cluster, and
        would render for another version than `helm upgrade` does. Without a cluster that may be."""
        served = {f"{t.api_version}/{t.kind}" for t in await self._cluster.resource_types()}
        served |= {each.rpartition("/")[0] for each in served}
        kinds = [f"--api-versions={each}" for each in sorted(served)]
        self._version = self._version or await self._cluster.version()
        return [f"--kube-version={self._version}", *kinds] if self._version else kinds

    async def install_or_upgrade(
        self, spec: ReleaseSpec, *, on_line: Callable[[str], None] | None = None
    ) -> Release:
        check_chart(spec)
        command = self._command(
            about=_release(spec.name, spec.namespace), labels=spec.labels, on_line=on_line
        )
        await command.install_or_upgrade(
            spec.name,
            spec.chart,
            dict(spec.values),
            namespace=spec.namespace,
            repo=spec.repo,
            version=spec.version,
            timeout=f"{max(1, round(spec.timeout))}s",
            skip_crds=True,
            # Without it, an upgrade with empty values would take over those of before.
            reset_values=True,
            create_namespace=await lacks_namespace(self._cluster, spec.namespace),
        )
        return await self._need(spec.name, spec.namespace)

    async def rollback(self, name: str, namespace: str, revision: int) -> Release:
        await self._command(about=_release(name, namespace)).rollback(
            name, revision, namespace=namespace
        )
        return await self._need(name, namespace)

    async def uninstall(self, name: str, namespace: str, *, keep_history: bool = False) -> None:
        try:
            await self._command(about=_release(name, namespace)).uninstall(
                name, namespace=namespace, keep_history=keep_history
            )
        except HelmError as error:
            if "release: not found" not in error.message:
                raise

    def under(self, lifeline: Lifeline) -> Helm:
        return PyHelm(self._executable, self._cluster, lifeline)

    def _command(self, **options: Any) -> HelmCommand:
        return HelmCommand(self._executable, self._target, lifeline=self._lifeline, **options)

    async def _need(self, name: str, namespace: str) -> Release:
        release = await self.get(name, namespace)
        if release is None:
            raise HelmError(f"release {namespace}/{name} disappeared right after it was created")
        return release


def _read(spec: ReleaseSpec, rendered: bytes) -> tuple[Object, ...]:
    try:
        return read_manifests(rendered)
    except yaml.YAMLError as error:
        raise ChartError(f"chart {spec.chart} renders text that is not YAML: {error}") from error


def definitions_in(rendered: str) -> str:
    """The documents that `helm template` took from a crds/ folder, by its `# Source:` lines.

    Only the first document of a file has such a line.
    """
    kept, inside = [], False
    for document in _DOCUMENT.split(rendered):
        source = _SOURCE.search(document)
        if source:
            inside = "/crds/" in source["file"] and "/templates/" not in source["file"]
        if inside:
            kept.append(document)
    return "\n---\n".join(kept)


def check_chart(spec: ReleaseSpec) -> None:
    """ChartError when a local chart is not there, or a remote one names no version."""
    if spec.chart.startswith(("/", ".")):
        folder = Path(spec.chart)
        if not folder.exists() or (folder.is_dir() and not (folder / "Chart.yaml").is_file()):
            raise ChartError(f"there is no chart at {spec.chart}", hint="Expected its Chart.yaml.")
    elif not spec.version and "@sha256:" not in spec.chart:
        raise ChartError(
            f"chart {spec.chart} names no version", hint="Pin one, so that a run can be repeated."
        )


def _release(name: str, namespace: str) -> str:
    return f"release {namespace}/{name}"
