"""Each skill as a restricted account runs it, at the least cost: small, with images built once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from skill_runner.actions.new import write_template
from skill_runner.backends.base import Right
from skill_runner.objects import Ref
from skill_runner.skill.shipped import shipped
from tests.skills.kong import load_gateway, settings
from tests.skills.operators import CNPG, STRIMZI, chart
from tests.support.driver import Driver
from tests.support.paths import ROOT

DOCS: Final = ROOT / "docs"
LESSONS: Final = "lesson-service"


@dataclass(frozen=True, slots=True)
class Case:
    """A skill by its name or its folder, the name of its installation, and inputs as options.

    `grants` are some of what its Roles grant, and a run has for that alone; `almighty` is a
    ClusterRole of it that grants everything.
    """

    skill: str
    name: str
    words: tuple[str, ...] = ()
    grants: tuple[Right, ...] = ()
    almighty: Ref | None = None

    @property
    def call(self) -> tuple[str, ...]:
        """The words after `skill run`; `skill describe --rbac` takes the same."""
        return (self.skill, "--name", self.name, *self.words)


def case_of(name: str, driver: Driver, folder: Path) -> Case:
    """The case of a shipped skill; what it needs beside is made in `folder`."""
    if name in ("strimzi-operator", "cnpg-operator"):
        operator, skill = (STRIMZI, chart.strimzi) if name[0] == "s" else (CNPG, chart.cnpg)
        operator.load(driver, folder)
        return Case(str(skill(folder)), name, grants=(GRANTED[name],))
    if name == "kong-k8s-setup":
        gateway = load_gateway(driver)
        return Case(name, name, settings(gateway, gateway), (GRANTED[name],))
    if name == "argocd-k8s-setup":
        return Case(name, name, ("--set", "mode=bundled"), (EVERYTHING,), ARGOCD)
    if name == "dapr-k8s-setup":
        file = folder / "dapr.yaml"
        file.write_text(json.dumps(DAPR))
        return Case(name, name, ("--values", str(file)))
    if name == "fastapi-dapr-agent":
        write_template(shipped("templates") / "fastapi-service", folder, LESSONS)
        return Case(name, LESSONS, (*FASTAPI, "--set", f"source={folder / LESSONS}"))
    return Case(name, name, SIMPLE[name])


GRANTED: Final = {
    "kong-k8s-setup": Right("update", "gateway.networking.k8s.io", "*"),
    "strimzi-operator": Right("patch", "kafka.strimzi.io", "kafkas/status"),
    "cnpg-operator": Right("patch", "postgresql.cnpg.io", "clusters/status"),
}
ARGOCD: Final = Ref("rbac.authorization.k8s.io/v1", "ClusterRole", "argocd-application-controller")
EVERYTHING: Final = Right("*", "*", "*")
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
    "mode": "bundled",  # what is printed asks no registry
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
