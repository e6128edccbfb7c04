"""How soon, and how well, a wait says what is wrong: this runner and Helm 4's two ways of waiting.

    python bench/diagnosis.py [--part scenarios|latency|traffic|all] [--only NAME…] [--keep FOLDER]

Each scenario of tests/integration/faults/data runs with every tool at once, each in a namespace of
its own, under the budgets that users get (nothing is shortened) and a limit of 180 s. A verdict is
correct when a fault is called one and a healthy release is not. A message names the cause when it
holds words that only the cause explains, in the cluster's phrasing or in the tool's own.
Starts an embedded cluster of its own, and ends it.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import yaml
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.causes import names_cause
from bench.latency import measure_latency
from bench.results import Run, print_scenarios
from bench.traffic import measure_traffic
from skill_runner import binaries, clusters
from skill_runner.backends.base import Cluster
from skill_runner.backends.clock import SystemClock
from skill_runner.backends.kube import connect
from skill_runner.backends.kube.transport import Transport, open_transport
from skill_runner.clusters.base import ClusterInfo, UpOptions
from skill_runner.errors import NotFound
from skill_runner.objects import Ref
from skill_runner.outcome import Outcome, to_json
from skill_runner.progress import silent
from skill_runner.readiness.wait import DEFAULT_POLICY, wait_ready
from tests.integration.faults.image import wrong_arch_archive
from tests.integration.faults.play import clean, empty_registry, settle_setup
from tests.integration.faults.scenario import (
    Scenario,
    act_later,
    all_scenarios,
    apply_all,
    make_namespace,
    placed,
)
from tests.support.testimage import busybox_archive

LIMIT = 180  # seconds
TOOLS = ("skill", "helm --wait", "helm --wait=legacy")


class Bench:
    """One cluster, its connections, and how many runs may be under way at once."""

    def __init__(
        self,
        info: ClusterInfo,
        cluster: Cluster,
        transport: Transport,
        helm: Path,
        at_once: int,
        keep: Path | None,
    ) -> None:
        self.info, self.cluster, self.transport, self.helm = info, cluster, transport, helm
        self.turn = asyncio.Semaphore(at_once)
        self.keep = keep

    async def scenario(self, scenario: Scenario) -> list[Run]:
        """All tools on one scenario, side by side."""
        return list(await asyncio.gather(*(self._one(scenario, tool) for tool in TOOLS)))

    async def _one(self, scenario: Scenario, tool: str) -> Run:
        async with self.turn:
            short = scenario.name.replace("_", "-")[:30]
            namespace = f"bench-{short}-{TOOLS.index(tool)}-{secrets.token_hex(2)}"
            try:
                await make_namespace(self.cluster, scenario, namespace)
                if scenario.header.get("setup_ready"):
                    await settle_setup(self.cluster, SystemClock(), scenario, namespace)
                later = asyncio.create_task(self._later(scenario, namespace))
                run = await self._play(scenario, tool, namespace)
                if later.done():
                    later.result()  # what could not be done makes the scenario another one
                later.cancel()
                await asyncio.gather(later, return_exceptions=True)
                return run
            finally:
                with suppress(Exception):
                    await clean(self.cluster, scenario, namespace)

    async def _later(self, scenario: Scenario, namespace: str) -> None:
        """What others do, from when the tool has made its objects."""
        last = Ref.of(placed(scenario.manifests[-1], namespace))
        while True:
            try:
                await self.cluster.get(last)
            except NotFound:
                await asyncio.sleep(0.1)
            else:
                break
        await act_later(self.cluster, self.transport, scenario, namespace, {})

    async def _play(self, scenario: Scenario, tool: str, namespace: str) -> Run:
        began = time.monotonic()
        work = self._ours if tool == TOOLS[0] else self._helm
        ready, text = await work(scenario, namespace, tool)
        seconds = time.monotonic() - began
        if self.keep:
            name = f"{scenario.name}.{TOOLS.index(tool)}.txt"
            (self.keep / name).write_text(f"{seconds:.1f} s, ready: {ready}\n{text}\n")
        healthy = scenario.expect.get("state") == "ready"
        return Run(
            scenario.name,
            tool,
            seconds,
            ready is healthy,
            healthy,
            names_cause(scenario, text, namespace),
            len(text.encode()),
        )

    async def _ours(self, scenario: Scenario, namespace: str, tool: str) -> tuple[bool, str]:
        """What `skill run` does with a release's objects, and the document that it prints."""
        expected = await apply_all(self.cluster, scenario, namespace)
        result = await wait_ready(
            self.cluster,
            SystemClock(),
            expected,
            rules=scenario.rules(namespace),
            timeout=LIMIT,
            stability=scenario.stability,
            policy=DEFAULT_POLICY,
            report=silent,
        )
        ready = result.state == "ready"
        status = "ready" if ready else "failed" if result.state == "failed" else "not_ready"
        return ready, to_json(Outcome(status=status, problem=result.problem, notes=result.notes))  # type: ignore[arg-type]

    async def _helm(self, scenario: Scenario, namespace: str, tool: str) -> tuple[bool, str]:
        with tempfile.TemporaryDirectory() as folder:
            _write_chart(Path(folder), scenario, namespace)
            process = await asyncio.create_subprocess_exec(
                str(self.helm),
                "upgrade",
                "--install",
                "bench",
                folder,
                "--namespace",
                namespace,
                tool.removeprefix("helm "),
                "--wait-for-jobs",
                "--timeout",
                f"{LIMIT}s",
                "--take-ownership",
                "--force-conflicts",
                "--server-side",
                "true",
                "--kubeconfig",
                str(self.info.kubeconfig),
                "--kube-context",
                self.info.context,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            text, _ = await process.communicate()
        return process.returncode == 0, text.decode("utf-8", "replace")


def _write_chart(folder: Path, scenario: Scenario, namespace: str) -> None:
    """The scenario's manifests as a chart; definitions where Helm wants them."""
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: bench\nversion: 0.1.0\n")
    for number, manifest in enumerate(scenario.manifests):
        part = "crds" if manifest["kind"] == "CustomResourceDefinition" else "templates"
        (folder / part).mkdir(exist_ok=True)
        text = yaml.safe_dump(placed(manifest, namespace)).replace("{{", '{{ "{{" }}')
        (folder / part / f"{number:02}.yaml").write_text(text)


def comparable(scenario: Scenario) -> bool:
    """Whether Helm can be asked the same: it has no rights of its own, no rules, no Node, and
    no release before, nor inputs for a schema."""
    header = scenario.header
    kinds = {m["kind"] for m in (*header.get("setup", []), *scenario.manifests)}
    acts = [step for step in header.get("later", []) if "delete" in step]
    return not (
        any(header.get(part) for part in ("allowed", "before", "inputs"))
        or acts
        or kinds & {"Node", "Namespace"}
        or scenario.name.startswith(("crd_", "namespace_", "object_"))
    )


async def run_scenarios(bench: Bench, only: Sequence[str]) -> list[Run]:
    chosen = [s for s in all_scenarios() if comparable(s) and (not only or s.name in only)]
    async with empty_registry(bench.cluster):
        found = await asyncio.gather(*map(bench.scenario, chosen), return_exceptions=True)
    for scenario, runs in zip(chosen, found, strict=True):
        if isinstance(runs, BaseException):
            sys.stderr.write(f"{scenario.name} could not be run: {runs!r}\n")
    return [run for runs in found if not isinstance(runs, BaseException) for run in runs]


async def measure(arguments: argparse.Namespace, info: ClusterInfo) -> None:
    assert info.kubeconfig is not None
    helm = await binaries.ensure("helm")
    cluster = await connect(str(info.kubeconfig), info.context)
    transport = await open_transport(cluster.target, asyncio.sleep)
    bench = Bench(info, cluster, transport, helm, arguments.at_once, arguments.keep)
    console = Console(width=140)
    try:
        if arguments.part in ("latency", "all"):
            table = Table("from → to", "min ms", "median ms", "max ms", title="Detection latency")
            for name, values in (await measure_latency(cluster, arguments.rounds)).items():
                figures = (min(values), statistics.median(values), max(values))
                table.add_row(name, *(f"{1000 * value:.0f}" for value in figures))
            console.print(table)
        if arguments.part in ("traffic", "all"):
            console.print(await measure_traffic(info, cluster))
        if arguments.part in ("scenarios", "all"):
            print_scenarios(console, await run_scenarios(bench, arguments.only), TOOLS)
    finally:
        await transport.close()
        await cluster.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--part", choices=["scenarios", "latency", "traffic", "all"], default="all")
    parser.add_argument("--only", nargs="*", default=[], help="names of scenarios")
    parser.add_argument("--at-once", type=int, default=15, help="runs under way at once")
    parser.add_argument("--rounds", type=int, default=20, help="of the detection latency")
    parser.add_argument("--keep", type=Path, help="folder for what each tool printed")
    arguments = parser.parse_args()
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    embedded = clusters.provider("embedded")
    name = f"bench-{secrets.token_hex(2)}"
    info = asyncio.run(embedded.up(UpOptions(name=name)))
    try:
        for archive in (busybox_archive(), wrong_arch_archive()):
            with tempfile.NamedTemporaryFile(suffix=".tar") as file:
                file.write(archive)
                file.flush()
                asyncio.run(embedded.load(name, Path(file.name)))
        asyncio.run(measure(arguments, info))
    finally:
        asyncio.run(embedded.down(name))


if __name__ == "__main__":
    main()
