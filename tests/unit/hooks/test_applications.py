"""An Application that a hook waits for, in memory."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.hooks import Context, GiveUp, await_application
from skill_runner.objects import Object, Ref
from skill_runner.skill.library import default_library
from skill_runner.testing import MemoryCluster
from tests.support.contexts import scripted
from tests.support.definitions import definition

COMMIT = "a" * 40
APPLICATION = Ref("argoproj.io/v1alpha1", "Application", "proof", "argocd")
THERE = {
    "sync": {"status": "Synced", "revision": COMMIT},
    "health": {"status": "Healthy"},
    "operationState": {"phase": "Succeeded"},
}
BROKEN = {**THERE, "conditions": [{"type": "ComparisonError", "message": "broken.yaml: no YAML"}]}


async def context(status: Object) -> Context:
    cluster = MemoryCluster()
    crd = definition("argoproj.io", "Application")
    crd["spec"]["versions"][0]["name"] = "v1alpha1"
    await cluster.create(crd)
    for made in (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argocd"}},
        {
            "apiVersion": APPLICATION.api_version,
            "kind": APPLICATION.kind,
            "metadata": {"name": APPLICATION.name, "namespace": APPLICATION.namespace},
        },
    ):
        await cluster.create(made)
    cluster.set_status(APPLICATION, **status)
    return scripted(default_library().find("argocd-k8s-setup"), cluster=cluster)


async def test_a_commit_that_is_there_needs_no_wait() -> None:
    ctx = await context(THERE)
    before = ctx.clock.monotonic()
    await await_application(ctx, APPLICATION, COMMIT)
    assert ctx.clock.monotonic() == before


async def test_an_error_is_waited_for_by_its_words() -> None:
    await await_application(await context(BROKEN), APPLICATION, COMMIT, error="broken.yaml")


@pytest.mark.parametrize(
    ("status", "asked", "words", "within"),
    [
        (BROKEN, {}, "ComparisonError (“broken.yaml: no YAML”)", 16),
        (BROKEN, {"error": "other.yaml"}, "ComparisonError", 16),
        (THERE, {"error": "broken.yaml"}, "commit aaaaaaaa is Synced and Healthy", 61),
        ({}, {}, "its controller has not reported on it yet", 61),
    ],
    ids=["an error", "another error", "no error", "nobody"],
)
async def test_what_does_not_come_is_said_in_the_applications_words(
    status: Object, asked: dict[str, Any], words: str, within: float
) -> None:
    """An error that lasts ends the wait early."""
    ctx = await context(status)
    before = ctx.clock.monotonic()
    with pytest.raises(GiveUp) as found:
        await await_application(ctx, APPLICATION, COMMIT, **asked)
    assert words in str(found.value)
    assert (found.value.code, found.value.resource) == ("RESOURCE_FAILED", str(APPLICATION))
    assert ctx.clock.monotonic() - before <= within
