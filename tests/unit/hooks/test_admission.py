"""Webhooks that serve: by their endpoints, and the bundle by which they are trusted."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.hooks import Ref, RetryLater, await_webhook
from skill_runner.objects import Object
from skill_runner.testing import MemoryCluster
from tests.unit.hooks.test_dapr import context

GROUP = "admissionregistration.k8s.io/v1"
WEBHOOK = Ref(GROUP, "MutatingWebhookConfiguration", "injector")


def hook(**client: Any) -> Object:
    config = {"service": {"name": "injector", "namespace": "default"}, **client}
    each = {"name": "inject.example.org", "clientConfig": config}
    meta = {"name": "injector"}
    return {"apiVersion": GROUP, "kind": WEBHOOK.kind, "metadata": meta, "webhooks": [each]}


def endpoints(*ready: bool) -> Object:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "addressType": "IPv4",
        "metadata": {
            "name": "injector-a",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "injector"},
        },
        "endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": r}} for r in ready],
    }


async def test_it_serves_with_ready_endpoints_and_a_bundle() -> None:
    cluster = MemoryCluster()
    cluster.put(hook(caBundle="AAAA"))
    cluster.put(endpoints(True, False, True))
    assert await await_webhook(context(cluster), WEBHOOK) == "2 endpoints"


@pytest.mark.parametrize(
    ("objects", "lacks"),
    [
        ((hook(caBundle="AAAA"),), "Service injector has no endpoint"),
        ((hook(caBundle="AAAA"), endpoints(False)), "Service injector has no endpoint"),
        ((hook(), endpoints(True)), "has no CA bundle yet"),
    ],
    ids=["no endpoints", "none ready", "no bundle"],
)
async def test_until_then_it_is_waited_for(objects: tuple[Object, ...], lacks: str) -> None:
    cluster = MemoryCluster()
    for each in objects:
        cluster.put(each)
    with pytest.raises(RetryLater, match=lacks):
        await await_webhook(context(cluster), WEBHOOK)
