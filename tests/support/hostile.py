"""Every text that a caller may give to a skill, one after the other replaced by a hostile one."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path as FilePath
from typing import Any, Final

import yaml

from skill_runner.backends.base import ReleaseSpec
from skill_runner.backends.helm import PyHelm
from skill_runner.errors import SkillError
from skill_runner.objects import Object
from skill_runner.plan import ImageChoice, Installation, Plan, PlannedApply, PlannedRelease
from skill_runner.plan import make_plan as plan_it
from skill_runner.plan.inputs import resolve_values
from skill_runner.skill.library import default_library
from skill_runner.skill.model import Skill
from skill_runner.testing import MemoryCluster
from tests.support.charts import HELM

Path = tuple[str | int, ...]

# What a text may be that is right, tried in this order until the input takes it.
HARMLESS = (
    "web",
    "/web",
    "web-class",
    "5Gi",
    "500m",
    "64Mi",
    "10s",
    "1.2.3",
    "https://web.example.org",
    "/web/",
    "registry.example.org/team/app:1.2.3",
    "service.app:app",
    "learner-{id}",
    "NEXT_PUBLIC_A",
)

BINDING = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: owned}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: default, namespace: kube-system}]
"""

HOSTILE = (
    f"standard\n---\n{BINDING}",
    f"standard\r---\r{BINDING}",
    f"a\r\n...\r\n---\r\n{BINDING}",
    "a\u2028---\u2028kind: Secret",
    "a\u0085---\u0085kind: Secret",
    "a\n  b: c",
    "a\n- b",
    "|\n  a",
    "x\nkind: Secret\nmetadata: {name: other, namespace: kube-system}",
    "{{ .Release.Name }}",
    "{{ 7 * 7 }}",
    "{% raw %}",
    '{{ fail "no" }}',
    "}}",
    "# a",
    "a #b",
    "a: b",
    "a:",
    ": ",
    "a, b: c",
    "&a *a",
    "*a",
    "&a b",
    "!!python/object/apply:os.system ['id']",
    "!!binary aGVsbG8=",
    "! a",
    "'",
    '"',
    "\\",
    "'\"\\",
    '", "b": "c',
    "a\tb",
    "\t",
    "[a, b",
    "{a: b}",
    "]",
    "}",
    "- a",
    "? a",
    "|",
    ">",
    "%YAML 1.1",
    "@a",
    "`id`",
    "$(id)",
    "---",
    "...",
    "<<",
    "=",
    "~",
    "true",
    "null",
    "no",
    "2024",
    "1e3",
    "0x10",
    "0o7",
    ".inf",
    "2024-01-01",
    "12:30:00",
    " a ",
    "a" * 10_240,
    "ä" * 5_000,
    "a\n" * 2_000,
    "\u202egnp.exe\u200b",
    "\U0001f600",
    "\ud800",
    "\x00",
    "\x1b[2J",
    "\x7f",
    "\ufeffa",
    "../../etc",
    "--flag",
)


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
    Base("dapr-k8s-setup", "folder", {"chart": "/opt/charts/dapr"}),
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


def positions(schema: Mapping[str, Any], here: Any, path: Path = ()) -> Iterator[Path]:
    """Every place in an input of this schema where a text may be; a key is the path of `<key>`.

    `here` is what the base has: its own items and keys are places as well.
    """
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "string" in kinds:
        yield path
    if "array" in kinds:
        for index in range(max(1, len(here or ()))):
            inner = here[index] if here else None
            yield from positions(schema.get("items", {"type": "string"}), inner, (*path, index))
    if "object" in kinds:
        known = here if isinstance(here, Mapping) else {}
        for name, each in schema.get("properties", {}).items():
            yield from positions(each, known.get(name), (*path, name))
        if schema.get("additionalProperties", True) is not False:
            yield (*path, "<key>")
            anything = {"type": "string"}
            each = schema.get("additionalProperties", anything)
            each = each if isinstance(each, Mapping) else anything
            for name in [*known] or ["a"]:
                yield from positions(each, known.get(name), (*path, name))


