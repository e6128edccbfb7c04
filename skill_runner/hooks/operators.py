"""One operator for the whole cluster: two would fight over every object, so the one is adopted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skill_runner.hooks.context import Context, GiveUp
from skill_runner.objects import Object, at


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """An operator by what identifies it; `skill` installs it, and `title` is its name in messages.

    `deployment` is the name of its Deployment, or a label selector. `ours` are the labels of the
    one that the skill's own release makes. A version fits from `lowest` on, and below `below`;
    `fits` says so in words, `upgrade` what to do about one that does not fit.
    """

    skill: str
    title: str
    deployment: str
    ours: Mapping[str, str]
    lowest: tuple[int, int]
    fits: str
    below: tuple[int, int] = (10_000, 0)
    upgrade: str = "Upgrade it by what installed it."


async def check_one_operator(ctx: Context, operator: Operator) -> Object | None:
    """Return the Deployment of `operator` to adopt; None in mode `install`, when there is no other.

    The skill has the input `mode: {enum: [install, adopt]}`. GiveUp for a second operator, for none
    to adopt, and for one whose version does not fit.

        adopted = await check_one_operator(ctx, STRIMZI)
    """
    found = await find_operators(ctx, operator.deployment)
    if ctx.inputs["mode"] == "adopt":
        return _adopted(ctx, operator, [e for e in found if _namespace(e) == ctx.namespace])
    others = [each for each in found if not _is_ours(ctx, operator, each)]
    if others:
        where, name = _namespace(others[0]), at(others[0], "metadata.name")
        raise GiveUp(
            f"{operator.title} {_version(others[0])} is in this cluster already: Deployment"
            f" {where}/{name}",
            hint=f"Use that one: skill run {operator.skill} --set mode=adopt -n {where}",
        )
    return None


async def find_operators(
    ctx: Context, deployment: str, *, namespace: str | None = None
) -> Sequence[Object]:
    """Return the Deployments of an operator, by name or label selector; of all namespaces without
    `namespace`."""
    by_label = "=" in deployment
    found = await ctx.cluster.list(
        "apps/v1",
        "Deployment",
        namespace=namespace,
        labels=deployment if by_label else None,
        fields=None if by_label else f"metadata.name={deployment}",
    )
    return found.items


def variable_of(deployment: Object, name: str) -> str:
    """Return the variable `name` of a `deployment`'s first container; empty without one.

    watched = variable_of(adopted, "STRIMZI_NAMESPACE")
    """
    variables = {each["name"]: each.get("value", "") for each in _container(deployment)["env"]}
    return str(variables.get(name, ""))


def _adopted(ctx: Context, operator: Operator, found: Sequence[Object]) -> Object:
    if not found:
        raise GiveUp(
            f"no {operator.title} operator is in namespace {ctx.namespace}",
            hint="Name its namespace with -n, or install one: --set mode=install",
        )
    version = _version(found[0])
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if not operator.lowest <= numbers < operator.below:
        raise GiveUp(
            f"the operator in {ctx.namespace} is {operator.title}"
            f" {version or 'of no known version'}; {operator.fits}",
            hint=operator.upgrade,
        )
    return found[0]


def _is_ours(ctx: Context, operator: Operator, deployment: Object) -> bool:
    labels = at(deployment, "metadata.labels", {})
    ours = all(labels.get(key) == value for key, value in operator.ours.items())
    return ours and _namespace(deployment) == ctx.namespace


def _namespace(deployment: Object) -> str:
    return str(at(deployment, "metadata.namespace"))


def _container(deployment: Object) -> Object:
    return {"env": (), **at(deployment, "spec.template.spec.containers")[0]}


def _version(deployment: Object) -> str:
    """By its label, else by its image's tag; empty when neither says."""
    labels = at(deployment, "metadata.labels", {})
    tag = str(_container(deployment)["image"]).partition("@")[0].rpartition("/")[2]
    tag = tag.rpartition(":")[2]
    return str(labels.get("app.kubernetes.io/version") or (tag if tag[:1].isdigit() else ""))
