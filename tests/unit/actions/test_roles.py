"""`skill describe --rbac` of a skill that requires others, which are made or used as they are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from skill_runner.actions.request import Request
from skill_runner.actions.roles import roles_for
from skill_runner.errors import UsageError
from skill_runner.objects import Object
from tests.support.graph import Stage

APP = [{"skill": "broker", "as": "events"}, {"skill": "store"}]
SKILLS: dict[str, Any] = {"app": APP, "broker": [{"skill": "disk"}], "store": [], "disk": []}


async def roles(folder: Path, **use: str) -> list[Object]:
    stage = Stage.of(folder, SKILLS)
    request = Request(skill=stage.library.find("app"), name="app", namespace=None, use=use)
    return await roles_for(request, "run", stage.world, stage.library)


def rules_in(documents: Iterable[Object], namespace: str) -> list[Any]:
    return [
        rule
        for doc in documents
        for rule in doc.get("rules", ())
        if doc["metadata"].get("namespace") == namespace
    ]


async def test_what_is_required_is_included(tmp_path: Path) -> None:
    made = await roles(tmp_path)
    spaces = [doc["metadata"]["name"] for doc in made if doc["kind"] == "Namespace"]
    assert spaces == ["aaa", "bbb", "ddd", "sss"]


async def test_of_what_is_used_the_record_is_read_and_nothing_else(tmp_path: Path) -> None:
    made = await roles(tmp_path, events="prod/kafka", store="sss/store")
    spaces = [doc["metadata"]["name"] for doc in made if doc["kind"] == "Namespace"]
    assert spaces == ["aaa"]
    for namespace, name in (("prod", "kafka"), ("sss", "store")):
        assert rules_in(made, namespace) == [
            {
                "apiGroups": [""],
                "resources": ["configmaps"],
                "verbs": ["get"],
                "resourceNames": [f"skill-runner.{name}"],
            }
        ]
    assert {doc["metadata"].get("namespace") for doc in made} == {None, "aaa", "prod", "sss"}


@pytest.mark.parametrize(
    ("use", "words"),
    [
        ({"events": "kafka"}, "--use events=kafka names no namespace"),
        ({"cache": "prod/redis"}, "--use cache: aaa/app has no requirement of that name"),
    ],
)
async def test_a_use_that_cannot_be_is_refused(
    tmp_path: Path, use: dict[str, str], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        await roles(tmp_path, **use)
