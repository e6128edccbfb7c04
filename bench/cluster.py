"""How long until a cluster is of use: the phases of minikube's time-to-k8s benchmark.

    python bench/cluster.py [--rounds 3] [--provider embedded]...

Every provider whose command is here takes part, side by side, in turns. Published there
(minikube.sigs.k8s.io/docs/benchmarks/timetok8s): k3d 33 s, kind 47 s, minikube 57 s in total, on
other machines; compare sizes, not digits. Assets are fetched before the clock starts, and the image
of the application is loaded from a file, so no network is measured.
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

import httpx
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from skill_runner import assets, clusters
from skill_runner.clusters.base import ClusterInfo, UpOptions
from tests.cluster import pods
from tests.testimage import busybox_archive

PHASES = (
    "command returns",
    "API answers",
    "Services answer from a pod",
    "application runs",
    "DNS answers from a pod",
    "total",
    "down",
)
MEMORY = "memory, MiB"
Round = dict[str, float]


def one_round(provider: str, archive: Path) -> Round:
    chosen, name = clusters.provider(provider), f"bench-{int(time.time()) % 10000}"
    start = time.monotonic()
    info = asyncio.run(chosen.up(UpOptions(name=name)))
    marks = [time.monotonic()]
    try:
        _use(info, chosen, archive, marks)
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


def _use(info: ClusterInfo, chosen: clusters.Provider, archive: Path, marks: list[float]) -> None:
    assert info.kubeconfig is not None
    with pods.connect(info.kubeconfig, info.context) as api:
        pods.get(api, "/api/v1/namespaces/default")
        marks.append(time.monotonic())
        asyncio.run(chosen.load(info.name, archive))
        manifest = pods.pod("services", "nc -w 5 $KUBERNETES_SERVICE_HOST 443 < /dev/null")
        pods.run(api, "default", manifest)
        marks.append(time.monotonic())
        serve = "echo ok > /tmp/index.html; exec httpd -f -p 8080 -h /tmp"
        pods.start(api, "default", pods.pod("application", serve))
        marks.append(time.monotonic())
        script = "nslookup kubernetes.default.svc.cluster.local"
        pods.run(api, "default", pods.pod("dns", script))
        marks.append(time.monotonic())


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
        asyncio.run(assets.ensure_all(list(assets.BY_TOOL)))
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
    except httpx.HTTPError as error:
        sys.exit(f"the cluster did not answer: {error}")
