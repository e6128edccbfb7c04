"""One CloudNativePG operator for the cluster: is one there already, and does it serve."""

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

RELEASE: Final = "cnpg"
SELECTOR: Final = "app.kubernetes.io/name=cloudnative-pg"
FITTING: Final = ((1, 28), (2, 0))  # from, and below: Cluster as postgresql.cnpg.io/v1 has it


async def check(ctx: Context) -> None:
    """Before anything is touched: two operators would fight over every cluster's webhooks."""
    found = await _deployments(ctx)
    if ctx.inputs["mode"] == "adopt":
        _check_adopted(ctx, [each for each in found if _namespace(each) == ctx.namespace])
        return
    others = [each for each in found if not _is_ours(ctx, each)]
    if others:
        where, name = _namespace(others[0]), others[0]["metadata"]["name"]
        raise GiveUp(
            f"CloudNativePG {_version(others[0])} is in this cluster already: Deployment"
            f" {where}/{name}",
            hint=f"Use that one: skill run cnpg-operator --set mode=adopt -n {where}",
        )


async def _deployments(ctx: Context) -> list[Object]:
    return list((await ctx.cluster.list("apps/v1", "Deployment", labels=SELECTOR)).items)


def _check_adopted(ctx: Context, found: list[Object]) -> None:
    if not found:
        raise GiveUp(
            f"no CloudNativePG operator is in namespace {ctx.namespace}",
            hint="Name its namespace with -n, or install one: --set mode=install",
        )
    version = _version(found[0])
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    low, high = FITTING
    if not low <= numbers < high:
        raise GiveUp(
            f"the operator in {ctx.namespace} is CloudNativePG {version or 'of no known version'};"
            f" {low[0]}.{low[1]} or newer, below {high[0]}, fits",
            hint="Upgrade it by what installed it.",
        )


async def await_admission(ctx: Context) -> None:
    """The CRDs are served and the webhooks answer, which comes seconds after the pod is ready."""
    await _admit(ctx)


async def admits(ctx: Context) -> str:
    """A Cluster is admitted in a dry run: nothing is made."""
    await _admit(ctx)
    return "a Cluster would be admitted"


async def _admit(ctx: Context) -> None:
    await _await_running(ctx)
    try:
        await ctx.cluster.create(_cluster(ctx), dry_run=True)
    except NotFound as error:
        raise RetryLater(f"Cluster (postgresql.cnpg.io/v1) is not served yet: {error}") from error
    except ApiError as error:
        if error.status < 500:
            raise GiveUp(f"a Cluster is not admitted: {excerpt(error.message)}") from error
        raise RetryLater(f"the webhook does not answer yet: {excerpt(error.message)}") from error


async def _await_running(ctx: Context) -> None:
    """A webhook that somebody took away would admit a Cluster that nobody looks after."""
    for each in await _deployments(ctx):
        verdict = compute(each)
        if _namespace(each) == ctx.namespace and not verdict.is_ready:
            raise RetryLater(f"the operator is not ready: {verdict.message}")


def _cluster(ctx: Context) -> dict[str, Any]:
    return {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Cluster",
        "metadata": {"name": "skill-admission", "namespace": ctx.namespace},
        "spec": {"instances": 1, "storage": {"size": "1Gi"}},
    }


def _is_ours(ctx: Context, deployment: Object) -> bool:
    labels = deployment["metadata"].get("labels") or {}
    ours = labels.get("app.kubernetes.io/instance") == RELEASE
    return ours and _namespace(deployment) == ctx.namespace


def _namespace(deployment: Object) -> str:
    return str(deployment["metadata"]["namespace"])


def _version(deployment: Object) -> str:
    """By its label, else by its image's tag; empty when neither says."""
    labels = deployment["metadata"].get("labels") or {}
    image = str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])
    tag = image.partition("@")[0].rpartition("/")[2].rpartition(":")[2]
    return str(labels.get("app.kubernetes.io/version") or (tag if tag[:1].isdigit() else ""))
