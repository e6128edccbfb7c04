"""Each skill as a restricted account runs it, at the least cost: small, with images built once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from skill_runner.actions.new import write_template
from skill_runner.skill.shipped import shipped
from tests.skills.operators import CNPG, STRIMZI, chart
from tests.support.driver import Driver
from tests.support.paths import ROOT

HERE: Final = Path(__file__).parent
DOCS: Final = ROOT / "docs"
LESSONS: Final = "lesson-service"


@dataclass(frozen=True, slots=True)
class Case:
    """A skill by its name or its folder, the name of its installation, and inputs as options."""

    skill: str
    name: str
    words: tuple[str, ...] = ()

    @property
    def call(self) -> tuple[str, ...]:
        """The words after `skill run`; `skill describe --rbac` takes the same."""
        return (self.skill, "--name", self.name, *self.words)


def case_of(name: str, driver: Driver, folder: Path) -> Case:
    """The case of a shipped skill; what it needs beside is made in `folder`."""
    if name in ("strimzi-operator", "cnpg-operator"):
        operator, skill = (STRIMZI, chart.strimzi) if name[0] == "s" else (CNPG, chart.cnpg)
        operator.load(driver, folder)
        return Case(str(skill(folder)), name)
    if name == "dapr-k8s-setup":
        file = folder / "dapr.yaml"
        file.write_text(json.dumps(DAPR))
        return Case(name, name, ("--values", str(file)))
    if name == "fastapi-dapr-agent":
        write_template(shipped("templates") / "fastapi-service", folder, LESSONS)
        return Case(name, LESSONS, (*FASTAPI, "--set", f"source={folder / LESSONS}"))
    return Case(name, name, SIMPLE[name])


SIMPLE: Final = {
    "redis-k8s-setup": ("--set", "clients=[learnflow]"),
    "postgres-k8s-setup": ("--set", "clients=[learnflow]"),
    "kafka-k8s-setup": ("--set", "topics=[learnflow.lesson.completed]"),
    "schema-registry-k8s-setup": ("--set", "subjects={a-value: {properties: {}}}"),
    # What test_docusaurus and test_nextjs build, so that it is built once.
    "docusaurus-deploy": (
        "--set",
        f"source={DOCS}",
        "--set",
        "title=skill",
        "--set",
        "replicas=1",
    ),
    "nextjs-k8s-deploy": (
        "--set",
        f"source={shipped('templates') / 'nextjs-app'}",
        "--set",
        "replicas=1",
        "--set",
        "public_env={NEXT_PUBLIC_FOOTER: Made by a test}",
    ),
}
DAPR: Final = {
    "version": "1.14.0",
    "chart": str(HERE / "dapr" / "chart"),
    "scheduler": "memory",
    "components": [{"name": "kept", "namespace": "learnflow", "type": "state.in-memory"}],
    "secret_readers": [
        {"namespace": "learnflow", "service_account": "default", "secrets": ["redis-app"]}
    ],
}
# Its Dapr and its Redis are there, and others look after them.
FASTAPI: Final = (
    "-n",
    "learnflow",
    "--set",
    "state=redis",
    "--set",
    "replicas=1",
    "--use",
    "dapr=dapr-system/dapr-k8s-setup",
    "--use",
    "redis=redis/redis-k8s-setup",
)
