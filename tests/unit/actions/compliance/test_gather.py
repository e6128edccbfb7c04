"""A cluster in memory into a scene: what is listed, in which pages, and what may not be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skill_runner.actions.compliance.audit import audit
from skill_runner.actions.compliance.gather import gather, kinds_of, rights_of
from skill_runner.backends.base import Right
from skill_runner.compliance.model import ACT, ELSEWHERE, INSTALLATION
from skill_runner.compliance.reader import find_governance
from skill_runner.installations import store
from skill_runner.installations.record import ProofRecord, Record, ReleaseRecord
from skill_runner.plan import Installation
from skill_runner.skill.library import Library
from skill_runner.testing import FakeClock, MemoryCluster
from tests.support.governed import NOW, deployment, pod_of
from tests.support.paths import ROOT

LEARNFLOW = find_governance("learnflow")
LIBRARY = Library([ROOT / "skills"])


@pytest.fixture
def cluster() -> MemoryCluster:
    cluster = MemoryCluster(FakeClock())
    for name in ("learnflow", "kafka", "a", "b"):
        cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return cluster


def _record(namespace: str, name: str, skill: str) -> Record:
    return Record(
        installation=Installation(namespace, name),
        skill=skill,
        version="1.0.0",
        inputs={"topics": ["learnflow.a.b"], "password": "hunter2hunter2"},
        secret_inputs=("password",),
        releases=(ReleaseRecord(name, namespace, "d"),),
        proofs={"round-trip": ProofRecord("passed", NOW, 1.0)},
        complete=True,
    )


async def test_what_stands_becomes_a_scene(cluster: MemoryCluster) -> None:
    web = deployment("web")
    cluster.put(web)
    cluster.put(pod_of(web))
    cluster.put({**deployment("other", "kube-system")})
    await store.write(cluster, _record("kafka", "kafka", "kafka-k8s-setup"))
    found = await gather(cluster, LEARNFLOW, (), now=NOW)
    names = [obj["metadata"]["name"] for obj in found.scene.objects["apps/v1", "Deployment"]]
    assert names == ["web"]
    (installed,) = found.scene.installed
    assert installed.proofs["round-trip"].at == NOW
    assert installed.inputs == {"topics": ["learnflow.a.b"]}
    assert found.scene.closed == {}
    assert [each.kind for each in cluster.writes] == ["ConfigMap"], "the test's own record"


async def test_only_the_namespaces_that_are_asked_for(cluster: MemoryCluster) -> None:
    for space in ("a", "b"):
        cluster.put(deployment("web", space))
        await store.write(cluster, _record(space, "web", "fastapi-dapr-agent"))
    found = await gather(cluster, LEARNFLOW, ("b",), now=NOW)
    assert [o["metadata"]["namespace"] for o in found.scene.of(("apps/v1", "Deployment"))] == ["b"]
    assert {each.namespace: each.here for each in found.scene.installed} == {"a": False, "b": True}
    listed = {r.namespace for r in cluster.requests if r.verb == "list" and r.kind == "Deployment"}
    assert listed == {"b"}


async def test_lists_that_are_forbidden_close_their_rules_and_no_others(
    cluster: MemoryCluster,
) -> None:
    cluster.put(deployment("web"))
    cluster.deny("list", "Pod")
    found = await audit(cluster, LEARNFLOW, (), LIBRARY, now=NOW)
    answers = {each.rule: each for each in found.verdict.answers}
    assert answers["pinned-image"].status == "unknown"
    assert answers["pinned-image"].why == "pods: listing them is forbidden"
    assert answers["gateway-auth"].status == "not applicable"
    assert answers["dapr-sidecar"].status == "unknown"


async def test_records_that_may_not_be_listed(cluster: MemoryCluster) -> None:
    cluster.deny("list", "ConfigMap")
    found = await gather(cluster, LEARNFLOW, (), now=NOW)
    assert {INSTALLATION, ELSEWHERE} <= set(found.scene.closed)
    assert found.scene.closed[INSTALLATION] == "records: listing them is forbidden"


async def test_exactly_the_rights_that_rbac_prints_are_enough(cluster: MemoryCluster) -> None:
    cluster.put(deployment("web"))
    cluster.grant(rights_of(LEARNFLOW, ()))
    found = await gather(cluster, LEARNFLOW, (), now=NOW)
    assert found.scene.closed == {}
    asked = {(r.verb, r.kind) for r in cluster.requests if r.verb not in ("version", "discover")}
    assert {verb for verb, _ in asked} <= {"list"}


async def test_without_one_of_these_rights_something_is_closed(cluster: MemoryCluster) -> None:
    cluster.put(deployment("web"))
    rights = rights_of(LEARNFLOW, ())
    cluster.grant(rights - {Right("list", "apps", "deployments")})
    found = await gather(cluster, LEARNFLOW, (), now=NOW)
    assert set(found.scene.closed) == {("apps/v1", "Deployment")}


def test_secrets_are_never_read() -> None:
    assert not any(kind == "Secret" for _, kind in kinds_of(LEARNFLOW))
    assert all(right.verb == "list" for right in rights_of(LEARNFLOW, ("a", "b")))
    assert {right.namespace for right in rights_of(LEARNFLOW, ("a", "b"))} == {"a", "b"}


async def test_the_audit_log_is_a_further_source(cluster: MemoryCluster, tmp_path: Path) -> None:
    def event(agent: str, verb: str = "delete", space: str = "learnflow", code: int = 200) -> str:
        return json.dumps(
            {
                "verb": verb,
                "userAgent": f"{agent}/v1.37 (linux)",
                "requestURI": f"/apis/apps/v1/namespaces/{space}/deployments/web",
                "objectRef": {"resource": "deployments", "namespace": space, "name": "web"},
                "user": {"username": "ada"},
                "responseStatus": {"code": code},
                "requestReceivedTimestamp": "2027-01-10T10:00:00Z",
            }
        )

    log = tmp_path / "audit.log"
    lines = [
        event("kubectl"),
        event("skill-runner"),
        event("kubectl", space="kube-system"),
        event("kubectl", code=403),
        event("kubectl", verb="get"),
        '{"verb": "delete", "userAg',
    ]
    log.write_text("\n".join(lines))
    found = await audit(cluster, LEARNFLOW, (), LIBRARY, now=NOW, audit_log=log)
    assert found.acts == 1
    (answer,) = [each for each in found.verdict.answers if each.rule == "no-manual-kubectl"]
    (evidence,) = answer.evidence
    assert evidence.message == "kubectl was used: delete deployments"
    assert evidence.resource == "deployments learnflow/web"
    assert (evidence.who, evidence.when) == ("ada by kubectl", "2027-01-10T10:00:00Z")
    without = await gather(cluster, LEARNFLOW, (), now=NOW, audit_log=tmp_path / "none.log")
    assert ACT not in without.scene.objects
