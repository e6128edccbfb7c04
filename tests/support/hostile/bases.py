"""The modes of every skill, each with inputs that are right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import yaml

from skill_runner.skill.library import default_library
from skill_runner.skill.model import Skill


@dataclass(frozen=True, eq=False)
class Base:
    """One mode of a skill: inputs that are right, and the outputs of what it requires."""

    skill: str
    mode: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    requires: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.skill}-{self.mode}"


DOOR: Final = {"host": "a.example", "path": "/a", "auth": "key", "rate_limit": "60/minute"}

FRONT: Final = {"url": "http://kong-proxy.kong.svc", "class": "kong", "gateway": "kong/kong"}

WEB: Mapping[str, Any] = {
    "image": "registry.example.org/app:1.2.3",
    "host": "app.example.org",
    "ingress_class": "nginx",
    "tls_secret": "app-tls",
}

MORE = (
    Base(
        "kafka-k8s-setup",
        "rich",
        {
            "brokers": 3,
            "storage_class": "fast",
            "image": "docker.io/apache/kafka:4.3.1",
            "topics": ["orders:3"],
            "broker_config": {"log.retention.hours": "48"},
        },
    ),
    Base(
        "kafka-k8s-setup",
        "strimzi-rich",
        {
            "mode": "strimzi",
            "storage_class": "fast",
            "topics": ["orders:3"],
            "broker_config": {"log.retention.hours": "48"},
        },
        {"operator": {}},
    ),
    Base(
        "postgres-k8s-setup",
        "rich",
        {
            "storage_class": "fast",
            "clients": ["shop"],
            "network_policy": True,
            "image": "docker.io/library/postgres:17.12",
            "settings": {"work_mem": "8MB"},
        },
    ),
    Base(
        "postgres-k8s-setup",
        "cnpg-rich",
        {
            "mode": "cnpg",
            "storage_class": "fast",
            "clients": ["shop"],
            "network_policy": True,
            "image": "ghcr.io/cloudnative-pg/postgresql:17.12",
            "settings": {"work_mem": "8MB"},
        },
        {"operator": {"namespace": "cnpg-system"}},
    ),
    Base(
        "redis-k8s-setup",
        "rich",
        {
            "storage_class": "fast",
            "clients": ["shop"],
            "network_policy": True,
            "image": "docker.io/library/redis:8.2.1",
            "settings": {"maxmemory-policy": "allkeys-lru"},
        },
    ),
    Base(
        "schema-registry-k8s-setup",
        "kafka",
        {"storage": "kafka", "clients": ["shop"], "network_policy": True},
        {"kafka": {"bootstrap_servers": "kafka-bootstrap.kafka.svc:9092"}},
    ),
    Base(
        "schema-registry-k8s-setup",
        "rich",
        {"storage_class": "fast", "subjects": {"orders-value": {"properties": {}}}},
    ),
    Base(
        "dapr-k8s-setup",
        "components",
        {
            "components": [
                {
                    "name": "events",
                    "namespace": "shop",
                    "type": "pubsub.kafka",
                    "metadata": {"brokers": "kafka:9092"},
                    "secrets": {"password": {"name": "a", "key": "b"}},
                    "scopes": ["shop"],
                },
                {
                    "name": "state",
                    "namespace": "shop",
                    "type": "state.redis",
                    "metadata": {"a": "b"},
                },
            ],
            "secret_readers": [{"namespace": "shop", "service_account": "shop", "secrets": ["a"]}],
        },
    ),
    Base("dapr-k8s-setup", "folder", {"mode": "official", "chart": "/opt/charts/dapr"}),
    Base("docusaurus-deploy", "ingress", dict(WEB)),
    Base("docusaurus-deploy", "gateway", {**WEB, "gateway": "infra/public"}),
    Base(
        "nextjs-k8s-deploy",
        "ingress",
        {
            **WEB,
            "env": {"A": "b"},
            "public_env": {"NEXT_PUBLIC_A": "b"},
            "dapr_app_id": "web",
            "secrets": {"KEY": {"secret": "api", "key": "token"}},
            "env_from_secrets": ["all"],
        },
    ),
    Base("nextjs-k8s-deploy", "gateway", {**WEB, "gateway": "infra/public"}),
    Base(
        "fastapi-dapr-agent",
        "ingress",
        {
            **WEB,
            "state": "none",
            "env": {"A": "b"},
            "env_from_secrets": ["all"],
            "secrets": {"KEY": {"secret": "api", "key": "token"}},
        },
        {"dapr": {"version": "1.18.3"}},
    ),
    Base(
        "fastapi-dapr-agent",
        "gateway",
        {**WEB, "state": "none", "gateway": "infra/public"},
        {"dapr": {"version": "1.18.3"}},
    ),
    *(
        Base(name, "front-door", {**WEB, **more, "gateway": dict(DOOR)}, {**needs, "front": FRONT})
        for name, more, needs in (
            ("docusaurus-deploy", {}, {}),
            ("nextjs-k8s-deploy", {}, {}),
            ("fastapi-dapr-agent", {"state": "none"}, {"dapr": {"version": "1.18.3"}}),
        )
    ),
    Base("cnpg-operator", "image", {"image": "registry.example.org/cnpg/operator"}),
)


@cache
def skill_of(name: str) -> Skill:
    return default_library().find(name)


def bases() -> tuple[Base, ...]:
    """The defaults of every skill that has them all, its own cases, and richer ones."""
    found = []
    library = default_library()
    for name in library.names():
        skill = skill_of(name)
        if not skill.requires or name in ("kafka-k8s-setup", "postgres-k8s-setup"):
            found.append(Base(name, "defaults"))
        for file in sorted((skill.folder / "tests").glob("*.yaml")):
            case = yaml.safe_load(file.read_text())
            found.append(Base(name, file.stem, case.get("inputs", {}), case.get("requires", {})))
    return (*found, *MORE)
