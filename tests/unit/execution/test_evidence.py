"""What is kept of suspects: objects, events, logs; no secret values, no control characters."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml

from skill_runner.errors import Forbidden
from skill_runner.execution import evidence
from skill_runner.objects import Object, Ref
from skill_runner.outcome import Problem
from skill_runner.readiness.wait import Suspect
from skill_runner.testing import MemoryCluster
from skill_runner.text.redact import Redactor

POD = Ref("v1", "Pod", "web-1", "default")
SUSPECT = Suspect(POD, "web")
PASSWORD = "correct-horse-battery"


@pytest.fixture
def cluster() -> MemoryCluster:
    cluster = MemoryCluster()
    source = {"secretKeyRef": {"name": "login", "key": "password"}}
    container = {"name": "web", "env": [{"name": "PASSWORD", "valueFrom": source}]}
    put(cluster, POD, spec={"containers": [container]})
    coded = {
        "password": base64.b64encode(PASSWORD.encode()).decode(),
        "user": base64.b64encode(b"alice").decode(),
    }
    put(cluster, Ref("v1", "Secret", "login", "default"), data=coded)
    return cluster


def put(cluster: MemoryCluster, ref: Ref, **body: object) -> None:
    meta = {"name": ref.name, "namespace": ref.namespace}
    cluster.put({"apiVersion": ref.api_version, "kind": ref.kind, "metadata": meta, **body})


async def collect(cluster: MemoryCluster, folder: Path, *suspects: Suspect) -> tuple[str, ...]:
    return await evidence.collect(cluster, suspects or (SUSPECT,), folder, Redactor(()))


async def test_a_value_of_its_secret_is_in_no_file_and_no_line(
    cluster: MemoryCluster, tmp_path: Path
) -> None:
    cluster.set_logs("default", "web-1", "web", f"ERROR alice may not log in with {PASSWORD}")
    (line,) = await collect(cluster, tmp_path)
    assert line.startswith("log of web-1 web: ERROR alice may not log in with")
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert {"pod-web-1.yaml", "pod-web-1.events.txt", "pod-web-1.web.log"} <= set(kept)
    assert "alice" in kept["pod-web-1.web.log"]  # a user's name is an ordinary word
    assert PASSWORD not in "".join([line, *kept.values()])


async def test_the_instance_that_died_tells_why(cluster: MemoryCluster, tmp_path: Path) -> None:
    cluster.set_logs("default", "web-1", "web", "starting")
    cluster.set_logs("default", "web-1", "web", "fatal: no such table", previous=True)
    (line,) = await collect(cluster, tmp_path)
    assert line == "log of web-1 web: fatal: no such table"
    assert (tmp_path / "pod-web-1.web.log").read_text() == "starting\n"
    assert (tmp_path / "pod-web-1.web.previous.log").read_text() == "fatal: no such table\n"


async def test_control_characters_are_not_kept(cluster: MemoryCluster, tmp_path: Path) -> None:
    cluster.set_logs("default", "web-1", "web", "\x1b[31mred\x1b[0m \x07alarm")
    assert await collect(cluster, tmp_path) == ("log of web-1 web: red alarm",)
    assert (tmp_path / "pod-web-1.web.log").read_text() == "red alarm\n"


async def test_a_secret_is_kept_without_its_data(cluster: MemoryCluster, tmp_path: Path) -> None:
    await collect(cluster, tmp_path, Suspect(Ref("v1", "Secret", "login", "default")))
    kept = yaml.safe_load((tmp_path / "secret-login.yaml").read_text())
    assert kept["metadata"]["name"] == "login"
    assert set(kept) == {"apiVersion", "kind", "metadata"}


async def test_events_are_kept_in_their_order(cluster: MemoryCluster, tmp_path: Path) -> None:
    for name, reason in (("2", "Late"), ("1", "Early")):
        put(
            cluster,
            Ref("v1", "Event", name, "default"),
            involvedObject={"kind": "Pod", "name": "web-1"},
            type="Warning",
            reason=reason,
            message="two\nlines",
            lastTimestamp=f"2026-01-01T00:0{name}:00Z",
        )
    await collect(cluster, tmp_path)
    assert (tmp_path / "pod-web-1.events.txt").read_text().splitlines() == [
        "2026-01-01T00:01:00Z Warning Early (x1): two lines",
        "2026-01-01T00:02:00Z Warning Late (x1): two lines",
    ]


async def test_what_may_not_be_read_is_said_in_its_file(
    cluster: MemoryCluster, tmp_path: Path
) -> None:
    cluster.fail("get", Forbidden("pods is forbidden"), kind="Pod", times=2)
    await collect(cluster, tmp_path)
    assert (tmp_path / "pod-web-1.yaml").read_text() == "# pods is forbidden\n"


async def test_no_more_than_a_few_suspects_are_looked_at(tmp_path: Path) -> None:
    many = [Suspect(Ref("v1", "Pod", f"web-{i}", "default"), "web") for i in range(20)]
    await collect(MemoryCluster(), tmp_path, *many)
    assert len(list(tmp_path.glob("*.yaml"))) == evidence.MOST


def test_a_problem_that_has_log_lines_gets_no_others() -> None:
    bare = Problem(code="PROOF_FAILED", resource="proof x", cause="it fails", evidence=("a fact",))
    told = evidence.with_words(bare, ["log of web-1 web: one"])
    assert told.evidence == ("a fact", "log of web-1 web: one")
    assert evidence.with_words(told, ["log of web-2 web: two"]) == told


def test_every_way_to_give_a_pod_a_secret_is_known() -> None:
    pod: Object = {
        "spec": {
            "volumes": [
                {"secret": {"secretName": "mounted"}},
                {"projected": {"sources": [{"secret": {"name": "projected"}}, {"configMap": {}}]}},
                {"configMap": {"name": "none"}},
            ],
            "initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": "whole"}}]}],
            "containers": [
                {"name": "c", "env": [{"valueFrom": {"secretKeyRef": {"name": "one", "key": "k"}}}]}
            ],
        }
    }
    assert set(evidence.secrets_of(pod)) == {"mounted", "projected", "whole", "one"}
