"""Every file under data/ is a list of objects with the verdict that each must get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from skill_runner.readiness.status import compute
from skill_runner.readiness.status.table import RULES
from skill_runner.skill.model import WaitRule

DATA = Path(__file__).parent / "data"
FILES = sorted(DATA.rglob("*.yaml"))
CASES = [
    pytest.param(case, id=f"{file.stem}: {case['case']}")
    for file in FILES
    for case in yaml.safe_load(file.read_text())
]


def rule_of(case: dict[str, Any]) -> WaitRule | None:
    if "rule" not in case:
        return None
    obj = case.get("object") or {"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}}
    return WaitRule(
        api_version=obj["apiVersion"],
        kind=obj["kind"],
        name=obj.get("metadata", {}).get("name", "x"),
        **case["rule"],
    )


@pytest.mark.parametrize("case", CASES)
def test_verdict(case: dict[str, Any]) -> None:
    verdict = compute(
        case.get("object"),
        generation=case.get("generation"),
        uid=case.get("uid"),
        rule=rule_of(case),
        kind_has_status=case.get("kind_has_status"),
    )
    expect = case["expect"]
    assert verdict.state == expect["state"], verdict.message
    if "message" in expect:
        assert verdict.message == expect["message"]
    for fact, value in expect.get("facts", {}).items():
        assert verdict.facts.get(fact) == value


def test_every_kind_of_the_table_has_a_case() -> None:
    seen = set()
    for file in FILES:
        for case in yaml.safe_load(file.read_text()):
            if obj := case.get("object"):
                seen.add((obj["apiVersion"].rpartition("/")[0], obj["kind"]))
    families = {
        ("kafka.strimzi.io", "Kafka"): {
            "KafkaUser",
            "KafkaConnect",
            "KafkaConnector",
            "KafkaBridge",
            "KafkaMirrorMaker2",
            "KafkaRebalance",
        },
        ("postgresql.cnpg.io", "Database"): {"Publication", "Subscription", "DatabaseRole"},
        ("gateway.networking.k8s.io", "HTTPRoute"): {
            "GRPCRoute",
            "TLSRoute",
            "TCPRoute",
            "UDPRoute",
        },
        ("dapr.io", "Component"): {"Configuration", "Subscription", "Resiliency", "HTTPEndpoint"},
    }
    covered = seen | {
        (g, kind) for (g, k), kinds in families.items() if (g, k) in seen for kind in kinds
    }
    assert set(RULES) - covered == set()


def test_every_kind_with_a_status_refuses_an_empty_one() -> None:
    ready_by_existing = {
        "Service",
        "Ingress",
        "CronJob",
        "EndpointSlice",
        "Component",
        "Configuration",
        "Subscription",
        "Resiliency",
        "HTTPEndpoint",
        "KongPlugin",
        "KongClusterPlugin",
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
    }
    for group, kind in RULES:
        if kind in ready_by_existing and group != "postgresql.cnpg.io":
            continue
        obj = {
            "apiVersion": f"{group}/v1" if group else "v1",
            "kind": kind,
            "metadata": {"name": "x", "generation": 1},
            "spec": {},
        }
        assert compute(obj).state == "progressing", (group, kind)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 5) | st.sampled_from(["", "True", "Ready", "3"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "conditions",
                    "type",
                    "status",
                    "phase",
                    "replicas",
                    "observedGeneration",
                    "readyReplicas",
                    "parents",
                    "health",
                    "state",
                    "reason",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    status=st.dictionaries(
        st.sampled_from(["conditions", "phase", "replicas", "observedGeneration", "state"]),
        JUNK,
        max_size=4,
    )
)
def test_a_custom_resource_may_have_any_status(status: dict[str, Any]) -> None:
    obj = {
        "apiVersion": "example.org/v1",
        "kind": "Thing",
        "metadata": {"name": "x", "generation": 2},
        "status": status,
    }
    verdict = compute(obj)
    assert verdict.message
    if not status:
        assert verdict.state == "progressing"
