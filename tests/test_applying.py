"""An object that the API server does not take."""

from __future__ import annotations

from typing import Any

import pytest

from skill_runner.backends.base import Object
from skill_runner.errors import ApiError
from tests.test_pruning import write
from tests.test_session import Stage, stage

__all__ = ["stage"]

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
