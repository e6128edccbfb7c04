"""What the PostgreSQL chart renders: the promises that can be read off its objects."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from skill_runner.policy import check
from skill_runner.skill.library import default_library
from tests.support.charts import HELM, render, run_helm

SKILL = default_library().find("postgres-k8s-setup").folder
CHART = SKILL / "chart"
pytestmark = pytest.mark.skipif(HELM is None, reason="no helm on PATH or in the cache")


def made(**values: Any) -> dict[str, dict[str, Any]]:
    return render(CHART, "postgres", "data", **values)


def server(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = objects["StatefulSet postgres"]["spec"]["template"]["spec"]
    return found


def settings(objects: dict[str, dict[str, Any]]) -> dict[str, str]:
    args = server(objects)["containers"][0]["args"]
    assert args[0] == "postgres"
    return dict(arg.split("=", 1) for arg in args if "=" in arg)


def test_helm_finds_no_fault() -> None:
    done = run_helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout


def test_the_objects() -> None:
    objects = made()
    assert set(objects) == {
        "ConfigMap postgres-files",
        "PodDisruptionBudget postgres",
        "Service postgres",
        "StatefulSet postgres",
        "PersistentVolumeClaim data-postgres-0",
    }
    assert {obj["metadata"]["namespace"] for obj in objects.values()} == {"data"}
    assert check(tuple(objects.values()), exceptions=(), default_namespace="data") == ()


def test_the_password_reaches_only_the_container_that_makes_the_data() -> None:
    pod = server(made())
    mounts = {
        c["name"]: {m["name"] for m in c["volumeMounts"]}
        for c in (*pod["initContainers"], *pod["containers"])
    }
    assert "superuser" in mounts["init"]
    assert "superuser" not in mounts["postgres"]
    env = [e for c in (*pod["initContainers"], *pod["containers"]) for e in c["env"]]
    assert {e["name"] for e in env} == {"PGDATA", "SKILL_MAJOR"}
    assert not any(kind.startswith("Secret") for kind in made())


def test_every_container_is_restricted() -> None:
    pod = server(made())
    assert pod["enableServiceLinks"] is False  # POSTGRES_PORT would be taken for a setting
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in (*pod["initContainers"], *pod["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"] == {"cpu": "1", "memory": "512Mi"}


def test_probes_ask_by_tcp() -> None:
    """While the data is set up, a server may answer on the socket that is not yet the server."""
    container = server(made())["containers"][0]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert "-h 127.0.0.1" in " ".join(container[probe]["exec"]["command"])


@pytest.mark.parametrize(
    ("memory", "buffers"), [("512Mi", "128MB"), ("2Gi", "512MB"), ("300Mi", "75MB")]
)
def test_buffers_follow_the_limit(memory: str, buffers: str) -> None:
    objects = made(resources={"cpu": "1", "memory": memory})
    assert settings(objects)["shared_buffers"] == buffers
    volumes = {v["name"]: v for v in server(objects)["volumes"]}
    assert volumes["shm"]["emptyDir"] == {"medium": "Memory", "sizeLimit": memory}


def test_settings_of_the_caller_win() -> None:
    found = settings(made(settings={"shared_buffers": "1GB", "max_connections": 200}))
    assert (found["shared_buffers"], found["max_connections"]) == ("1GB", "200")
    assert found["huge_pages"] == "off"


def test_a_larger_volume_changes_the_claim_and_nothing_else() -> None:
    before, after = made(), made(storage={"size": "20Gi"})
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"PersistentVolumeClaim data-postgres-0"}


def test_the_volume_outlives_the_release_and_says_whose_data_it_holds() -> None:
    claim = made(major="17")["PersistentVolumeClaim data-postgres-0"]
    assert claim["metadata"]["annotations"] == {
        "helm.sh/resource-policy": "keep",
        "skill-runner.dev/data-version": "17",
    }
    assert claim["metadata"]["labels"]["app.kubernetes.io/instance"] == "postgres"


def test_a_network_policy_lets_clients_in() -> None:
    objects = made(networkPolicy={"enabled": True, "namespaces": ["learnflow"]})
    rule = objects["NetworkPolicy postgres"]["spec"]["ingress"][0]
    assert rule["ports"] == [{"port": "postgres", "protocol": "TCP"}]
    own, others = rule["from"]
    assert own == {"podSelector": {}}
    assert others["namespaceSelector"]["matchExpressions"][0]["values"] == ["learnflow"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"replicas": 2}, "replicas"),
        ({"major": "17.12"}, "major"),
        ({"storage": None}, "storage"),
        ({"settings": {"shared buffers": "1GB"}}, "shared buffers"),
    ],
)
def test_values_that_are_wrong_do_not_render(values: dict[str, Any], words: str) -> None:
    done = run_helm("template", "postgres", str(CHART), values=values)
    assert done.returncode != 0
    assert words in done.stderr


@pytest.mark.parametrize("path", sorted(SKILL.rglob("*.sh")), ids=lambda path: Path(path).name)
def test_scripts_are_ones_that_bash_accepts(path: Path) -> None:
    done = subprocess.run(["bash", "-n", str(path)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
