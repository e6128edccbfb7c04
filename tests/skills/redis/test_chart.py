"""What the chart of Valkey and Redis renders: the promises that can be read off its objects."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.policy import check
from skill_runner.skill.library import default_library
from tests.support.charts import HELM, render, run_helm

CHART = default_library().find("redis-k8s-setup").folder / "chart"
pytestmark = pytest.mark.skipif(HELM is None, reason="no helm on PATH or in the cache")


def made(**values: Any) -> dict[str, dict[str, Any]]:
    return render(CHART, "redis", "state", **values)


def settings(objects: dict[str, dict[str, Any]]) -> dict[str, str]:
    text = objects["ConfigMap redis-files"]["data"]["redis.conf"]
    return dict(line.split(" ", 1) for line in text.splitlines() if line)


def test_helm_finds_no_fault() -> None:
    done = run_helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout


def test_the_objects() -> None:
    objects = made()
    assert set(objects) == {
        "ConfigMap redis-files",
        "PodDisruptionBudget redis",
        "Service redis",
        "StatefulSet redis",
        "PersistentVolumeClaim data-redis-0",
    }
    assert {obj["metadata"]["namespace"] for obj in objects.values()} == {"state"}
    assert check(tuple(objects.values()), exceptions=(), default_namespace="state") == ()


def test_what_is_written_is_kept() -> None:
    found = settings(made())
    assert found["appendonly"] == "yes"
    assert found["maxmemory-policy"] == "noeviction"
    assert found["maxmemory"] == "153mb"
    claim = made()["PersistentVolumeClaim data-redis-0"]
    assert claim["metadata"]["annotations"] == {
        "helm.sh/resource-policy": "keep",
        "skill-runner.dev/data-version": "valkey-8",
    }


def test_settings_of_the_caller_win_and_restart_the_server() -> None:
    changed = made(settings={"appendfsync": "always", "activedefrag": True, "databases": 4})
    found = settings(changed)
    assert (found["appendfsync"], found["activedefrag"], found["databases"]) == (
        "always",
        "yes",
        "4",
    )
    assert changed["StatefulSet redis"] != made()["StatefulSet redis"]


def test_the_pod_is_restricted() -> None:
    pod = made()["StatefulSet redis"]["spec"]["template"]["spec"]
    assert pod["enableServiceLinks"] is False
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    container = pod["containers"][0]
    assert "env" not in container
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"replicas": 2}, "replicas"),
        ({"dataVersion": "8"}, "dataVersion"),
        ({"settings": {"Two Words": "1"}}, "Two Words"),
    ],
)
def test_values_that_are_wrong_do_not_render(values: dict[str, Any], words: str) -> None:
    done = run_helm("template", "redis", str(CHART), values=values)
    assert done.returncode != 0
    assert words in done.stderr
