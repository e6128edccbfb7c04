"""The gateway that the tests play, held to what was seen of Kong 3.9.3 without a database."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.skills.kong.image.stand_in.model import EMPTY, Gateway
from tests.skills.kong.image.stand_in.translate import World, configuration

TAGS = ["k8s-name:limit", "k8s-namespace:lessons", "k8s-kind:KongPlugin", "k8s-uid:1"]


def config(*plugins: dict[str, Any], path: str = "/a", **more: Any) -> bytes:
    route = {"name": "r", "id": "r1", "paths": [f"~{path}$", f"{path}/"], "plugins": list(plugins)}
    service = {"name": "s", "id": "s1", "host": "s.svc", "path": "/status", "routes": [route]}
    return json.dumps({"_format_version": "3.0", "services": [service], **more}).encode()


def limit(**values: Any) -> dict[str, Any]:
    return {"name": "rate-limiting", "id": "p1", "config": values, "tags": TAGS}


@pytest.fixture
def gateway() -> Gateway:
    made = Gateway()
    assert made.hash == EMPTY  # not ready while it is empty
    assert made.load(config(), check_hash=True)[0] == 201
    return made


def test_the_same_configuration_again_is_not_loaded(gateway: Gateway) -> None:
    assert gateway.load(config(), check_hash=True)[0] == 304
    assert gateway.load(config(), check_hash=False)[0] == 201


def test_a_bad_one_is_refused_whole_and_what_is_served_stays(gateway: Gateway) -> None:
    before = gateway.hash
    status, answer = gateway.load(config(limit(minute="three"), path="/b"), check_hash=True)
    assert status == 400
    (flat,) = answer["flattened_errors"]
    assert (flat["entity_type"], flat["entity_name"]) == ("plugin", "rate-limiting")
    assert flat["entity_tags"] == TAGS
    assert flat["errors"] == [
        {"type": "field", "field": "config.minute", "message": "expected a number"}
    ]
    assert gateway.hash == before
    assert gateway.match("any", "/a")
    assert not gateway.match("any", "/b")


@pytest.mark.parametrize(
    ("plugin", "field", "words"),
    [
        ({"name": "no-such"}, "name", "plugin 'no-such' not enabled"),
        (limit(minuet=3), "config.minuet", "unknown field"),
        (limit(policy=3), "config.policy", "expected a string"),
        (limit(minute=True), "config.minute", "expected a number"),
    ],
)
def test_each_bad_field_is_named(
    gateway: Gateway, plugin: dict[str, Any], field: str, words: str
) -> None:
    _, answer = gateway.load(config(plugin), check_hash=True)
    (error,) = answer["flattened_errors"][0]["errors"]
    assert error["field"] == field
    assert error["message"].startswith(words)


def test_a_consumer_twice_is_refused(gateway: Gateway) -> None:
    two = [{"username": "a", "id": "1", "tags": []}, {"username": "a", "id": "2", "tags": []}]
    status, answer = gateway.load(config(consumers=two), check_hash=True)
    assert status == 400
    assert "already declared" in answer["flattened_errors"][0]["errors"][0]["message"]


@pytest.mark.parametrize(
    ("path", "goes_to"),
    [("/a", "/status"), ("/a/b", "/status/b"), ("/ab", None), ("/", None)],
)
def test_a_path_is_matched_by_its_parts(gateway: Gateway, path: str, goes_to: str | None) -> None:
    found = gateway.match("any", path)
    assert (found and found[2]) == goes_to


def test_three_requests_pass_and_the_fourth_says_when(gateway: Gateway) -> None:
    headers = [gateway.count(limit(hour=3), "someone") or {} for _ in range(4)]
    assert ["Retry-After" in each for each in headers] == [False, False, False, True]
    assert [each["RateLimit-Remaining"] for each in headers] == ["2", "1", "0", "0"]
    assert int(headers[3]["Retry-After"]) > 0
    assert "Retry-After" not in (gateway.count(limit(hour=3), "someone else") or {})


def test_what_cannot_be_translated_is_left_out_and_named() -> None:
    """A route without its backend stops nobody else."""
    backend = {"service": {"name": "absent", "port": {"number": 80}}}
    rule = {"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    obj = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "i", "namespace": "n", "uid": "u"},
        "spec": {"ingressClassName": "kong", "rules": [rule]},
    }
    world = World({"Ingress": [obj]}, "kong")
    assert configuration(world)["services"] == []
    assert world.faults == [(obj, "failed to fetch Service n/absent: not found")]
