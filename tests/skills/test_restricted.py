"""With the rights that are printed each command works; with one fewer nothing is touched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stdout
from io import StringIO
from itertools import groupby
from pathlib import Path

import pytest

from skill_runner.backends.base import Right
from skill_runner.cli import main as cli
from skill_runner.execution.rbac import rules
from skill_runner.execution.rights import RBAC, Command, better
from skill_runner.objects import Object
from tests.skills.restricted import EVERYTHING, Case, case_of
from tests.support.account import Account, account, rights_in
from tests.support.driver import Driver

pytestmark = pytest.mark.cluster

# Those of a line are there together, which costs less; the service uses the two before it.
TOGETHER = (
    ("postgres-k8s-setup", "kafka-k8s-setup", "schema-registry-k8s-setup"),
    ("docusaurus-deploy", "nextjs-k8s-deploy"),
    ("strimzi-operator", "cnpg-operator"),
    ("redis-k8s-setup", "dapr-k8s-setup", "fastapi-dapr-agent"),
    ("kong-k8s-setup", "argocd-k8s-setup"),
)
GRANT = ("bind", "escalate")
WORDS: dict[Command, tuple[str, ...]] = {"remove": ("--yes", "--purge")}


def printed(case: Case, command: Command = "run") -> list[Object]:
    with redirect_stdout(StringIO()) as said:
        assert cli.run(["describe", *case.call, f"--rbac={command}", "-o", "json"]) == 0
    return list(json.loads(said.getvalue())["items"])


@pytest.fixture
def untouched(driver: Driver, learnflow: str) -> set[str]:
    return driver.objects()


@pytest.mark.parametrize("names", TOGETHER, ids="+".join)
def test_each_command_works_with_the_rights_that_are_printed_for_it(
    driver: Driver,
    untouched: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    names: Sequence[str],
) -> None:
    monkeypatch.setenv("SKILL_BROWSER", "none")  # it has nothing to do with the cluster's rights
    with ExitStack() as stack:
        done = []
        for name in names:
            folder = tmp_path / name
            folder.mkdir()
            case = case_of(name, driver, folder)
            documents = printed(case)
            who = stack.enter_context(account(driver, documents, folder))
            stack.callback(clean_up, who, case)
            least = without_all_rights(documents)
            assert_refused_with_one_right_fewer(who, case, least)
            for lacking in case.grants:
                assert_refused(who, case, documents, lacking)
            assert_works(who, case, "run", least)
            if case.almighty:  # made again by whom has all that it grants
                driver.delete(case.almighty)
                assert_works(who, case, "run", documents)
            for command in ("verify", "why"):
                assert_works(who, case, command, printed(case, command))
            done.append((who, case))
        for who, case in reversed(done):
            assert_works(who, case, "remove", printed(case, "remove"))
    for who, _ in done:
        assert_gone(driver, who)
    assert driver.objects() <= untouched


def assert_works(who: Account, case: Case, command: Command, documents: Sequence[Object]) -> None:
    who.have(documents)
    position = who.admin.audit_position()
    words = case.call if command == "run" else (case.name, "-n", who.namespace)
    done = who.user.skill(command, *words, *WORDS.get(command, ()))
    assert done["status"] in ("ready", "removed"), done
    if who.admin.audit_log:
        assert_all_was_allowed(who, position)


def without_all_rights(documents: Sequence[Object]) -> list[Object]:
    """The same, but who had all rights, which would hide that another one is not printed, may
    escalate: it grants what it does not have."""
    return [
        doc if EVERYTHING not in set(rights_in(doc)) else may_escalate(doc) for doc in documents
    ]


def may_escalate(role: Object) -> Object:
    kept = [right for right in rights_in(role) if "*" not in (right.group, right.url)]
    granting = [Right(verb, RBAC, "clusterroles") for verb in GRANT]
    return {**role, "rules": rules([*kept, *granting])}


def clean_up(who: Account, case: Case) -> None:
    """After a test that failed, by the administrator."""
    if f"v1 ConfigMap {who.namespace}/skill-runner.{case.name}" in who.admin.objects():
        who.admin.skill("remove", case.name, "-n", who.namespace, "--yes", "--purge")


def assert_gone(driver: Driver, who: Account) -> None:
    for space in who.made:
        driver.until_gone(space)


def assert_all_was_allowed(who: Account, position: int) -> None:
    """But for reads without which everything works, too."""
    spared = {right.resource for right in better()}
    refused = [one for one in who.asked_since(position) if one.status == 403]
    assert [
        r
        for r in refused
        if r.verb not in ("get", "list") or not any(f"/{name}" in r.uri for name in spared)
    ] == []


def assert_refused_with_one_right_fewer(
    who: Account, case: Case, documents: Sequence[Object]
) -> None:
    """One of each role."""
    for turn, role in enumerate(documents):
        rights = sorted((r for r in rights_in(role) if r.verb not in GRANT), key=str)
        for lacking in rights[turn % len(rights) :][:1] if rights else ():
            assert_refused(who, case, documents, lacking)


def assert_refused(who: Account, case: Case, documents: Sequence[Object], lacking: Right) -> None:
    who.have(documents, lacking)
    position = who.admin.audit_position()
    refused = who.user.skill("run", *case.call, code=4)
    problem = refused["problem"]
    assert (problem["code"], refused["changed"]) == ("FORBIDDEN", False)
    of_a_record = f'cannot {lacking.verb} resource "{lacking.resource}"'  # read before the plan
    assert str(lacking) in problem["evidence"] or of_a_record in problem["cause"], problem
    if who.admin.audit_log:
        assert [one for one in who.asked_since(position) if one.is_write] == []


def test_one_right_fewer_is_named_and_nothing_is_touched(
    driver: Driver, untouched: set[str], tmp_path: Path
) -> None:
    """One verb of each resource, each time another one."""
    case = case_of("redis-k8s-setup", driver, tmp_path)
    documents = printed(case)
    every = sorted((r for doc in documents for r in rights_in(doc)), key=place_of)
    with account(driver, documents, tmp_path) as who:
        for turn, (_, alike) in enumerate(groupby(every, place_of)):
            verbs = list(alike)
            assert_refused(who, case, documents, verbs[turn % len(verbs)])
    assert_gone(driver, who)


def place_of(right: Right) -> tuple[str, str, str, str]:
    return right.namespace or "", right.group, right.resource, right.name
