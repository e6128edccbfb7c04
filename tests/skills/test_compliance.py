"""`skill compliance` on a real cluster: Kafka as its skill installs it, and what somebody did."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skill_runner.backends.base import Right
from skill_runner.backends.kube import connect
from skill_runner.objects import Object, Ref
from tests.support.account import account
from tests.support.driver import Driver

pytestmark = pytest.mark.cluster

KAFKA, SPACE = "kafka-k8s-setup", "audited"
BY_HAND = f"Deployment {SPACE}/by-hand"
RULES = f"""\
schema: 1
name: ours
extends: learnflow
services: {{namespaces: [{SPACE}]}}
rules: []
"""
CONTAINER = {
    "name": "app",
    "image": "ghcr.io/learnflow/none",
    "env": [{"name": "KAFKA_ENABLE_AUTO_COMMIT", "value": "true"}],
}


def deployment() -> Object:
    labels = {"app": "by-hand"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "by-hand", "namespace": SPACE},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [CONTAINER]}},
        },
    }


def noted(text: str | None) -> Object:
    """An annotation of the brokers; None gives it back."""
    meta: Object = {"name": "kafka", "namespace": SPACE}
    notes = {"annotations": {"note": text}} if text else {}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {**meta, **notes}}


def by(driver: Driver, manager: str, manifest: Object) -> None:
    """Apply as a program of this name."""

    async def work() -> None:
        cluster = await connect(str(driver.kubeconfig), driver.context)
        try:
            await cluster.apply(manifest, manager=manager)
        finally:
            await cluster.close()

    asyncio.run(work())


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("rules") / "governance.yaml"
    file.write_text(RULES)
    return file


@pytest.fixture(scope="module")
def installed(driver: Driver) -> Iterator[None]:
    driver.make_namespace(SPACE)
    topics = "topics=[learnflow.lesson.completed]"
    done = driver.skill("run", KAFKA, "--name", "kafka", "-n", SPACE, "--set", topics)
    assert done["status"] == "ready"
    yield
    driver.skill("remove", "kafka", "-n", SPACE, "--yes", "--purge")
    driver.drop(Ref("v1", "Namespace", SPACE))


def asked(driver: Driver, rules: Path, *more: str, code: int) -> dict[str, Any]:
    words = ("compliance", "--governance", str(rules), "-n", SPACE, *more)
    return driver.skill(*words, code=code)


def failures(document: dict[str, Any]) -> dict[str, set[str]]:
    return {
        rule["rule"]: {each["object"] for each in rule["evidence"] if "certain" not in each}
        for rule in document["rules"]
        if rule["status"] == "fail"
    }


def test_what_a_skill_installed_breaks_no_rule(
    driver: Driver, rules: Path, installed: None
) -> None:
    position = driver.audit_position()
    document = asked(driver, rules, "--full", code=0)
    by_rule = {rule["rule"]: rule for rule in document["rules"]}
    assert failures(document) == {}
    for name in ("resources", "liveness-probe", "pinned-image", "proven", "no-manual-kubectl"):
        assert by_rule[name]["status"] == "pass", by_rule[name]
        assert by_rule[name]["looked"] > 0
    assert by_rule["topic-names"]["status"] == "pass"
    assert by_rule["at-least-once"]["status"] == "pass"
    assert document["checklist"]["No manual kubectl usage"] == "pass"
    if driver.audit_log:
        assert driver.writes_since(position, SPACE) == [], "it only reads"


def test_what_somebody_did_by_hand_is_found_with_who_and_when(
    driver: Driver, rules: Path, installed: None
) -> None:
    by(driver, "kubectl-create", deployment())
    by(driver, "kubectl-annotate", noted("by hand"))
    try:
        document = asked(driver, rules, "--full", code=1)
        found = failures(document)
        container = f"{BY_HAND} container app"
        assert found["no-manual-kubectl"] == {BY_HAND, f"StatefulSet {SPACE}/kafka"}
        assert found["pinned-image"] == {container}
        assert found["resources"] == {container}
        assert found["at-least-once"] == {container}
        assert found["dapr-sidecar"] == {BY_HAND}
        [hand] = [r for r in document["rules"] if r["rule"] == "no-manual-kubectl"]
        [evidence] = [e for e in hand["evidence"] if e["object"] == f"StatefulSet {SPACE}/kafka"]
        assert evidence["field"] == "metadata.annotations.note"
        assert evidence["value"] == "by hand"
        assert evidence["who"] == "kubectl-annotate"
        assert evidence["when"].endswith("Z")
        short = json.dumps(asked(driver, rules, code=1), ensure_ascii=False)
        assert len(short.encode()) <= 4096
    finally:
        driver.drop(Ref("apps/v1", "Deployment", "by-hand", SPACE))
        by(driver, "kubectl-annotate", noted(None))
    assert failures(asked(driver, rules, "--full", code=0)) == {}


def test_exactly_the_rights_that_rbac_prints_are_enough(
    driver: Driver, rules: Path, installed: None, tmp_path: Path
) -> None:
    words = ("compliance", "--governance", str(rules), "-n", SPACE, "--rbac")
    documents = driver.skill(*words)["items"]
    whole = asked(driver, rules, "--full", code=0)
    with account(driver, documents, tmp_path) as who:
        who.have(documents)
        seen = asked(who.user, rules, "--full", code=0)
        unknown = {r["rule"] for r in seen["rules"] if r["status"] == "unknown"}
        before = {r["rule"] for r in whole["rules"] if r["status"] == "unknown"}
        assert unknown - before <= {"schemas"}, "records of other namespaces may not be listed"
        who.have(documents, Right("list", "", "pods", SPACE))
        blind = asked(who.user, rules, "--full", code=0)
        status = {r["rule"]: r["status"] for r in blind["rules"]}
        assert status["resources"] == "unknown"
        assert status["topic-names"] == "pass", "the rest is answered"
