"""What the schema registry's chart renders: the promises that can be read off its objects."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest

from skill_runner.policy import check
from skill_runner.skill.library import default_library
from tests.support import charts
from tests.support.charts import HELM, run_helm

CHART = default_library().find("schema-registry-k8s-setup").folder / "chart"
KAFKA = {"kind": "kafka", "bootstrapServers": "kafka-bootstrap.kafka.svc:9092"}
POSTGRES = {"kind": "postgres", "secret": "postgres-app"}
needs_helm = pytest.mark.skipif(HELM is None, reason="no helm on PATH or in the cache")


def render(**values: Any) -> dict[str, dict[str, Any]]:
    return charts.render(CHART, "schema-registry", "schemas", **values)


def pod(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = objects["StatefulSet schema-registry"]["spec"]["template"]["spec"]
    return found


def environment(**storage: Any) -> dict[str, Any]:
    env = pod(render(storage=storage))["containers"][0]["env"]
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in env}


@needs_helm
def test_helm_finds_no_fault() -> None:
    done = run_helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout


@needs_helm
@pytest.mark.parametrize(
    ("storage", "more"),
    [
        ({"kind": "file"}, {"PersistentVolumeClaim data-schema-registry-0"}),
        (POSTGRES, set()),
        (KAFKA, {"ConfigMap schema-registry-files"}),
    ],
)
def test_the_objects(storage: dict[str, Any], more: set[str]) -> None:
    objects = render(storage=storage)
    base = {f"{kind} schema-registry" for kind in ("PodDisruptionBudget", "Service", "StatefulSet")}
    assert set(objects) == base | more
    assert {obj["metadata"]["namespace"] for obj in objects.values()} == {"schemas"}
    assert check(tuple(objects.values()), exceptions=(), default_namespace="schemas") == ()


@needs_helm
def test_schemas_are_kept_where_it_is_said() -> None:
    file = environment(kind="file")
    assert file["APICURIO_DATASOURCE_URL"] == "jdbc:h2:file:/var/lib/registry/h2/registry"
    assert file["APICURIO_RULES_GLOBAL_COMPATIBILITY"] == "BACKWARD"
    kafka = environment(**KAFKA)
    assert kafka["APICURIO_STORAGE_KIND"] == "kafkasql"
    assert kafka["APICURIO_KAFKASQL_TOPIC"] == "schemas.schemas.schema-registry"


@needs_helm
def test_the_password_of_the_database_is_a_reference() -> None:
    found = environment(**POSTGRES)
    assert found["APICURIO_DATASOURCE_PASSWORD"] == {
        "secretKeyRef": {"name": "postgres-app", "key": "password"}
    }
    assert "sslmode" not in found["APICURIO_DATASOURCE_URL"]


@needs_helm
def test_a_database_outside_is_verified_by_the_certificates_of_its_secret() -> None:
    objects = render(storage={**POSTGRES, "verify": True})
    assert environment(**POSTGRES, verify=True)["APICURIO_DATASOURCE_URL"].endswith(
        "&sslmode=verify-full&sslrootcert=/run/secrets/postgres/ca.crt"
    )
    mounts = {
        each["name"]: each["mountPath"] for each in pod(objects)["containers"][0]["volumeMounts"]
    }
    assert mounts["authorities"] == "/run/secrets/postgres"


@needs_helm
def test_no_restart_while_the_storage_is_away() -> None:
    """/health/live fails then, and a restart does not bring a database back."""
    container = pod(render())["containers"][0]
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/started"
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"


@needs_helm
def test_the_pod_is_restricted() -> None:
    found = pod(render(storage=KAFKA))
    assert found["enableServiceLinks"] is False  # SCHEMA_REGISTRY_PORT would be there otherwise
    assert found["automountServiceAccountToken"] is False
    for container in (*found["initContainers"], *found["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@needs_helm
def test_only_the_clients_namespaces_connect_where_that_is_asked_for() -> None:
    assert "NetworkPolicy schema-registry" not in render()
    made = render(networkPolicy={"enabled": True, "namespaces": ["learnflow"]})
    _, http = made["NetworkPolicy schema-registry"]["spec"]["ingress"]
    own, others = http["from"]
    (named,) = others["namespaceSelector"]["matchExpressions"]
    assert (own, named["values"]) == ({"podSelector": {}}, ["learnflow"])


@needs_helm
def test_a_larger_volume_changes_the_claim_and_nothing_else() -> None:
    before, after = render(), render(storage={"kind": "file", "size": "20Gi"})
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"PersistentVolumeClaim data-schema-registry-0"}


@needs_helm
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"compatibility": "SOMETIMES"}, "compatibility"),
        ({"storage": {"kind": "memory"}}, "kind"),
        ({"storage": {"kind": "postgres"}}, "secret"),
        ({"storage": {"kind": "kafka"}}, "bootstrapServers"),
    ],
)
def test_values_that_are_wrong_do_not_render(values: dict[str, Any], words: str) -> None:
    done = run_helm("template", "schema-registry", str(CHART), values=values)
    assert done.returncode != 0
    assert words in done.stderr


class Broker:
    """Answers DescribeConfigs, version 1, for the settings of its topics."""

    def __init__(self, **topics: dict[str, str]) -> None:
        self.topics = topics

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                size = int.from_bytes(await reader.readexactly(4), "big")
            except asyncio.IncompleteReadError:
                writer.close()
                return
            asked = await reader.readexactly(size)
            assert asked[:8] == bytes.fromhex("0020 0001 00000007"), asked
            rest = asked[8 + 2 + len("registry") + 4 + 1 :]  # client id, one resource of a kind
            length = int.from_bytes(rest[:2], "big")
            topic, rest = rest[2 : 2 + length].decode(), rest[2 + length + 4 + 2 :]
            writer.write(self.answer(topic, rest[:-1].decode()))
            await writer.drain()

    def answer(self, topic: str, setting: str) -> bytes:
        value = self.topics.get(topic, {}).get(setting)
        code = 0 if topic in self.topics else 3  # UNKNOWN_TOPIC_OR_PARTITION
        entry = text(setting) + text(value) + b"\0\5\0" + number(0) if value is not None else b""
        body = number(7) + number(0) + number(1) + code.to_bytes(2, "big") + text("")
        body += b"\2" + text(topic) + number(1 if entry else 0) + entry
        return number(len(body)) + body


def number(value: int) -> bytes:
    return value.to_bytes(4, "big")


def text(value: str) -> bytes:
    return len(value).to_bytes(2, "big") + value.encode()


GOOD = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}


@pytest.mark.parametrize(
    ("journal", "code", "words"),
    [
        (GOOD, 0, "keeps all of 3 topics"),
        (None, 0, "keeps all of 3 topics"),
        (
            {**GOOD, "cleanup.policy": "compact,delete"},
            1,
            "t has cleanup.policy=compact,delete; set it to delete",
        ),
        ({**GOOD, "retention.ms": "604800000"}, 1, "t has retention.ms=604800000; set it to -1"),
    ],
)
async def test_topics_from_which_kafka_deletes_are_refused(
    journal: dict[str, str] | None, code: int, words: str
) -> None:
    """The bytes are those of Kafka's protocol; the real broker is in test_schema_registry.py."""
    broker = Broker(**({"t": journal} if journal else {}), s=GOOD, e=GOOD)
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        script = await asyncio.create_subprocess_exec(
            "bash",
            str(Path(CHART, "files", "journal.sh")),
            stdout=subprocess.PIPE,
            env={
                "PATH": "/usr/bin:/bin",
                "APICURIO_KAFKASQL_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}",
                "APICURIO_KAFKASQL_TOPIC": "t",
                "APICURIO_KAFKASQL_SNAPSHOTS_TOPIC": "s",
                "APICURIO_EVENTS_KAFKA_TOPIC": "e",
            },
        )
        said, _ = await script.communicate()
    assert (script.returncode, words in said.decode()) == (code, True), said
