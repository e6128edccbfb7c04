"""What the Kafka chart renders: the promises that can be read off its objects."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from skill_runner.policy import check
from skill_runner.skill.library import default_library
from tests.support import charts
from tests.support.charts import HELM, run_helm

CHART = default_library().find("kafka-k8s-setup").folder / "chart"


pytestmark = pytest.mark.skipif(HELM is None, reason="no helm on PATH or in the cache")


def render(**values: Any) -> dict[str, dict[str, Any]]:
    return charts.render(CHART, "kafka", "messages", **values)


def broker(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = objects["StatefulSet kafka"]["spec"]["template"]["spec"]
    return found


def settings(objects: dict[str, dict[str, Any]]) -> dict[str, str]:
    env = broker(objects)["containers"][0]["env"]
    return {entry["name"]: entry["value"] for entry in env if "value" in entry}


def test_helm_finds_no_fault() -> None:
    done = run_helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("brokers", [1, 3])
def test_the_objects(brokers: int) -> None:
    objects = render(brokers=brokers)
    assert set(objects) == {
        "ConfigMap kafka-files",
        "NetworkPolicy kafka",
        "PodDisruptionBudget kafka",
        "Service kafka-bootstrap",
        "Service kafka-brokers",
        "StatefulSet kafka",
        *(f"PersistentVolumeClaim data-kafka-{i}" for i in range(brokers)),
    }
    assert {obj["metadata"]["namespace"] for obj in objects.values()} == {"messages"}
    assert check(tuple(objects.values()), exceptions=(), default_namespace="messages") == ()


@pytest.mark.parametrize(("brokers", "replicas", "in_sync"), [(1, "1", "1"), (3, "3", "2")])
def test_replication_follows_the_number_of_brokers(
    brokers: int, replicas: str, in_sync: str
) -> None:
    found = settings(render(brokers=brokers))
    for topic in ("OFFSETS_TOPIC", "TRANSACTION_STATE_LOG", "SHARE_COORDINATOR_STATE_TOPIC"):
        assert found[f"KAFKA_{topic}_REPLICATION_FACTOR"] == replicas
    assert found["KAFKA_DEFAULT_REPLICATION_FACTOR"] == replicas
    for name in (
        "MIN_INSYNC_REPLICAS",
        "TRANSACTION_STATE_LOG_MIN_ISR",
        "SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR",
    ):
        assert found[f"KAFKA_{name}"] == in_sync
    assert found["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


def ingress(**values: Any) -> dict[str, Any]:
    """Who may come to each port, by its name; None is everybody."""
    rules = render(networkPolicy=values)["NetworkPolicy kafka"]["spec"]["ingress"]
    return {rule["ports"][0]["port"]: rule.get("from") for rule in rules}


def test_only_brokers_reach_the_controllers() -> None:
    for values in ({}, {"enabled": True}):
        (peer,) = ingress(**values)["controller"]
        assert peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "broker"
        assert set(peer) == {"podSelector"}


def test_only_the_clients_namespaces_reach_the_brokers_where_that_is_asked_for() -> None:
    assert ingress()["kafka"] is None
    assert ingress(enabled=True)["kafka"] == [{"podSelector": {}}]
    own, others = ingress(enabled=True, namespaces=["learnflow", "true"])["kafka"]
    (named,) = others["namespaceSelector"]["matchExpressions"]
    assert (own, named["values"]) == ({"podSelector": {}}, ["learnflow", "true"])


def test_every_broker_is_a_voter_by_its_own_name() -> None:
    voters = settings(render(brokers=3))["KAFKA_CONTROLLER_QUORUM_VOTERS"].split(",")
    assert voters == [f"{i}@kafka-{i}.kafka-brokers.messages.svc:9093" for i in range(3)]


def test_brokers_find_each_other_before_they_are_ready() -> None:
    objects = render(brokers=3)
    assert objects["Service kafka-brokers"]["spec"]["publishNotReadyAddresses"] is True
    assert "publishNotReadyAddresses" not in objects["Service kafka-bootstrap"]["spec"]
    assert objects["StatefulSet kafka"]["spec"]["podManagementPolicy"] == "Parallel"


def test_the_pod_is_restricted() -> None:
    pod = broker(render())
    assert pod["enableServiceLinks"] is False  # KAFKA_PORT would be taken for a setting
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    container = pod["containers"][0]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize(
    ("cpu", "requested"), [("1", "250m"), ("0.1", "100m"), ("150m", "150m"), ("2.5", "250m")]
)
def test_no_more_cpu_is_requested_than_allowed(cpu: str, requested: str) -> None:
    resources = broker(render(resources={"cpu": cpu, "memory": "2Gi"}))["containers"][0][
        "resources"
    ]
    assert resources == {
        "requests": {"cpu": requested, "memory": "2Gi"},
        "limits": {"cpu": cpu, "memory": "2Gi"},
    }


def test_a_larger_volume_changes_the_claims_and_nothing_else() -> None:
    before, after = render(), render(storage={"size": "20Gi"})
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"PersistentVolumeClaim data-kafka-0"}


def test_volumes_outlive_the_release() -> None:
    claim = render()["PersistentVolumeClaim data-kafka-0"]
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert claim["metadata"]["labels"]["app.kubernetes.io/instance"] == "kafka"


def test_settings_by_their_kafka_names() -> None:
    found = settings(
        render(config={"log.retention.hours": 24, "min.insync.replicas": 1, "a.b_c-d": True})
    )
    assert found["KAFKA_LOG_RETENTION_HOURS"] == "24"
    assert found["KAFKA_A_B__C___D"] == "true"


def test_the_same_name_is_the_same_cluster() -> None:
    identity = settings(render())["CLUSTER_ID"]
    assert identity == settings(render(brokers=3))["CLUSTER_ID"]
    assert len(identity) == 22


@pytest.mark.parametrize(
    ("values", "words"),
    [({"brokers": 2}, "brokers"), ({"topics": []}, "topics"), ({"storage": None}, "storage")],
)
def test_values_that_are_wrong_do_not_render(values: dict[str, Any], words: str) -> None:
    done = run_helm("template", "kafka", str(CHART), values=values)
    assert done.returncode != 0
    assert words in done.stderr


def test_the_probes_are_scripts_that_bash_accepts() -> None:
    for path in sorted(Path(CHART, "files").glob("*.sh")):
        done = subprocess.run(["bash", "-n", str(path)], capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
