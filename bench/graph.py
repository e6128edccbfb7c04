"""A service with all that it requires: as a graph, and in turn; from an empty warm cluster.

    python bench/graph.py --cluster NAME [--dapr scheduler=memory]

Warm: every image is in the cluster, by a first round that is not counted. A round installs Kafka,
PostgreSQL, Dapr and a service of `fastapi-service`, proves each, and removes all of it with its
volumes. Single runs on a machine that does other things too: take the ratios, not the digits.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from rich.console import Console
from rich.table import Table

ROOT: Final = Path(__file__).parents[1]
SERVICE: Final = "lesson-service"
INPUTS: Final[Mapping[str, Any]] = {
    "namespace": "bench",
    "source": str(ROOT / "templates" / "fastapi-service"),
    "ready": "/readyz",
    "subscribe": ["lessons.completed"],
    "env": {"TOPIC": "lessons.completed"},
    "probe": {
        "data": {"learner": "{id}", "lesson": "proof"},
        "key": "learner-{id}",
        "fails": {"learner": "{id}"},
    },
}
# What the service asks of what it requires, for the round that installs them by themselves.
ALONE: Final[Mapping[str, Mapping[str, Any]]] = {
    "dapr-k8s-setup": {},
    "kafka-k8s-setup": {"topics": ["lessons.completed", f"{SERVICE}.dead"]},
    "postgres-k8s-setup": {"clients": ["bench"]},
}


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds in all, as the caller waits; of each skill; and the chain that decided."""

    seconds: float
    skills: Mapping[str, float]
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Bench:
    """One cluster, and the inputs of Dapr there."""

    cluster: str
    folder: Path
    dapr: Mapping[str, str]

    def as_graph(self) -> Round:
        began = time.monotonic()
        outcome = self._skill("up", str(self.file()))
        seconds = time.monotonic() - began
        lines = {each["skill"]: each["seconds"] for each in outcome["skills"]}
        return Round(seconds, lines, tuple(outcome["critical_path"]))

    def in_turn(self) -> Round:
        """Each by a command of its own, when the one before is ready."""
        took = {}
        for name, inputs in {**ALONE, "fastapi-dapr-agent": INPUTS}.items():
            more = self.dapr if name == "dapr-k8s-setup" else {}
            values = self.folder / "values.yaml"
            values.write_text(yaml.safe_dump({**inputs, **more}))
            named = ("--name", SERVICE) if name == "fastapi-dapr-agent" else ()
            began = time.monotonic()
            self._skill("run", name, *named, "--values", str(values))
            took[name] = time.monotonic() - began
        return Round(sum(took.values()), took)

    def remove(self) -> None:
        self._skill("down", str(self.file()), "--yes", "--purge")

    def file(self) -> Path:
        """Everything in one file, so that `down` takes away what either round made."""
        entries: list[dict[str, Any]] = [
            {"skill": name, **({"inputs": dict(self.dapr)} if name == "dapr-k8s-setup" else {})}
            for name in ALONE
        ]
        entries.append({"skill": "fastapi-dapr-agent", "name": SERVICE, "inputs": dict(INPUTS)})
        path = self.folder / "platform.yaml"
        path.write_text(yaml.safe_dump({"schema": 1, "name": "bench", "installations": entries}))
        return path

    def _skill(self, *arguments: str) -> Any:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "skill_runner",
                *arguments,
                "--cluster",
                self.cluster,
                "-o",
                "json",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        outcome = json.loads(done.stdout)
        assert done.returncode == 0, outcome.get("problem")
        return outcome


def print_table(graph: Round, turn: Round) -> None:
    table = Table("seconds", "graph", "in turn", "graph : in turn")
    for name in turn.skills:
        table.add_row(
            name,
            f"{graph.skills[name]:.1f}",
            f"{turn.skills[name]:.1f}",
            f"{graph.skills[name] / turn.skills[name]:.2f}",
        )
    table.add_row(
        "all of it",
        f"{graph.seconds:.1f}",
        f"{turn.seconds:.1f}",
        f"{graph.seconds / turn.seconds:.2f}",
    )
    console = Console()
    console.print(table)
    on_path = [each.partition("/")[2] for each in graph.path]
    of_path = sum(graph.skills["fastapi-dapr-agent" if n == SERVICE else n] for n in on_path)
    console.print(
        f"critical path: {' → '.join(graph.path)}, {of_path:.1f} s of {graph.seconds:.1f} s"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--cluster", required=True)
    arguments.add_argument("--dapr", action="append", default=[], metavar="INPUT=VALUE")
    arguments.add_argument("--warm", action="store_true", help="every image is there already")
    chosen = arguments.parse_args()
    dapr = dict(each.split("=", 1) for each in chosen.dapr)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(chosen.cluster, Path(folder), dapr)
        if not chosen.warm:
            bench.as_graph()  # builds and loads the images
            bench.remove()
        graph = bench.as_graph()
        bench.remove()
        turn = bench.in_turn()
        bench.remove()
    print_table(graph, turn)


if __name__ == "__main__":
    main()
