"""kind (Kubernetes in Docker), by its command line: https://kind.sigs.k8s.io/docs/user/."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skill_runner.binaries import cache_folder
from skill_runner.clusters import tools
from skill_runner.clusters.base import ClusterInfo, UpOptions
from skill_runner.clusters.kubeconfigs import user_kubeconfig
from skill_runner.clusters.registries import Registries, registry_hosts
from skill_runner.errors import ClusterLifecycleError, UsageError
from skill_runner.progress import Report, silent

LOG_FILES = {
    "kubelet": "*/kubelet.log",
    "containerd": "*/containerd.log",
    "etcd": "*/pods/kube-system_etcd-*/*/*.log",
    "kube-apiserver": "*/pods/kube-system_kube-apiserver-*/*/*.log",
    "kube-controller-manager": "*/pods/kube-system_kube-controller-manager-*/*/*.log",
    "kube-scheduler": "*/pods/kube-system_kube-scheduler-*/*/*.log",
    "kube-proxy": "*/pods/kube-system_kube-proxy-*/*/*.log",
    "coredns": "*/pods/kube-system_coredns-*/*/*.log",
}


class Kind:
    """Clusters of kind. Its own names: cluster NAME has context kind-NAME."""

    name = "kind"

    def __init__(self, run: tools.Run = tools.run) -> None:
        self._run = run

    async def up(self, options: UpOptions, report: Report = silent) -> ClusterInfo:
        if options.name not in await self._names():
            command = ["kind", "create", "cluster", "--name", options.name]
            command += ["--wait", f"{options.timeout:.0f}s", "--config", "-"]
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
                config.write(json.dumps(kind_config(_write_hosts(options))))
                config.flush()
                command[-1] = config.name
                if options.image:
                    command += ["--image", options.image]
                await self._call(command, report)
        return self._info(options.name)

    async def down(self, name: str, report: Report = silent) -> bool:
        if name not in await self._names():
            return False
        await self._call(["kind", "delete", "cluster", "--name", name], report)
        shutil.rmtree(_hosts_folder(name).parent, ignore_errors=True)
        return True

    async def status(self, name: str) -> ClusterInfo | None:
        return self._info(name) if name in await self._names() else None

    async def clusters(self) -> tuple[ClusterInfo, ...]:
        return tuple(self._info(name) for name in await self._names())

    async def load(self, name: str, image: str | Path, report: Report = silent) -> None:
        what = "image-archive" if Path(image).is_file() else "docker-image"
        await self._call(["kind", "load", what, str(image), "--name", name], report)

    async def has_image(self, name: str, ref: str) -> bool:
        nodes = (await self._call(["kind", "get", "nodes", "--name", name], silent)).split()
        engine = os.environ.get("KIND_EXPERIMENTAL_PROVIDER", "docker")
        command = [engine, "exec", nodes[0], "crictl", "inspecti", "--quiet", ref] if nodes else []
        return bool(command) and (await self._run(command, os.environ, silent)).code == 0

    async def logs(self, name: str, component: str) -> str:
        if component not in LOG_FILES:
            known = ", ".join(LOG_FILES)
            raise UsageError(f"no component is called {component!r}; there are: {known}")
        with tempfile.TemporaryDirectory() as folder:
            await self._call(["kind", "export", "logs", folder, "--name", name], silent)
            files = sorted(Path(folder).glob(LOG_FILES[component]))
            if not files:
                raise ClusterLifecycleError(f"kind exported no log of {component} of {name!r}")
            return "".join(file.read_text(errors="replace") for file in files)

    async def kubeconfig(self, name: str) -> str:
        return await self._call(["kind", "get", "kubeconfig", "--name", name], silent)

    async def _names(self) -> list[str]:
        # "No kind clusters found." goes to standard error.
        return (await self._call(["kind", "get", "clusters"], silent)).split()

    async def _call(self, command: list[str], report: Report) -> str:
        environment: Mapping[str, str] = os.environ
        return tools.check(await self._run(command, environment, report), command)

    def _info(self, name: str) -> ClusterInfo:
        return ClusterInfo(
            name=name, provider=self.name, context=f"kind-{name}", kubeconfig=user_kubeconfig()
        )


def kind_config(hosts: Path | None) -> dict[str, Any]:
    """kind's configuration; its nodes (kind >= 0.27) read registries from certs.d."""
    config: dict[str, Any] = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4"}
    if hosts is not None:
        mount = {"hostPath": str(hosts), "containerPath": "/etc/containerd/certs.d"}
        config["nodes"] = [{"role": "control-plane", "extraMounts": [mount]}]
    return config


def _write_hosts(options: UpOptions) -> Path | None:
    """The folder of registry settings to mount; it has to live as long as the cluster."""
    if options.registry_config is not None:
        return options.registry_config.absolute()
    registries = Registries(mirrors=options.mirrors, insecure=options.insecure_registries)
    files = registry_hosts(registries)
    for registry, text in files.items():
        file = _hosts_folder(options.name) / registry / "hosts.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return _hosts_folder(options.name) if files else None


def _hosts_folder(name: str) -> Path:
    return cache_folder() / "kind" / name / "certs.d"
