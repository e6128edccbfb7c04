"""The commands to run next: whole, for this cluster, and honest about what they change."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from skill_runner.outcome import Code, NextAction, Problem
from skill_runner.outcome.next_actions import Subject, concrete
from skill_runner.readiness.diagnosis import Symptom
from skill_runner.readiness.diagnosis.next_actions import next_actions

POD = Symptom(
    reason="", kind="Pod", name="web-1", namespace="shop", cause="", container="c", restarts=1
)
SKILL = Subject(namespace="shop", skill="shop-setup", name="mine", context="kind-a")
RELEASE = Subject(namespace="shop", release="web", kubeconfig="/a b/config", context="kind-a")
SPACE = Subject(namespace="shop")


def runs(code: Code, subject: Subject, symptom: Symptom = POD) -> list[str]:
    problem = Problem(code=code, resource="", cause="", next=next_actions(code, symptom))
    return [action.run for action in concrete(problem, subject).next]


@pytest.mark.parametrize("code", get_args(Code))
@pytest.mark.parametrize("subject", [SKILL, RELEASE, SPACE], ids=["skill", "release", "space"])
def test_commands_are_whole(code: Code, subject: Subject) -> None:
    found = runs(code, subject)
    assert found
    for run in found:
        assert "{" not in run
        assert run.split()[0] in ("skill", "kubectl", "helm")
        assert "None" not in run


@pytest.mark.parametrize("code", get_args(Code))
def test_only_commands_that_change_nothing_are_called_safe(code: Code) -> None:
    for action in next_actions(code, POD):
        if action.run.startswith("kubectl"):
            verb = next(
                w
                for w in action.run.split()[1:]
                if w in ("get", "describe", "logs", "delete", "auth", "api-resources")
            )
            assert action.safe is (verb != "delete"), action


def test_an_installation_is_named_with_its_cluster() -> None:
    assert runs("REGISTRY_UNREACHABLE", SKILL)[0] == (
        "skill run shop-setup --name mine -n shop --images build --context kind-a"
    )
    assert runs("IMAGE_NOT_FOUND", SKILL)[0] == "skill describe shop-setup"


def test_an_image_of_the_caller_s_own_is_not_to_be_built() -> None:
    given = replace(SKILL, image_given=True)
    assert runs("REGISTRY_UNREACHABLE", given)[0] == "skill describe shop-setup"


def test_a_plain_release_is_asked_through_helm() -> None:
    assert runs("IMAGE_NOT_FOUND", RELEASE)[0] == (
        "helm get values web -n shop --all --kubeconfig '/a b/config' --kube-context kind-a"
    )
    assert not any(run.startswith("skill") for run in runs("REGISTRY_UNREACHABLE", RELEASE))


def test_the_log_of_the_instance_that_ended() -> None:
    assert runs("CRASH_LOOP", SPACE)[0] == ("kubectl -n shop logs web-1 -c c --previous --tail=200")
    job = Symptom(reason="", kind="Job", name="task", namespace="shop", cause="")
    assert runs("JOB_FAILED", SPACE, job)[0] == "kubectl -n shop logs job/task --tail=200"


def test_a_custom_resource_is_asked_for_with_its_group() -> None:
    one = Symptom(
        reason="", kind="Cluster", name="db", namespace="shop", cause="", group="postgresql.cnpg.io"
    )
    assert runs("RESOURCE_FAILED", SPACE, one) == [
        "kubectl -n shop describe cluster.postgresql.cnpg.io db"
    ]


def test_a_command_that_names_its_cluster_is_left_alone() -> None:
    own = NextAction(run="kubectl --context other get pods", safe=True)
    problem = Problem(code="INTERNAL", resource="", cause="", next=(own,))
    assert concrete(problem, SKILL).next == (own,)
