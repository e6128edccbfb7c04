"""One Strimzi operator for the cluster: whether there is one already, and whether it serves v1."""

from __future__ import annotations

import re
from typing import Any, Final

from skill_runner.hooks import (
    ApiError,
    Context,
    GiveUp,
    NotFound,
    Object,
    RetryLater,
    compute,
    excerpt,
)

NAME: Final = "strimzi-cluster-operator"  # by every chart and manifest of the project
OLDEST: Final = (0, 49)  # the first that serves kafka.strimzi.io/v1
RELEASE: Final = "strimzi"


async def check(ctx: Context) -> None:
    """Before anything is touched: two operators would fight over every Kafka."""
    found = await _deployments(ctx)
    if ctx.inputs["mode"] == "adopt":
        _check_adopted(ctx, [each for each in found if _namespace(each) == ctx.namespace])
        return
    others = [each for each in found if not _is_ours(ctx, each)]
    if others:
        where = _namespace(others[0])
        raise GiveUp(
            f"Strimzi {_version(others[0])} is in this cluster already: Deployment {where}/{NAME}",
            hint=f"Use that one: skill run strimzi-operator --set mode=adopt -n {where}",
        )


async def _deployments(ctx: Context) -> list[Object]:
    found = await ctx.cluster.list("apps/v1", "Deployment", fields=f"metadata.name={NAME}")
    return list(found.items)


def _check_adopted(ctx: Context, found: list[Object]) -> None:
    if not found:
        raise GiveUp(
            f"no Strimzi operator is in namespace {ctx.namespace}",
            hint="Name its namespace with -n, or install one: --set mode=install",
        )
    version = _version(found[0])
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST:
        raise GiveUp(
            f"the operator in {ctx.namespace} is Strimzi {version or 'of no known version'};"
            f" {OLDEST[0]}.{OLDEST[1]} is the first that serves kafka.strimzi.io/v1",
            hint="Upgrade it by what installed it, and its CRDs, which Helm leaves as they are.",
        )
    watched = _watched(found[0])
    if watched != "*":
        raise GiveUp(
            f"the operator in {ctx.namespace} looks after {watched or 'its own namespace'} alone",
            hint="Let it watch every namespace: the value watchAnyNamespace=true of its chart.",
        )


async def await_api(ctx: Context) -> None:
    """The kinds are served; a CRD is established seconds after it is made."""
    await _admit(ctx)


async def admits(ctx: Context) -> str:
    """A Kafka and its node pool are admitted in a dry run: nothing is made."""
    await _admit(ctx)
    return "a Kafka would be admitted"


async def _admit(ctx: Context) -> None:
    await _await_running(ctx)
    for manifest in _kafka(ctx):
        try:
            await ctx.cluster.create(manifest, dry_run=True)
        except NotFound as error:
            raise RetryLater(f"kafka.strimzi.io/v1 is not served yet: {error}") from error
        except ApiError as error:
            if error.status < 500:
                raise GiveUp(
                    f"a {manifest['kind']} is not admitted: {excerpt(error.message)}"
                ) from error
            raise RetryLater(f"the API does not answer yet: {excerpt(error.message)}") from error


async def _await_running(ctx: Context) -> None:
    """The API alone would admit a Kafka that nobody looks after."""
    for each in await _deployments(ctx):
        verdict = compute(each)
        if _namespace(each) == ctx.namespace and not verdict.is_ready:
            raise RetryLater(f"the operator is not ready: {verdict.message}")


def _kafka(ctx: Context) -> tuple[dict[str, Any], ...]:
    meta = {
        "name": "skill-admission",
        "namespace": ctx.namespace,
        "labels": {"strimzi.io/cluster": "skill-admission"},
    }
    listener = {"name": "plain", "port": 9092, "type": "internal", "tls": False}
    pool = {"replicas": 1, "roles": ["controller", "broker"], "storage": {"type": "ephemeral"}}
    api = {"apiVersion": "kafka.strimzi.io/v1", "metadata": meta}
    return (
        {**api, "kind": "Kafka", "spec": {"kafka": {"listeners": [listener]}}},
        {**api, "kind": "KafkaNodePool", "spec": pool},
    )


def _is_ours(ctx: Context, deployment: Object) -> bool:
    labels = deployment["metadata"].get("labels") or {}
    return labels.get("release") == RELEASE and _namespace(deployment) == ctx.namespace


def _namespace(deployment: Object) -> str:
    return str(deployment["metadata"]["namespace"])


def _container(deployment: Object) -> Object:
    container: Object = deployment["spec"]["template"]["spec"]["containers"][0]
    return container


def _version(deployment: Object) -> str:
    """By its image's tag; empty when that does not say."""
    image = str(_container(deployment)["image"])
    tag = image.partition("@")[0].rpartition("/")[2].rpartition(":")[2]
    return tag if tag[:1].isdigit() else ""


def _watched(deployment: Object) -> str:
    """The namespaces that it looks after: `*` for all."""
    found = _container(deployment).get("env") or ()
    variables = {each["name"]: each.get("value", "") for each in found}
    return str(variables.get("STRIMZI_NAMESPACE", ""))