def with_text(inputs: Mapping[str, Any], path: Path, text: str) -> dict[str, Any]:
    """The inputs with a text at one place, and what is needed around it."""
    result = deepcopy(dict(inputs))
    container: Any = result
    for index, part in enumerate(path[:-1]):
        empty: Any = [] if isinstance(path[index + 1], int) else {}
        container = _step(container, part, empty)
    last = path[-1]
    if last == "<key>":
        for key in [*container]:
            container[text] = container.pop(key)
        if not container:
            container[text] = "a"
    elif isinstance(container, list):
        _step(container, last, text)
        container[int(last)] = text
    else:
        container[last] = text
    return result


def _step(container: Any, part: str | int, empty: Any) -> Any:
    if isinstance(container, list):
        if not container:
            container.append(empty)
        return container[int(part)]
    if not isinstance(container.get(part), list | dict):  # also a text where either may be
        container[part] = empty
    return container[part]


@dataclass(frozen=True)
class Made:
    """What a plan would make: identities, and the structure of all of it without its texts."""

    kinds: Counter[str]
    names: Counter[tuple[str, str, str]]
    shape: str


_cache: dict[str, tuple[Object, ...]] = {}


def make(base: Base, inputs: Mapping[str, Any], text: str | None = None) -> Made:
    """What these inputs make; SkillError with exit code 2 when they are refused.

    `text` is what was put in: as a key it is not part of the structure.
    """
    plan = plan_of(skill_of(base.skill), base, inputs)
    objects, values = asyncio.run(_rendered(plan))
    return Made(
        kinds=Counter(f"{o.get('apiVersion')} {o.get('kind')}" for o in objects),
        names=Counter(_identity(o) for o in objects),
        shape=json.dumps([shape(objects, text), shape(values, text)]),
    )


def plan_of(skill: Skill, base: Base, inputs: Mapping[str, Any]) -> Plan:
    resolved = resolve_values(skill, inputs)
    images = {
        image.name: ImageChoice(
            name=image.name,
            source="pull",
            official=image.ref or f"{image.name}:1",
            ref=str(resolved.get("image") or image.ref or f"{image.name}:1"),
        )
        for image in skill.images.values()
    }
    where = Installation(str(resolved["namespace"]), skill.name)
    return plan_it(skill, where, resolved, images, base.requires)


async def _rendered(plan: Plan) -> tuple[list[Object], list[Any]]:
    objects: list[Object] = []
    values: list[Any] = []
    for step in plan.steps:
        if isinstance(step, PlannedApply):
            objects.extend(step.manifests)
        elif isinstance(step, PlannedRelease):
            values.append([step.id, step.values])
            if HELM is not None and step.repo is None and FilePath(step.chart).is_dir():
                objects.extend(await _template(step))
    return objects, values


async def _template(step: PlannedRelease) -> tuple[Object, ...]:
    assert HELM is not None
    key = json.dumps([step.chart, step.release, step.namespace, step.values], default=str)
    if key not in _cache:
        spec = ReleaseSpec(
            name=step.release, namespace=step.namespace, chart=step.chart, values=step.values
        )
        _cache[key] = await PyHelm(HELM, MemoryCluster()).template(spec)
    return _cache[key]


def _identity(manifest: Object) -> tuple[str, str, str]:
    meta = manifest.get("metadata") or {}
    return str(manifest.get("kind")), str(meta.get("namespace")), str(meta.get("name"))


def shape(value: Any, key: str | None = None) -> Any:
    """The structure of data: keys, lengths and types, without the texts."""
    if isinstance(value, Mapping):
        pairs = (
            ("<key>" if name == key else str(name), shape(v, key)) for name, v in value.items()
        )
        return sorted(pairs, key=str)
    if isinstance(value, list | tuple):
        return [shape(item, key) for item in value]
    return type(value).__name__


@cache
def harmless(base: Base, path: Path) -> tuple[str, Made] | None:
    """A text that is right at a place, and what it makes; None when no candidate is."""
    for text in HARMLESS:
        try:
            return text, make(base, with_text(base.inputs, path, text), text)
        except SkillError:
            continue
    return None
