"""The fixtures of the contract, on a real cluster: a namespace of its own for each test."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest

from skill_runner.backends import kube as cluster_backend
from skill_runner.backends.base import Cluster
from skill_runner.binaries import ensure
from skill_runner.installations.lock import Connect
from skill_runner.objects import Object, Ref
from tests.support.testcluster import TestCluster


@pytest.fixture
def connect(test_cluster: TestCluster) -> Connect:
    async def connect() -> Cluster:
        return await cluster_backend.connect(str(test_cluster.kubeconfig), test_cluster.context)

    return connect


@pytest.fixture
async def cluster(connect: Connect) -> AsyncIterator[Cluster]:
    cluster = await connect()
    yield cluster
    await cluster.close()


@pytest.fixture(scope="session")
def helm_binary() -> str:
    return str(asyncio.run(ensure("helm")))


@pytest.fixture
async def namespace(cluster: Cluster) -> AsyncIterator[str]:
    name = f"test-{secrets.token_hex(4)}"
    ref = Ref("v1", "Namespace", name)
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    await cluster.delete(ref)


@pytest.fixture
async def crd(cluster: Cluster) -> AsyncIterator[Object]:
    group = f"g{secrets.token_hex(4)}.example.com"
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
    }
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    definition: Object = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "kind": "Widget",
                "plural": "widgets",
                "singular": "widget",
                "listKind": "WidgetList",
            },
            "versions": [version],
        },
    }
    yield definition
    await cluster.delete(Ref.of(definition))
