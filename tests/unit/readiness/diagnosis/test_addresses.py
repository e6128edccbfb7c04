"""Addresses in variables and arguments, against the Services that are there."""

from __future__ import annotations

import pytest

from skill_runner.objects import Object
from skill_runner.readiness.diagnosis.addresses import lost_addresses

SERVICES: dict[str, Object] = {
    "orders": {"spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 80}]}},
    "postgres": {"spec": {"clusterIP": "10.0.0.2", "ports": [{"port": 5432}]}},
    "kafka": {"spec": {"clusterIP": "None", "ports": [{"port": 9092}]}},
    "outside": {"spec": {"type": "ExternalName", "externalName": "a.example"}},
}


def told(value: str) -> list[str]:
    container = {"name": "c", "env": [{"name": "URL", "value": value}]}
    return list(lost_addresses({"spec": {"containers": [container]}}, "shop", SERVICES))


@pytest.mark.parametrize(
    "value",
    [
        "http://orders:8081/api",
        "orders:8081",
        "http://orders.shop:8081",
        "http://user:word@orders.shop.svc.cluster.local:8081/",
        "a:9000,orders:8081",
    ],
)
def test_a_port_that_the_service_does_not_have(value: str) -> None:
    assert told(value) == [
        "variable URL names orders:8081, and that Service has no such port (it has 80)"
    ]


@pytest.mark.parametrize(
    "value",
    [
        "http://orders:80",
        "http://orders/api",
        "jdbc:postgresql://postgres:5432/app",
        "postgres:16",
        "postgres:16.4",
        "http://orders.other:8081",
        "https://api.orders.example.org:8081",
        "kafka:29092",
        "outside:8081",
        "http://elsewhere:8081",
        "",
    ],
)
def test_what_may_lead_somewhere(value: str) -> None:
    assert told(value) == []


def test_arguments_are_read_too() -> None:
    container = {"name": "c", "args": ["--orders=orders:8081"]}
    (said,) = lost_addresses({"spec": {"initContainers": [container]}}, "shop", SERVICES)
    assert said.startswith("an argument of container c names orders:8081")
