"""minikube, by its command line: https://minikube.sigs.k8s.io/docs/commands/."""

from __future__ import annotations

import json
import os
from pathlib import Path

from skill_runner.clusters import tools
from skill_runner.clusters.base import ClusterInfo, UpOptions
from skill_runner.clusters.kubeconfigs import user_kubeconfig
from skill_runner.errors import UsageError
from skill_runner.progress import Report, silent


class Minikube:
    """Clusters of minikube: a profile, whose context has the same name."""

    name = "minikube"

    def __init__(self, run: tools.Run = tools.run) -> None:
        self._run = run

    async def up(self, options: UpOptions, report: Report = silent) -> ClusterInfo:
        await self._call(start_command(options), report)  # on a running profile it changes nothing
        return self._info(options.name)

    async def down(self, name: str, report: Report = silent) -> bool:
        if name not in await self._profiles():
            return False
        await self._call(["minikube", "delete", "--profile", name], report)
        return True

    async def status(self, name: str) -> ClusterInfo | None:
        return (await self._profiles()).get(name)

    async def clusters(self) -> tuple[ClusterInfo, ...]:
        return tuple((await self._profiles()).values())

    async def load(self, name: str, image: str | Path, report: Report = silent) -> None:
        await self._call(["minikube", "image", "load", str(image), "--profile", name], report)

    async def has_image(self, name: str, ref: str) -> bool:
        listed = await self._call(["minikube", "image", "ls", "--profile", name], silent)
        return ref in listed.split()

    async def logs(self, name: str, component: str) -> str:
        text = await self._call(["minikube", "logs", "--profile", name], silent)
        chosen = section(text, component)
        if not chosen:
            raise UsageError(f"minikube's logs have no section about {component!r}")
        return chosen

    async def kubeconfig(self, name: str) -> str:
        command = ["minikube", "kubectl", "--profile", name, "--", "config", "view"]
        return await self._call([*command, "--minify", "--flatten", "--context", name], silent)

    async def _profiles(self) -> dict[str, ClusterInfo]:
        command = ["minikube", "profile", "list", "--output", "json"]
        answer = await self._run(command, os.environ, silent)
        # It answers with an error when there is no profile at all, its JSON is there all the same.
        try:
            profiles = json.loads(answer.output).get("valid") or []
        except ValueError:
            tools.check(answer, command)
            return {}
        return {
            profile["Name"]: self._info(
                profile["Name"], running=profile.get("Status") in ("Running", "OK")
            )
            for profile in profiles
        }

    async def _call(self, command: list[str], report: Report) -> str:
        return tools.check(await self._run(command, os.environ, report), command)

    def _info(self, name: str, *, running: bool = True) -> ClusterInfo:
        return ClusterInfo(
            name=name,
            provider=self.name,
            context=name,
            kubeconfig=user_kubeconfig(),
            running=running,
        )


def start_command(options: UpOptions) -> list[str]:
    """`minikube start` with what was asked for; UsageError for what it cannot do."""
    if options.registry_config is not None:
        raise UsageError("minikube takes no --registry-config; use --registry-mirror")
    command = ["minikube", "start", "--profile", options.name, "--wait", "all"]
    command += ["--wait-timeout", f"{options.timeout:.0f}s"]
    if options.image:
        command += ["--kubernetes-version", options.image]
    for registry, mirror in options.mirrors.items():
        if registry != "docker.io":
            raise UsageError(f"minikube mirrors docker.io only, and {registry} was asked for")
        command += ["--registry-mirror", mirror]
    for registry in options.insecure_registries:
        command += ["--insecure-registry", registry]
    return command


def section(text: str, component: str) -> str:
    """One part of `minikube logs`, which come under headings such as `==> kubelet <==`."""
    chosen: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        if line.startswith("==> "):
            inside = component in line
        elif inside:
            chosen.append(line)
    return "".join(chosen)
