"""An input that became an object is refused by what the skill declares, whatever let it through."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from skill_runner.actions import run
from skill_runner.actions.request import Request
from skill_runner.actions.validate import try_skill
from skill_runner.backends.base import Cluster, Helm, ReleaseSpec
from skill_runner.backends.helm import PyHelm
from skill_runner.cli.options import _kinds
from skill_runner.errors import PreflightFailed, SkillFileError, StepFailed
from skill_runner.execution import wall
from skill_runner.execution.state import Options
from skill_runner.objects import Object
from skill_runner.outcome import Outcome
from skill_runner.policy.declared import Declared
from skill_runner.policy.makes import MadeKind, Makes
from skill_runner.skill.library import Library
from skill_runner.skill.loader import load_skill
from skill_runner.testing import MemoryCluster, MemoryHelm
from tests.support.charts import HELM
from tests.support.graph import Stage as GraphStage
from tests.support.hostile.bases import bases, skill_of
from tests.support.hostile.made import plan_of, rendered
from tests.support.hostile.texts import BINDING
from tests.support.paths import TINY
from tests.support.session import HOOKS, SKILL, Stage

needs_helm = pytest.mark.skipif(HELM is None, reason="no helm on PATH or in the cache")
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: kube-system}\n"
ATTACKS = {
    "a cluster-admin": (f"standard\n---\n{BINDING}", "ClusterRoleBinding owned"),
    "a foreign namespace": (f"standard\n---\n{SECRET}", "Secret kube-system/a"),
    "another kind": (
        "standard\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: a}\n",
        "Secret raw/a",
    ),
    "the kind itself": ("standard\nkind: Secret\n", "Secret raw/raw-map"),
    "the namespace itself": (
        "standard\nmetadata: {name: a, namespace: kube-system}\n",
        "ConfigMap kube-system/a",
    ),
}


async def of_raw(stage: Stage, text: str, what: str, **more: Any) -> Outcome:
    """Plan or run the skill whose chart prints raw, by the real Helm, on a cluster in memory."""
    assert HELM is not None
    world = replace(stage.world, helm=PyHelm(HELM, stage.cluster))
    library = Library((TINY,))
    request = Request(
        skill=library.find("raw-map"), name="raw-map", namespace=None, given={"text": text}, **more
    )
    if what == "plan":
        return await run.plan([request], world, library)
    return await run.run([request], world, library, stage.last, Options())


@needs_helm
@pytest.mark.parametrize("what", ["plan", "run"])
@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_input_that_became_an_object_is_refused(
    stage: Stage, attack: str, what: str
) -> None:
    text, resource = ATTACKS[attack]
    with pytest.raises(PreflightFailed) as refused:
        await of_raw(stage, text, what)
    problem = refused.value.problem
    assert (refused.value.exit_code, problem.code) == (3, "POLICY_VIOLATION")
    assert problem.resource == resource
    assert any(line.startswith(f"{resource}: raw-map declares no") for line in problem.evidence)
    assert "one of them may have become an object" in refused.value.hint
    assert stage.writes() == []


@needs_helm
async def test_what_is_declared_is_planned(stage: Stage) -> None:
    assert (await of_raw(stage, "hello", "plan")).status == "planned"


@needs_helm
async def test_a_caller_may_allow_a_kind_and_no_other_namespace(stage: Stage) -> None:
    text = ATTACKS["another kind"][0]
    assert (await of_raw(stage, text, "plan", allow_kinds=("Secret",))).status == "planned"
    with pytest.raises(PreflightFailed):
        await of_raw(stage, text, "plan", allow_kinds=("Role",))
    foreign = ATTACKS["a foreign namespace"][0]
    with pytest.raises(PreflightFailed):
        await of_raw(stage, foreign, "plan", allow_kinds=("Secret",))


async def test_a_requirement_gets_nothing_of_what_the_caller_allows(tmp_path: Path) -> None:
    skills = {"below": {"makes": {"here": ["v1 Secret"]}}, "above": [{"skill": "below"}]}
    stage = GraphStage.of(tmp_path, skills)
    with pytest.raises(PreflightFailed, match=r"below does not declare") as refused:
        await stage.plan(stage.request("above", allow_kinds=("ConfigMap",)))
    assert refused.value.problem.code == "POLICY_VIOLATION"
    allowed = await stage.plan(stage.request("below", allow_kinds=("ConfigMap",)))
    assert allowed.status == "planned"


async def test_a_skill_that_declares_nothing_is_refused_and_told_the_way_out(stage: Stage) -> None:
    file = stage.folder / "skills" / "demo-setup" / "skill.yaml"
    file.write_text(SKILL.partition("makes:")[0] + "outputs: {address: a}\n")
    with pytest.raises(PreflightFailed, match="does not declare what it makes") as refused:
        await stage.run()
    assert "Add `makes` to its skill.yaml" in refused.value.hint
    assert "--allow-kinds Deployment.apps" in refused.value.hint
    assert stage.writes() == []


@pytest.mark.parametrize("verb", ["apply", "create", "replace"])
async def test_a_hook_makes_only_what_is_declared(stage: Stage, verb: str) -> None:
    folder = stage.folder / "skills" / "demo-setup"
    (folder / "hooks.py").write_text(
        HOOKS.replace(
            '    return "done after"',
            f"""    await ctx.cluster.{verb}({{
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {{"name": "owned"}}}})""",
        )
    )
    outcome = await stage.run()
    assert outcome.problem is not None
    assert (outcome.status, outcome.problem.code) == ("failed", "POLICY_VIOLATION")
    assert outcome.problem.resource == "ClusterRoleBinding owned"
    assert not any("ClusterRoleBinding" in line for line in stage.writes())


async def test_a_hook_s_own_apply_is_held_too(stage: Stage) -> None:
    folder = stage.folder / "skills" / "demo-setup"
    body = """    await ctx.apply({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "kube-system"}})"""
    (folder / "hooks.py").write_text(HOOKS.replace('    return "done after"', body))
    outcome = await stage.run()
    assert outcome.problem is not None
    assert outcome.problem.code == "POLICY_VIOLATION"
    assert not any("kube-system" in line for line in stage.writes())


async def test_a_hook_installs_no_release_of_undeclared_kinds() -> None:
    cluster = MemoryCluster()
    helm = MemoryHelm(cluster)

    def rolebinding(spec: ReleaseSpec) -> Iterable[Object]:
        yield {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
        yield {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}

    helm.add_chart("/chart", rolebinding)
    makes = Makes(here=(MadeKind.parse("v1 ConfigMap"),))
    walled = wall.wall_helm(helm, Declared("demo", "demo", makes))
    spec = ReleaseSpec(name="a", namespace="demo", chart="/chart")
    with tempfile.TemporaryFile() as lifeline:
        for helm_of_a_hook in (walled, walled.under(lifeline)):
            with pytest.raises(StepFailed, match="1 object that demo does not declare"):
                await helm_of_a_hook.install_or_upgrade(spec)
    assert not cluster.writes


async def test_a_dry_run_of_a_hook_makes_nothing_and_is_let_through() -> None:
    cluster = MemoryCluster()
    await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}})
    walled = wall.wall_cluster(cluster, Declared("demo", "demo", Makes()))
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "demo"},
    }
    assert await walled.create(manifest, dry_run=True)
    assert await walled.apply(manifest, dry_run=True)
    with pytest.raises(StepFailed):
        await walled.apply(manifest)


# What is made by a remote chart, or by a hook, and so in no render here: of the published charts
# cloudnative-pg 0.29.0, strimzi-kafka-operator 1.2.0 and dapr 1.18, with the values of the skills.
REMOTE = {
    "argocd-k8s-setup": {
        "argoproj.io/v1alpha1 Application skill-proof-*",
        "networking.k8s.io/v1 NetworkPolicy",
    },
    "kong-k8s-setup": {
        "apps/v1 Deployment",
        "configuration.konghq.com/v1 KongConsumer skill-probe*",
        "configuration.konghq.com/v1 KongPlugin skill-probe*",
        "gateway.networking.k8s.io/v1 HTTPRoute skill-probe*",
        "networking.k8s.io/v1 Ingress skill-probe*",
        "rbac.authorization.k8s.io/v1 Role",
        "rbac.authorization.k8s.io/v1 RoleBinding",
        "v1 Secret",
        "v1 Service",
        "v1 ServiceAccount",
        "admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration kong-*",
        "apiextensions.k8s.io/v1 CustomResourceDefinition *.configuration.konghq.com",
        "apiextensions.k8s.io/v1 CustomResourceDefinition *.gateway.networking.k8s.io",
        "networking.k8s.io/v1 IngressClass",
        "rbac.authorization.k8s.io/v1 ClusterRole kong*",
        "rbac.authorization.k8s.io/v1 ClusterRoleBinding kong*",
    },
    "cnpg-operator": {
        "apps/v1 Deployment",
        "v1 ConfigMap",
        "v1 Service",
        "v1 ServiceAccount",
        "admissionregistration.k8s.io/v1 MutatingWebhookConfiguration "
        "cnpg-mutating-webhook-configuration",
        "admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration "
        "cnpg-validating-webhook-configuration",
        "apiextensions.k8s.io/v1 CustomResourceDefinition *.postgresql.cnpg.io",
        "rbac.authorization.k8s.io/v1 ClusterRole cnpg-cloudnative-pg*",
        "rbac.authorization.k8s.io/v1 ClusterRoleBinding cnpg-cloudnative-pg",
    },
    "strimzi-operator": {
        "apps/v1 Deployment",
        "rbac.authorization.k8s.io/v1 RoleBinding",
        "v1 ConfigMap",
        "v1 ServiceAccount",
        "apiextensions.k8s.io/v1 CustomResourceDefinition *.strimzi.io",
        "rbac.authorization.k8s.io/v1 ClusterRole strimzi-*",
        "rbac.authorization.k8s.io/v1 ClusterRoleBinding strimzi-*",
    },
    "fastapi-dapr-agent": {"batch/v1 Job *-probe"},
    "dapr-k8s-setup": {
        "apps/v1 Deployment",
        "apps/v1 StatefulSet",
        "dapr.io/v1alpha1 Component",
        "dapr.io/v1alpha1 Configuration",
        "dapr.io/v1alpha1 Resiliency",
        "policy/v1 PodDisruptionBudget",
        "rbac.authorization.k8s.io/v1 Role",
        "rbac.authorization.k8s.io/v1 RoleBinding",
        "v1 ConfigMap",
        "v1 Secret",
        "v1 Service",
        "v1 ServiceAccount",
        "batch/v1 Job skill-probe-*",
        "apps/v1 Deployment skill-probe-callee",
        "dapr.io/v1alpha1 Component skill-probe-*",
        "dapr.io/v1alpha1 Resiliency skill-probe",
        "v1 Service skill-probe-callee",
        "v1 ServiceAccount skill-probe",
        "admissionregistration.k8s.io/v1 MutatingWebhookConfiguration dapr-sidecar-injector",
        "apiextensions.k8s.io/v1 CustomResourceDefinition *.dapr.io",
        "rbac.authorization.k8s.io/v1 ClusterRole dapr-*",
        "rbac.authorization.k8s.io/v1 ClusterRoleBinding dapr-*",
    },
}


@needs_helm
@pytest.mark.parametrize("name", sorted({base.skill for base in bases()}))
async def test_what_a_skill_declares_is_what_it_makes(name: str) -> None:
    """In every mode, and nothing more: a declaration that is too wide protects nobody."""
    skill = skill_of(name)
    assert skill.declared is not None
    missing: list[str] = []
    used: set[str] = set()
    for base in (each for each in bases() if each.skill == name):
        plan = plan_of(skill, base, base.inputs)
        objects, _ = await rendered(plan)
        missing += [f"{base}: {why}" for _, why in wall.declared_of(plan).faults(objects)]
        assert plan.makes is not None
        every = (
            *plan.makes.here,
            *plan.makes.cluster,
            *plan.makes.within("shop"),
            *plan.makes.within("learnflow"),
        )
        used |= {str(kind) for kind in every if any(kind.covers(each) for each in objects)}
    assert missing == []
    declared = skill.declared
    every = (*declared.here, *declared.cluster, *(k for e in declared.elsewhere for k in e.kinds))
    assert {str(kind) for kind in every} - used - REMOTE.get(name, set()) == set()


@needs_helm
async def test_validate_names_what_is_not_declared(tmp_path: Path) -> None:
    folder = tmp_path / "raw-map"
    shutil.copytree(TINY / "raw-map", folder)
    file = folder / "skill.yaml"
    assert HELM is not None
    helm = PyHelm(HELM, MemoryCluster())
    assert [t.problems for t in await try_skill(load_skill(folder), helm)] == [()]
    file.write_text(file.read_text().replace("v1 ConfigMap", "v1 Secret"))
    lacks = "`makes` in skill.yaml lacks here: [v1 ConfigMap]"
    assert [t.problems for t in await try_skill(load_skill(folder), helm)] == [(lacks,)]
    file.write_text(file.read_text().partition("makes:")[0])
    (trial,) = await try_skill(load_skill(folder), helm)
    assert "skill.yaml must declare `makes`: here: [v1 ConfigMap]" in trial.problems[0]


@pytest.mark.parametrize(
    "entry", ["ConfigMap", "v1 configmap", "v1", "v1 Secret a b", "v1 Sec,ret"]
)
def test_a_kind_that_is_none_is_a_mistake(tmp_path: Path, entry: str) -> None:
    folder = tmp_path / "raw-map"
    shutil.copytree(TINY / "raw-map", folder)
    file = folder / "skill.yaml"
    file.write_text(file.read_text().replace("[v1 ConfigMap]", f'["{entry}"]'))
    with pytest.raises(SkillFileError, match="apiVersion and kind, such as apps/v1 Deployment"):
        load_skill(folder)


@pytest.mark.parametrize("value", ["secret", "a b", "Secret,,Role", "v1 Secret", "Secret.Apps"])
def test_allow_kinds_takes_kinds_only(value: str) -> None:
    with pytest.raises(click.BadParameter, match="expected Secret or"):
        _kinds(click.Context(click.Command("run")), click.Option(["--allow-kinds"]), value)


def test_every_method_of_both_doors_is_let_through_or_walled() -> None:
    """A method that is new is refused until somebody says that it makes nothing."""
    cluster, helm = MemoryCluster(), MemoryHelm(MemoryCluster())
    declared = Declared("demo", "demo", Makes())
    for door, walled in (
        (Cluster, wall.wall_cluster(cluster, declared)),
        (Helm, wall.wall_helm(helm, declared)),
    ):
        names = {name for name in vars(door) if not name.startswith("_")}
        assert names
        assert [name for name in names if not hasattr(walled, name)] == []
    with pytest.raises(AttributeError, match="patch is not let through"):
        wall.wall_cluster(cluster, declared).patch  # type: ignore[attr-defined]  # noqa: B018
