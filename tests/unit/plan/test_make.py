"""Skill and inputs into a plan: what is in it, what its digest depends on, what it refuses."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skill_runner.errors import SkillFileError, UsageError
from skill_runner.plan import (
    ImageChoice,
    Installation,
    Plan,
    PlannedAdmits,
    PlannedApply,
    PlannedHook,
    PlannedImage,
    PlannedRelease,
    PlannedWait,
    check_installation,
    make_plan,
    wanted_requirements,
)
from skill_runner.plan.digest import _of_proof
from skill_runner.plan.inputs import resolve_inputs
from skill_runner.skill.loader import load_skill
from skill_runner.skill.model import (
    Admission,
    AdmitsStep,
    ApplyStep,
    Proof,
    ReleaseStep,
    Requirement,
    Skill,
    WaitRule,
    WaitStep,
    WebPages,
)
from tests.support.paths import ECHO

NGINX = "docker.io/library/nginx:1.29.3"
PULLED = ImageChoice(name="server", ref=NGINX, source="pull", official=NGINX)
BUILT = ImageChoice(name="server", ref="skill.local/nginx:0f3a", source="build", official=NGINX)


@pytest.fixture(scope="module")
def echo() -> Skill:
    return load_skill(ECHO)


def _plan(
    skill: Skill,
    sets: Sequence[str] = (),
    name: str = "echo",
    image: ImageChoice = PULLED,
    requires: Mapping[str, Mapping[str, Any]] | None = None,
    given: Mapping[str, Any] | None = None,
) -> Plan:
    inputs = resolve_inputs(skill, sets=sets, given=given)
    installation = Installation(inputs["namespace"], name)
    return make_plan(skill, installation, inputs, {"server": image}, requires or {})


def test_a_plan_holds_what_a_run_would_do(echo: Skill) -> None:
    plan = _plan(echo, ["pages=[a]", "extra.port=81"], name="two")
    release, pages, hook = plan.steps
    assert isinstance(release, PlannedRelease)
    assert (release.release, release.namespace, release.timeout) == ("two", "echo", 120.0)
    assert release.chart == str(ECHO / "chart")
    assert release.values == {
        "image": NGINX,
        "greeting": "hello, from two",
        "replicas": 1,
        "memory": "64Mi",
        "extra": {"port": 81},
    }
    assert isinstance(pages, PlannedApply)
    assert pages.wait[0].name == "two-pages"
    assert pages.wait[0].namespace == "echo"
    assert hook == PlannedHook(id="seed", hook="seed")
    assert plan.outputs == {
        "url": "http://two.echo.svc:81",
        "replicas": 1,
        "login": {"secretKeyRef": {"name": "two-login", "key": "password"}},
    }


def test_applied_objects_are_placed_and_labelled(echo: Skill) -> None:
    step = _plan(echo, ["pages=['a: b', '{{ c }}']"]).steps[1]
    assert isinstance(step, PlannedApply)
    assert step.manifests == (
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": "echo-pages",
                "namespace": "echo",
                "labels": {
                    "app.kubernetes.io/instance": "echo",
                    "app.kubernetes.io/managed-by": "skill-runner",
                },
                "annotations": {"skill-runner.dev/installation": "echo/echo"},
            },
            "data": {"page-1": "a: b", "page-2": "{{ c }}"},
        },
    )


def test_a_step_whose_condition_is_false_is_not_planned(echo: Skill) -> None:
    assert [step.id for step in _plan(echo).steps] == ["server", "seed"]


def test_an_admission_has_its_objects_in_a_plan(echo: Skill) -> None:
    asked = Admission(
        manifest="manifests/pages.yaml.j2", operator="{{ installation.name }}-operator"
    )
    skill = replace(
        echo,
        steps=(AdmitsStep(id="serving", admits=asked),),
        prove=(Proof(id="admission", kind="observe", admits=asked),),
    )
    plan = _plan(skill, ["pages=[a]"], name="two")
    (step,), (proof,) = plan.steps, plan.proofs
    assert isinstance(step, PlannedAdmits)
    assert step.admits == proof.admits
    assert step.admits.operator == "two-operator"
    assert [each["metadata"]["namespace"] for each in step.admits.objects] == ["echo"]
    assert plan.digest != _plan(skill, ["pages=[b]"], name="two").digest


def _pages(echo: Skill, port: Any, paths: Any) -> Skill:
    web = WebPages(image="server", port=port, paths=paths, text="{{ greeting }}")
    return replace(echo, prove=(Proof(id="pages", kind="probe", web=web),))


def test_pages_have_their_values_in_a_plan(echo: Skill) -> None:
    skill = _pages(echo, "{{ extra.port }}", "{{ pages }}")
    (proof,) = _plan(skill, ["pages=[/, /about]"], name="two").proofs
    assert proof.web == WebPages(
        image="server", port=8080, paths=("/", "/about"), service="two", text="hello"
    )
    assert _plan(_pages(echo, 80, ("/{{ greeting }}",))).proofs[0].web is not None


@pytest.mark.parametrize(
    ("port", "paths", "words"),
    [
        ("{{ greeting }}", ("/",), "proof pages: web: port must be a number; got 'hello'"),
        (80, "{{ pages }}", r"proof pages: web: paths must be paths that begin with /; got \[\]"),
        (80, ("/", "{{ greeting }}"), r"paths must be paths that begin with /; got .*'hello'"),
    ],
)
def test_pages_that_are_none_are_refused(echo: Skill, port: Any, paths: Any, words: str) -> None:
    with pytest.raises(SkillFileError, match=words):
        _plan(_pages(echo, port, paths))


def test_the_digest_of_a_hook_proof_says_nothing_of_other_ways(echo: Skill) -> None:
    """What was installed before these ways were known is not changed by them."""
    assert set(_of_proof(echo.prove[0])) == {"id", "hook", "kind", "when", "timeout"}


def test_a_proof_whose_condition_is_false_is_not_planned(echo: Skill) -> None:
    proof = replace(echo.prove[0], when="replicas > 1")
    skill = replace(echo, prove=(proof,))
    assert _plan(skill).proofs == ()
    assert _plan(skill, ["replicas=2"]).proofs == (proof,)


def test_a_built_image_that_a_chart_names_gets_a_step(echo: Skill) -> None:
    first = _plan(echo, image=BUILT).steps[0]
    assert first == PlannedImage(id="image-server", choice=BUILT, recipe=None)
    assert not any(isinstance(step, PlannedImage) for step in _plan(echo).steps)


@pytest.mark.parametrize("sets", [["replicas=2"], ["namespace=other"], ["pages=[a]"]])
def test_the_digest_changes_with_any_input(echo: Skill, sets: list[str]) -> None:
    assert _plan(echo).digest != _plan(echo, sets).digest


def test_the_digest_changes_with_a_secret(echo: Skill) -> None:
    assert _plan(echo).digest != _plan(echo, given={"password": "correct horse"}).digest


def test_the_digest_is_the_same_for_the_same_intent_wherever_the_skill_is(
    echo: Skill, tmp_path: Path
) -> None:
    copy = load_skill(Path(shutil.copytree(ECHO, tmp_path / "echo")))
    assert _plan(copy).digest == _plan(echo).digest
    assert _plan(echo, name="other").digest != _plan(echo).digest
    assert _plan(echo, image=BUILT).digest != _plan(echo).digest
    (tmp_path / "echo" / "chart" / "values.yaml").write_text("a: 1\n")
    assert _plan(load_skill(tmp_path / "echo")).digest != _plan(echo).digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "document 1: expected a Kubernetes object"),
        ("kind: ConfigMap\n", "document 1: 'apiVersion' is missing"),
        ("apiVersion: v1\nkind: ConfigMap\n", "the ConfigMap has no metadata.name"),
        ("apiVersion: v1\nkind: X\nmetadata: {name: 3}\n", "the X has no metadata.name, as text"),
        ("apiVersion: v1\nkind: List\nitems: [{}]\n", "document 1: 'apiVersion' is missing"),
        ("a: [1\n", "line 2 as rendered"),
        ("a: {{ requires.db.host }}\n", "pages.yaml.j2:1: 'dict object' has no attribute 'db'"),
    ],
)
def test_what_is_no_manifest_is_refused_with_its_file(echo: Skill, text: str, message: str) -> None:
    name = "manifests/pages.yaml.j2"
    skill = replace(echo, texts={**echo.texts, name: text})
    with pytest.raises(SkillFileError) as caught:
        _plan(skill, ["pages=[a]"])
    assert message in str(caught.value)
    assert name in str(caught.value)


def test_cluster_scoped_objects_get_no_namespace(echo: Skill) -> None:
    name = "manifests/pages.yaml.j2"
    text = "---\n".join(
        f"apiVersion: x/v1\nkind: {kind}\nmetadata: {{name: a}}\n"
        for kind in ("ClusterRole", "StorageClass", "Cluster", "Kafka")
    )
    step = _plan(replace(echo, texts={**echo.texts, name: text}), ["pages=[a]"]).steps[1]
    assert isinstance(step, PlannedApply)
    assert [m["metadata"].get("namespace") for m in step.manifests] == [None, None, "echo", "echo"]


def test_values_must_be_one_mapping(echo: Skill) -> None:
    skill = replace(echo, texts={**echo.texts, "values/echo.yaml.j2": "- a\n"})
    with pytest.raises(SkillFileError, match="expected one mapping of Helm values"):
        _plan(skill)


def test_a_release_name_must_be_one_for_helm(echo: Skill) -> None:
    step = echo.steps[0]
    assert isinstance(step, ReleaseStep)
    step = replace(step, release="{{ greeting }}")
    with pytest.raises(SkillFileError, match="is not a valid name for a Helm release"):
        _plan(replace(echo, steps=(step,)), ["greeting=Hello World"])


def test_outputs_of_required_skills_are_names_for_templates(echo: Skill) -> None:
    skill = replace(echo, outputs={"address": "{{ requires.db.host }}:{{ requires.db.port }}"})
    plan = _plan(skill, requires={"db": {"host": "db.svc", "port": 5432}})
    assert plan.outputs == {"address": "db.svc:5432"}


def test_requirements_are_those_that_these_inputs_want(echo: Skill) -> None:
    db = Requirement(skill="db", alias="db", when="size == 'large'", inputs={"n": "{{ replicas }}"})
    skill = replace(echo, requires=(db,))
    there = Installation("echo", "echo")
    assert wanted_requirements(skill, there, resolve_inputs(skill)) == ()
    large = resolve_inputs(skill, sets=["size=large", "replicas=2"])
    assert wanted_requirements(skill, there, large)[0].inputs == {"n": 2}


def test_a_wait_alone_is_a_step(echo: Skill) -> None:
    rule = WaitRule(api_version="v1", kind="ClusterFoo", name="{{ greeting }}", condition="Ready")
    step = WaitStep(id="elsewhere", wait=(rule,))
    planned = _plan(replace(echo, steps=(step,))).steps[0]
    assert planned == PlannedWait(id="elsewhere", wait=(replace(rule, name="hello"),))


def test_a_manifest_without_j2_is_no_template(echo: Skill) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: '{{ b }}'}\n"
    step = ApplyStep(id="plain", manifest="plain.yaml")
    planned = _plan(replace(echo, steps=(step,), texts={"plain.yaml": text})).steps[0]
    assert isinstance(planned, PlannedApply)
    assert planned.manifests[0]["data"] == {"a": "{{ b }}"}


@pytest.mark.parametrize(
    ("namespace", "name", "message"),
    [
        ("kafka", "Kafka", "'Kafka' is not allowed"),
        ("kafka", "-a", "not allowed"),
        ("kafka", "a.b", "not allowed"),
        ("kafka", "", "not allowed"),
        ("kafka", "a\n", "not allowed"),
        ("kafka", "a" * 41, "41 characters, at most 40"),
        ("Kafka", "a", "the namespace 'Kafka' is not allowed"),
        ("n" * 64, "a", "at most 63"),
    ],
)
def test_names_of_installations(namespace: str, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_installation(Installation(namespace, name))
