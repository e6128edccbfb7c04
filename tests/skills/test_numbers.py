"""Numbers of callers reach the servers in full: never as 6.048e+08, which they do not read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from skill_runner.plan import ImageChoice, Installation, PlannedApply, PlannedRelease, make_plan
from skill_runner.plan.inputs import resolve_values
from skill_runner.skill.library import default_library
from skill_runner.skill.shipped import shared_chart
from tests.support import charts
from tests.support.charts import HELM

pytestmark = pytest.mark.heavy

LARGE = [
    (604_800_000, "604800000"),
    (6.048e8, "604800000"),
    (1_000_000, "1000000"),
    (9_223_372_036_854_775_807, "9223372036854775807"),
    (-1, "-1"),
    (0.5, "0.5"),
    (True, "true"),
    ("1e6", "1e6"),
]
needs_helm = pytest.mark.skipif(HELM is None, reason="no helm on PATH or in the cache")


def planned(name: str, requires: dict[str, Any] | None = None, **inputs: Any) -> list[Any]:
    skill = default_library().find(name)
    resolved = resolve_values(skill, inputs)
    images = {
        image.name: ImageChoice(
            name=image.name, source="pull", official=image.ref, ref=image.ref or "app:1"
        )
        for image in skill.images.values()
    }
    where = Installation(str(resolved["namespace"]), skill.name)
    return list(make_plan(skill, where, resolved, images, requires or {}).steps)


def objects(name: str, **inputs: Any) -> dict[str, dict[str, Any]]:
    release = next(s for s in planned(name, **inputs) if isinstance(s, PlannedRelease))
    return charts.render(Path(release.chart), release.release, release.namespace, **release.values)


def environment(workload: dict[str, Any]) -> dict[str, str]:
    container = workload["spec"]["template"]["spec"]["containers"][0]
    return {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}


@needs_helm
@pytest.mark.parametrize(("value", "text"), LARGE, ids=str)
def test_kafka(value: Any, text: str) -> None:
    made = objects("kafka-k8s-setup", broker_config={"log.retention.ms": value})
    assert environment(made["StatefulSet kafka"])["KAFKA_LOG_RETENTION_MS"] == text


@needs_helm
@pytest.mark.parametrize(("value", "text"), LARGE, ids=str)
def test_postgres(value: Any, text: str) -> None:
    made = objects("postgres-k8s-setup", settings={"max_wal_size": value})
    arguments = made["StatefulSet postgres"]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert f"max_wal_size={text}" in arguments


@needs_helm
@pytest.mark.parametrize(("value", "text"), LARGE, ids=str)
def test_redis(value: Any, text: str) -> None:
    made = objects("redis-k8s-setup", settings={"maxmemory": value})
    text = "yes" if value is True and isinstance(value, bool) else text
    assert f"\nmaxmemory {text}\n" in made["ConfigMap redis-files"]["data"]["redis.conf"]


@needs_helm
@pytest.mark.parametrize("number", [604_800_000, 1_000_000, 1_000_680_000])
def test_the_charts_themselves_print_numbers_in_full(number: int) -> None:
    """Also where somebody gives a chart numbers, which Helm reads as floating ones."""
    skills = default_library()
    kafka = charts.render(
        skills.find("kafka-k8s-setup").folder / "chart",
        "a",
        "b",
        config={"log.retention.ms": number},
        partitions=number,
    )
    assert environment(kafka["StatefulSet a"])["KAFKA_LOG_RETENTION_MS"] == str(number)
    assert environment(kafka["StatefulSet a"])["KAFKA_NUM_PARTITIONS"] == str(number)
    web = shared_chart("shared:web-service")
    assert web is not None
    made = charts.render(
        web,
        "a",
        "b",
        image="a:1",
        env={"A": number},
        user=number,
        grace=number,
        podAnnotations={"a": number},
        podLabels={"a": number},
        dapr={"appId": "a", "annotations": {"max-body-size": number}},
        ingress={"host": "a.b", "annotations": {"a": number}},
    )
    pod = made["Deployment a"]["spec"]["template"]
    assert environment(made["Deployment a"])["A"] == str(number)
    assert pod["spec"]["securityContext"]["runAsUser"] == number
    assert pod["metadata"]["labels"]["a"] == str(number)
    assert pod["metadata"]["annotations"]["a"] == str(number)
    assert pod["metadata"]["annotations"]["dapr.io/max-body-size"] == str(number)
    assert made["Ingress a"]["metadata"]["annotations"]["a"] == str(number)


@pytest.mark.parametrize(
    ("name", "mode", "given", "where"),
    [
        ("kafka-k8s-setup", "strimzi", "broker_config", ("kafka", "config")),
        ("postgres-k8s-setup", "cnpg", "settings", ("postgresql", "parameters")),
    ],
)
def test_operators_get_them_in_full(
    name: str, mode: str, given: str, where: tuple[str, ...]
) -> None:
    inputs: dict[str, Any] = {"mode": mode, given: {"work_mem": 6.048e8}}
    steps = planned(name, {"operator": {"namespace": "operators"}}, **inputs)
    manifests = [m for step in steps if isinstance(step, PlannedApply) for m in step.manifests]
    found = next(m for m in manifests if m["kind"] in ("Kafka", "Cluster"))["spec"]
    for key in where:
        found = found[key]
    assert str(found["work_mem"]) == "604800000"


@needs_helm
@pytest.mark.parametrize("word", ["true", "null", "no", "2024", "1e3", "0x10", "on", "12e4"])
@pytest.mark.parametrize(
    "skill",
    [
        "kafka-k8s-setup",
        "postgres-k8s-setup",
        "redis-k8s-setup",
        "schema-registry-k8s-setup",
        "web",
    ],
)
def test_a_name_that_yaml_takes_for_something_else_stays_text(skill: str, word: str) -> None:
    """`skill run kafka-k8s-setup --name true -n 2024`."""
    web = shared_chart("shared:web-service")
    chart = default_library().find(skill).folder / "chart" if skill != "web" else web
    assert chart is not None
    more: dict[str, Any] = {"image": "a:1", "peers": True, "replicas": 2} if skill == "web" else {}
    for manifest in charts.render(chart, word, word, **more).values():
        meta = manifest["metadata"]
        assert isinstance(meta["name"], str)
        assert meta.get("namespace", word) == word
        assert all(isinstance(value, str) for value in meta["labels"].values())
        assert all(isinstance(value, str) for value in _names_in(manifest))


def _names_in(value: Any) -> list[Any]:
    """Every value under a key that holds a name, wherever it is."""
    if isinstance(value, list):
        return [name for item in value for name in _names_in(item)]
    if not isinstance(value, dict):
        return []
    keys = ("name", "secretName", "serviceName", "serviceAccountName", "app.kubernetes.io/instance")
    own = [item for key, item in value.items() if key in keys and not isinstance(item, dict)]
    return own + [name for item in value.values() for name in _names_in(item)]
