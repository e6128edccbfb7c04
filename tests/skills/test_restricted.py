"""With the rights that are printed each command works; with one fewer nothing is touched."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from skill_runner.backends.base import Right
from skill_runner.execution.rights import better
from skill_runner.objects import Object
from tests.support.account import Account, account, rights_in
from tests.support.driver import Driver

pytestmark = pytest.mark.cluster

SKILLS = {
    "redis-k8s-setup": ("--set", "clients=[learnflow]"),
    "postgres-k8s-setup": ("--set", "clients=[learnflow]"),
    "kafka-k8s-setup": ("--set", "topics=[learnflow.lesson.completed]"),
    "schema-registry-k8s-setup": ("--set", "subjects={a-value: {properties: {}}}"),
}


def printed(driver: Driver, skill: str, command: str = "run") -> list[Object]:
    return list(driver.skill("describe", skill, f"--rbac={command}", *SKILLS[skill])["items"])


@pytest.fixture
def untouched(driver: Driver, learnflow: str) -> Iterator[set[str]]:
    before = driver.objects()
    yield before
    for left in driver.skill("status")["installations"]:
        if left["skill"] in SKILLS:
            driver.skill("remove", left["installation"], "--yes", "--purge")


def assert_all_was_allowed(who: Account, position: int) -> None:
    """But for reads without which everything works, too."""
    spared = {right.resource for right in better()}
    refused = [one for one in who.asked_since(position) if one.status == 403]
    assert [
        r
        for r in refused
        if r.verb not in ("get", "list") or not any(f"/{name}" in r.uri for name in spared)
    ] == []


@pytest.mark.parametrize("skill", SKILLS)
def test_each_command_works_with_the_rights_that_are_printed_for_it(
    driver: Driver, untouched: set[str], tmp_path: Path, skill: str
) -> None:
    calls = {
        "run": ("run", skill, *SKILLS[skill]),
        "verify": ("verify", skill),
        "why": ("why", skill),
        "remove": ("remove", skill, "--yes", "--purge"),
    }
    with account(driver, printed(driver, skill), tmp_path) as who:
        place = ("-n", who.namespace)
        for command, words in calls.items():
            who.have(printed(driver, skill, command))
            position = driver.audit_position()
            done = who.user.skill(*words, *(() if command == "run" else place))
            assert done["status"] in ("ready", "removed"), done
            if driver.audit_log:
                assert_all_was_allowed(who, position)
    assert driver.objects() <= untouched


def test_one_right_fewer_is_named_and_nothing_is_touched(
    driver: Driver, untouched: set[str], tmp_path: Path
) -> None:
    """One verb of each resource, each time another one."""
    skill = "redis-k8s-setup"
    documents = printed(driver, skill)
    every = sorted((r for doc in documents for r in rights_in(doc)), key=place_of)
    with account(driver, documents, tmp_path) as who:
        for turn, (_, alike) in enumerate(groupby(every, place_of)):
            verbs = list(alike)
            lacking = verbs[turn % len(verbs)]
            who.have(documents, lacking)
            position = driver.audit_position()
            refused = who.user.skill("run", skill, *SKILLS[skill], code=4)
            problem = refused["problem"]
            assert (problem["code"], refused["changed"]) == ("FORBIDDEN", False)
            assert str(lacking) in problem["evidence"] or lacking.resource == "configmaps", problem
            if driver.audit_log:
                assert [one for one in who.asked_since(position) if one.is_write] == []


def place_of(right: Right) -> tuple[str, str, str, str]:
    return right.namespace or "", right.group, right.resource, right.name
