"""A user with few rights: a ServiceAccount with a Role, and a connection with its token."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from skill_runner.backends.base import Cluster
from skill_runner.backends.kube import connect
from skill_runner.errors import NotFound
from skill_runner.objects import Object, Ref
from tests.integration.faults.scenario import Deed, Scenario

NAME = "limited"
RBAC = "rbac.authorization.k8s.io"


EVERYTHING = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]


@asynccontextmanager
async def acting_as(cluster: Cluster, allowed: Any, namespace: str) -> AsyncIterator[Cluster]:
    """The cluster as somebody who may do no more than `allowed`, the rules of a Role."""
    async with _user_with(cluster, allowed, "token", namespace) as (user, _):
        yield user


@asynccontextmanager
async def user_of(
    cluster: Cluster, scenario: Scenario, namespace: str
) -> AsyncIterator[tuple[Cluster, Mapping[str, Deed]]]:
    """The cluster as the scenario's user, and what can happen to that user."""
    allowed, credential = scenario.header.get("allowed"), scenario.header.get("credential")
    if allowed is None and credential is None:
        yield cluster, {}
        return
    async with _user_with(cluster, allowed or EVERYTHING, credential, namespace) as made:
        yield made


@asynccontextmanager
async def _user_with(
    cluster: Cluster, allowed: Any, credential: str | None, namespace: str
) -> AsyncIterator[tuple[Cluster, Mapping[str, Deed]]]:
    """`credential`: whether a plugin renews its token, or the kubeconfig holds it."""
    for manifest in _objects(allowed, namespace):
        await cluster.create(manifest)
    with TemporaryDirectory() as folder:
        token = Path(folder) / "token"
        token.write_text(await issued_token(cluster, namespace))
        path = Path(folder) / "kubeconfig"
        path.write_text(kubeconfig_with(cluster, _user(token, plugin=credential == "plugin")))
        user = await connect(str(path), cluster.target.context)
        try:
            yield user, {"replace-token": partial(_replace, cluster, namespace, token)}
        finally:
            await user.close()


def _user(token: Path, *, plugin: bool) -> dict[str, Any]:
    if not plugin:
        return {"token": token.read_text()}
    say = (
        'printf \'{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", '
        f'"status": {{"token": "%s"}}}}\' "$(cat {token})"'
    )
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh",
            "args": ["-c", say],
            "interactiveMode": "Never",
        }
    }


async def _replace(cluster: Cluster, namespace: str, token: Path) -> None:
    """A new token where the plugin looks; the old one is not worth anything any more."""
    await cluster.create(token_secret(f"{NAME}-again", namespace))
    token.write_text(await issued_token(cluster, namespace, f"{NAME}-again"))
    await cluster.delete(Ref("v1", "Secret", NAME, namespace))


def _objects(allowed: Any, namespace: str) -> list[Object]:
    meta = {"name": NAME, "namespace": namespace}
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": meta, "rules": allowed},
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": NAME},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}],
        },
        token_secret(NAME, namespace),
    ]


def token_secret(name: str, namespace: str, account: str = NAME) -> Object:
    """A Secret that the control plane fills with a token; the token ends with the Secret."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {"kubernetes.io/service-account.name": account},
        },
    }


async def issued_token(cluster: Cluster, namespace: str, name: str = NAME) -> str:
    """The token in that Secret, once it is there."""
    for _ in range(200):
        data = (await cluster.get(Ref("v1", "Secret", name, namespace))).get("data") or {}
        if data.get("token"):
            return base64.b64decode(data["token"]).decode()
        await asyncio.sleep(0.05)
    raise NotFound(f"no token came into Secret {namespace}/{name}", status=404)


def kubeconfig_with(cluster: Cluster, user: dict[str, Any]) -> str:
    """The cluster's kubeconfig with another user, as text."""
    config = yaml.safe_load(Path(cluster.target.kubeconfig).read_text())
    chosen = next(c for c in config["contexts"] if c["name"] == cluster.target.context)
    config["users"] = [{"name": "other", "user": user}]
    chosen["context"]["user"] = "other"
    return json.dumps({**config, "contexts": [chosen]})
