"""The rules on one platform with everything planted and every look-alike in it; cases are data."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from skill_runner.compliance.judge import Verdict, judge
from skill_runner.compliance.model import ELSEWHERE, INSTALLATION, Installed, Kind
from skill_runner.compliance.reader import find_governance
from skill_runner.compliance.rules import TABLE
from tests.support.governed import SERVICES, cases, scene

PLANTED, INNOCENT = cases("planted"), cases("innocent")
KAFKA = Installed(
    namespace="learnflow",
    name="kafka",
    skill="kafka-k8s-setup",
    inputs={"topics": ["learnflow.lesson.completed:3"]},
    releases=frozenset({("learnflow", "kafka")}),
)
LEARNFLOW = find_governance("learnflow")


def _judged(*given: Any) -> Verdict:
    return judge(LEARNFLOW, scene(*given, installed=(KAFKA,)))


def _certain(verdict: Verdict) -> set[tuple[str, str]]:
    return {
        (answer.rule, each.resource)
        for answer in verdict.answers
        for each in answer.evidence
        if each.certain and not each.minor and answer.rule != "proven"
    }


def _expected(case: dict[str, Any]) -> set[tuple[str, str]]:
    return {(rule, case["resource"]) for rule in (case["rule"], *case.get("also", ()))}


def test_the_sound_platform_breaks_no_rule() -> None:
    assert _certain(_judged()) == set()


@pytest.mark.parametrize("case", PLANTED, ids=[case["says"] for case in PLANTED])
def test_what_is_planted_is_found_and_nothing_else(case: dict[str, Any]) -> None:
    assert _certain(_judged(case["objects"])) == _expected(case)


@pytest.mark.parametrize("case", INNOCENT, ids=[case["says"] for case in INNOCENT])
def test_what_only_looks_like_it_passes(case: dict[str, Any]) -> None:
    verdict = _judged(case["objects"])
    assert {each for each in _certain(verdict) if each[0] == case["rule"]} == set()
    looked = {answer.rule: answer.looked for answer in verdict.answers}
    assert looked[case["rule"]] > 0


def test_all_of_it_at_once_gives_no_false_answer() -> None:
    whole = _judged(*(case["objects"] for case in (*PLANTED, *INNOCENT)))
    assert _certain(whole) == {each for case in PLANTED for each in _expected(case)}


EVERYTHING = scene(*(case["objects"] for case in (*PLANTED, *INNOCENT)), installed=(KAFKA,))
KINDS = sorted({kind for rule in TABLE.values() for kind in (*rule.reads, *rule.hints)})


@pytest.mark.parametrize("kind", KINDS, ids=[kind for _, kind in KINDS])
def test_what_may_not_be_listed_accuses_nobody(kind: Kind) -> None:
    """A rule that misses what it cannot see would fail what is well."""
    seen = {each: objs for each, objs in EVERYTHING.objects.items() if each != kind}
    installed = () if kind == INSTALLATION else EVERYTHING.installed
    if kind == ELSEWHERE:
        installed = (SERVICES, KAFKA)
    blind = replace(
        EVERYTHING, objects=seen, installed=installed, closed={kind: "listing is forbidden"}
    )
    verdict = judge(LEARNFLOW, blind)
    assert _certain(verdict) <= _certain(judge(LEARNFLOW, EVERYTHING))
    passed = {each.rule for each in verdict.answers if each.status == "pass"}
    assert passed.isdisjoint(rule.name for rule in TABLE.values() if kind in rule.reads)


@pytest.mark.parametrize("junk", [None, [], "text", 7, {"template": []}, {"metadata": "x"}])
@pytest.mark.parametrize("kind", KINDS, ids=[kind for _, kind in KINDS])
def test_a_spec_of_any_shape_breaks_no_rule(kind: Kind, junk: Any) -> None:
    odd = {"apiVersion": kind[0], "kind": kind[1], "metadata": {"name": "odd"}, "spec": junk}
    assert len(_judged([odd]).answers) == len(LEARNFLOW.rulings)


def test_there_are_twenty_of_each() -> None:
    assert len(PLANTED) >= 20
    assert len(INNOCENT) >= 20
    assert {case["rule"] for case in PLANTED} <= set(TABLE)


def test_every_rule_says_why_and_what_to_do() -> None:
    for rule in TABLE.values():
        assert rule.asks.endswith(".")
        assert rule.why.endswith(".")
        assert rule.remedy
        for schema in rule.parameters.values():
            assert schema["description"].endswith(".")
            assert "default" in schema


def test_values_of_secrets_are_not_in_the_evidence() -> None:
    env = [{"name": "DB_PASSWORD", "value": "hunter2hunter2"}]
    env += [{"name": "QUIZ", "value": "http://me:hunter2hunter2@quiz.learnflow.svc/"}]
    quiz = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "quiz"}, "spec": {}}
    verdict = _judged([{"deployment": "web", "container": {"env": env}}, quiz])
    assert ("no-coupling", "Deployment learnflow/web container app") in _certain(verdict)
    assert "hunter2" not in str(verdict)
