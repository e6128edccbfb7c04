"""How long until a cluster is of use: the phases of minikube's time-to-k8s benchmark.

    python bench/cluster.py [--rounds 3] [--provider embedded]...

The phases are those of github.com/tstromberg/time-to-k8s, asked in its order: the command returns;
the API answers (all pods); the Services `kubernetes` and `kube-dns` are there; a Deployment with a
Service is made, and its pod answers on its port (nc, by exec); the pod looks its Service up by name
(nslookup, by exec). Ours has one more: the pod calls the Service by that name. Every provider whose
command is here takes part, side by side, in turns. Published there
(minikube.sigs.k8s.io/docs/benchmarks/timetok8s): k3d 33 s, kind 47 s, minikube 57 s in total, on
other machines, with the pull of a small image; compare sizes, not digits. Assets are fetched before
the clock starts, and the image of the application is loaded from a file, so no network is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

sys.path.insert(0, str(Path(__file__).parents[1]))

from skill_runner import binaries, clusters
from skill_runner.backends.kube import KubeCluster, connect
from skill_runner.clusters.base import ClusterInfo, UpOptions
from skill_runner.errors import ApiError
from skill_runner.objects import Object, Ref
from tests.support.testimage import IMAGE, busybox_archive

PHASES = (
    "command returns",
    "API answers",
    "Services are there",
    "application runs",
    "DNS answers in its pod",
    "its Service answers in its pod",
    "total",
    "down",
)
MEMORY = "memory, MiB"
Round = dict[str, float]
NAME = "netcat"
SERVICES = (
    Ref("v1", "Service", "kubernetes", "default"),
    Ref("v1", "Service", "kube-dns", "kube-system"),
)
APPLICATION: tuple[Object, ...] = (
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app": NAME}},
            "template": {
                "metadata": {"labels": {"app": NAME}},
                "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "containers": [
                        {
                            "name": "main",
                            "image": IMAGE,
                            "command": [
                                "sh",
                                "-c",
                                "while true; do echo hello | nc -l -p 8080; done",
                            ],
                        }
                    ],
                },
            },
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": "default"},
        "spec": {"selector": {"app": NAME}, "ports": [{"port": 8080}]},
    },
)


class NotYet(Exception):
    """What is asked for does not answer yet."""


def one_round(provider: str, archive: Path) -> Round:
    chosen, name = clusters.provider(provider), f"bench-{int(time.time()) % 10000}"
    start = time.monotonic()
    info = asyncio.run(chosen.up(UpOptions(name=name)))
    marks = [time.monotonic()]
    try:
        asyncio.run(_use(info, chosen, archive, marks))
        status = asyncio.run(chosen.status(name))
    finally:
        before = time.monotonic()
        asyncio.run(chosen.down(name))
        down = time.monotonic() - before
    spans = [b - a for a, b in zip([start, *marks], marks, strict=False)]
    figures = dict(zip(PHASES, [*spans, marks[-1] - start, down], strict=True))
    if status is not None and status.memory is not None:
        figures[MEMORY] = status.memory / 1024**2
    return figures


async def _use(
    info: ClusterInfo, chosen: clusters.Provider, archive: Path, marks: list[float]
) -> None:
    cluster = await connect(str(info.kubeconfig), info.context)
    try:
        await cluster.list("v1", "Pod")
        marks.append(time.monotonic())
        for ref in SERVICES:
            await cluster.get(ref)
        marks.append(time.monotonic())
        await chosen.load(info.name, archive)
        for manifest in APPLICATION:
            await cluster.apply(manifest)
        await _ask(cluster, "nc -w 5 localhost 8080 < /dev/null")
        marks.append(time.monotonic())
        await _ask(cluster, f"nslookup {NAME}.default.svc.cluster.local")
        marks.append(time.monotonic())
        await _ask(cluster, f"nc -w 5 {NAME}.default 8080 < /dev/null")
        marks.append(time.monotonic())
    finally:
        await cluster.close()


@retry(
    retry=retry_if_exception_type(NotYet),
    wait=wait_fixed(0.05),
    stop=stop_after_delay(120),
    reraise=True,
)
async def _ask(cluster: KubeCluster, script: str) -> None:
    """Until a command in the application's pod succeeds, as `kubectl exec` is tried there."""
    pods = (await cluster.list("v1", "Pod", namespace="default", labels=f"app={NAME}")).items
    if not pods:
        raise NotYet("no pod")
    try:
        name = pods[0]["metadata"]["name"]
        done = await cluster.exec("default", name, "main", ["sh", "-c", script])
    except ApiError as error:
        raise NotYet(str(error)) from error
    if done.exit_code:
        raise NotYet(done.stderr)


def print_table(found: dict[str, list[Round]]) -> None:
    title = f"seconds: median (lowest to highest), load average {os.getloadavg()[0]:.1f}"
    table = Table("phase", *found, title=title)
    for phase in (*PHASES, MEMORY):
        cells = []
        for rounds in found.values():
            values = [figures[phase] for figures in rounds if phase in figures]
            digits = 0 if phase == MEMORY else 2
            cells.append(_cell(values, digits) if values else "")
        table.add_row(phase, *cells)
    Console().print(table)


def _cell(values: list[float], digits: int) -> str:
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--provider", action="append", choices=list(clusters.PROVIDERS))
    chosen = arguments.parse_args()
    here = [name for name in clusters.PROVIDERS if name == "embedded" or shutil.which(name)]
    found: dict[str, list[Round]] = {name: [] for name in chosen.provider or here}
    if "embedded" in found:
        asyncio.run(binaries.ensure_all(list(binaries.BY_TOOL)))
    with tempfile.NamedTemporaryFile(suffix=".tar") as file:
        file.write(busybox_archive())
        file.flush()
        for _ in range(chosen.rounds):
            for name, rounds in found.items():
                rounds.append(one_round(name, Path(file.name)))
    print_table(found)


if __name__ == "__main__":
    try:
        main()
    except (ApiError, NotYet) as error:
        sys.exit(f"the cluster did not answer: {error}")
