"""An object that the API server does not take."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.errors import ApiError
from skill_runner.objects import Object
from tests.support.session import Stage
from tests.unit.execution.test_prune import write

DENIED = (
    'admission webhook "vcluster.example.org" denied the request: Cluster "db" is invalid: '
    "spec.parameters.port: Invalid value: Can't set fixed configuration parameter"
)


async def test_a_webhook_that_says_no_is_named_with_its_words(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(stage)
    apply = stage.cluster.apply

    async def deny(manifest: Object, **how: Any) -> Object:
        if manifest["metadata"]["name"] == "map-0":
            raise ApiError(DENIED, status=403, reason="Forbidden")
        return await apply(manifest, **how)

    monkeypatch.setattr(stage.cluster, "apply", deny)
    outcome = await stage.run()
    assert (outcome.status, outcome.exit_code) == ("failed", 1)
    assert outcome.problem is not None
    assert outcome.problem.code == "ADMISSION_DENIED"
    assert outcome.problem.resource == "ConfigMap demo/map-0"
    assert "Can't set fixed configuration parameter" in outcome.problem.cause


SILENT = (
    'Internal error occurred: failed calling webhook "v.example.org": failed to call webhook: '
    'Post "https://v.example.svc:443/": no endpoints available for service "v"'
)


@pytest.mark.parametrize(("name", "kind"), [("map-0", "ConfigMap"), ("app", "Deployment")])
@pytest.mark.parametrize("answers", [True, False])
async def test_a_webhook_that_is_down_is_awaited_when_a_run_looks_what_changed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, name: str, kind: str, answers: bool
) -> None:
    """Of what an apply step made, and of what Helm made."""
    write(stage)
    assert (await stage.run()).status == "ready"
    apply, clock = stage.cluster.apply, stage.cluster.clock
    began = clock.monotonic()
    waits = 20 if answers else 10_000

    async def unavailable(manifest: Object, **how: Any) -> Object:
        down = clock.monotonic() - began < waits
        if down and how.get("dry_run") and manifest["metadata"]["name"] == name:
            raise ApiError(SILENT, status=500, reason="InternalError")
        return await apply(manifest, **how)

    monkeypatch.setattr(stage.cluster, "apply", unavailable)
    stage.cluster.requests.clear()
    outcome = await stage.run()
    if answers:
        assert (outcome.status, stage.writes()) == ("unchanged", [])
        assert clock.monotonic() - began >= waits
        return
    assert outcome.status == "failed"
    assert outcome.problem is not None
    assert (outcome.problem.code, outcome.problem.retryable) == ("WEBHOOK_UNAVAILABLE", True)
    assert outcome.problem.resource == f"{kind} demo/{name}"
