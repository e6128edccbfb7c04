"""With exactly the rights that are named every command works; with one fewer nothing begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.actions import verify, why
from skill_runner.actions.graph import prepare
from skill_runner.actions.request import Request, find_record
from skill_runner.backends.base import Right
from skill_runner.errors import Forbidden
from skill_runner.execution import preflight
from skill_runner.execution.rbac import documents, rules
from skill_runner.execution.rights import COMMANDS, READ, Command, Rights, rights_of
from skill_runner.installations import lock, removal
from skill_runner.objects import Object, Ref
from skill_runner.plan import Plan
from skill_runner.runs.folder import Run
from skill_runner.testing import simulate
from tests.support.session import HOOKS, SKILL, Stage
from tests.unit.installations.test_crds import definition

HOOK = """
async def prove(ctx):
    for pod in await ctx.list("v1", "Pod"):
        await ctx.exec(pod["metadata"]["name"], ["true"], container="app")
        await ctx.cluster.delete(
            Ref.of({"apiVersion": "v1", "kind": "Pod", **pod}), uid=pod["metadata"]["uid"]
        )
    return "it answers"
"""
EVERYWHERE = """
rights:
  - group: apps
    resources: [deployments]
    verbs: [list, delete]
    everywhere: true
    why: Looks around.
  - group: batch
    resources: [jobs]
    verbs: [create, delete]
    namespaces: "{{ [namespace, 'shop'] }}"
    why: Of the proof.
  - resources: [pods/portforward]
    verbs: [create]
    namespaces: shop
    observe: true
    why: Asks a pod.
"""


async def restricted(stage: Stage) -> tuple[Plan, Rights]:
    """The stage with its namespace, and what a run of its skill is said to need."""
    space: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}}
    await stage.cluster.create(space)
    request = Request(skill=stage.library.find("demo-setup"), name="demo-setup", namespace=None)
    [node] = (await prepare([request], stage.world, stage.library)).nodes
    assert node.plan is not None
    plan = node.plan
    return plan, rights_of(plan, await preflight.render_manifests(plan, stage.world))


async def remove(stage: Stage) -> None:
    target = await find_record(stage.world, "demo-setup", "demo")
    async with lock.hold(
        stage.world.connect, target.installation, "h@pid:1@start:1", stage.world.clock, print
    ) as held:
        await removal.remove(stage.world, target, held, purge=True)


async def call(stage: Stage, command: Command) -> str:
    """One command, as its caller does it; its status."""
    run = Run("r", stage.folder)
    if command == "run":
        outcome = await stage.run()
        assert outcome.problem is None, outcome.problem
        return outcome.status
    if command == "remove":
        await remove(stage)
        return "removed"
    target = await find_record(stage.world, "demo-setup", "demo")
    if command == "why":
        return (await why.why_installation(stage.world, run, target, stage.library)).status
    done = await verify.verify(
        stage.world, run, stage.library, "demo-setup", "demo", observe=False, timeout=60
    )
    return done.status


async def test_every_command_works_with_what_is_named_for_it(stage: Stage) -> None:
    _, rights = await restricted(stage)
    for command in COMMANDS:
        stage.cluster.grant(rights.of[command])
        assert await call(stage, command) in ("ready", "removed")


async def test_a_change_and_a_failure_need_nothing_more(stage: Stage) -> None:
    _, rights = await restricted(stage)
    stage.cluster.grant(rights.of["run"])
    assert (await stage.run()).status == "ready"
    assert (await stage.run()).status == "unchanged"
    assert (await stage.run("replicas=2")).status == "ready"
    failed = await stage.run("replicas=6")
    assert failed.problem is not None
    assert failed.problem.code == "PROOF_FAILED"


async def test_one_right_fewer_is_refused_before_anything_is_touched(stage: Stage) -> None:
    _, rights = await restricted(stage)
    before = stage.cluster.writes
    for lacking in sorted(rights.of["run"], key=str):
        stage.cluster.grant(rights.of["run"] - {lacking})
        with pytest.raises(Forbidden) as refused:
            await stage.run()
        assert refused.value.exit_code == 4
        if problem := refused.value.problem:
            assert (problem.code, problem.evidence) == ("FORBIDDEN", (str(lacking),))
        else:  # the record is read before there is a plan
            assert lacking.resource == "configmaps"
            assert f"cannot {lacking.verb} resource" in refused.value.message
        assert stage.cluster.writes == before


async def test_a_namespace_that_is_to_be_made_takes_the_right_to(stage: Stage) -> None:
    _, rights = await restricted(stage)
    space = Right("create", "", "namespaces")
    await stage.cluster.delete(Ref("v1", "Namespace", "demo"))
    before = stage.cluster.writes
    look = Right("get", "", "namespaces")
    stage.cluster.grant({*rights.of["run"], look})
    with pytest.raises(Forbidden) as refused:
        await stage.run()
    assert refused.value.problem is not None
    assert refused.value.problem.evidence == (str(space),)
    assert stage.cluster.writes == before


async def test_a_removal_leaves_a_namespace_that_it_may_not_delete(stage: Stage) -> None:
    assert (await stage.run()).status == "ready"  # by somebody who may make namespaces
    target = await find_record(stage.world, "demo-setup", "demo")
    plan = verify.plan_of(target, stage.library, {})
    rights = rights_of(plan, await preflight.render_manifests(plan, stage.world))
    stage.cluster.grant({*rights.of["remove"], Right("get", "", "namespaces")})
    await remove(stage)
    assert await stage.cluster.get(Ref("v1", "Namespace", "demo"))


async def test_hooks_say_what_they_need_beyond(stage: Stage) -> None:
    folder: Path = stage.folder / "skills" / "demo-setup"
    (folder / "skill.yaml").write_text(SKILL + EVERYWHERE)
    _, rights = await restricted(stage)
    jobs = {Right("create", "batch", "jobs", space) for space in ("demo", "shop")}
    looks, deletes = (Right(verb, "apps", "deployments") for verb in ("list", "delete"))
    asks = Right("create", "", "pods/portforward", "shop")
    for command in ("run", "verify"):
        assert {looks, deletes, asks, *jobs} <= rights.of[command]
    assert not {looks, deletes, asks, *jobs} & rights.of["remove"]
    assert rights.namespaces == ("demo", "shop")
    # what a killed run leaves, a removal deletes
    for kind in (("", "pods", "demo"), ("batch", "jobs", "demo"), ("batch", "jobs", "shop")):
        assert Right("delete", *kind) in rights.of["remove"]


async def test_a_removal_has_what_takes_away_what_hooks_made(stage: Stage) -> None:
    folder: Path = stage.folder / "skills" / "demo-setup"
    (folder / "skill.yaml").write_text(
        SKILL
        + """
rights:
  - group: example.org
    resources: [things]
    verbs: [list]
    everywhere: true
    remove: true
    why: A definition goes only where nobody uses it.
"""
    )
    _, rights = await restricted(stage)
    looks = Right("list", "example.org", "things")
    assert {command for command in COMMANDS if looks in rights.of[command]} == {"run", "remove"}


async def test_why_has_what_a_proof_that_observes_needs_and_changes_nothing(stage: Stage) -> None:
    folder: Path = stage.folder / "skills" / "demo-setup"
    observing = SKILL.replace("kind: probe", "kind: observe") + EVERYWHERE
    (folder / "skill.yaml").write_text(observing)
    _, rights = await restricted(stage)
    more = {r for r in rights.of["why"] if r.verb not in READ}
    assert more == {Right("create", "", "pods/portforward", "shop")}
    assert Right("list", "apps", "deployments") in rights.of["why"]


async def test_hooks_work_in_the_installation_s_namespace_alone(stage: Stage) -> None:
    """Elsewhere they fill Secrets that an apply step made empty."""
    plan, _ = await restricted(stage)
    meta = {"name": "copy", "namespace": "shop"}
    needed = rights_of(plan, [{"apiVersion": "v1", "kind": "Secret", "metadata": meta}])
    there = {r for r in needed.of["run"] if r.namespace == "shop" and r.verb not in READ}
    assert there == {
        Right(verb, "", "secrets", "shop") for verb in ("create", "patch", "delete", "update")
    }
    assert Right("update", "", "secrets", "shop") not in needed.of["verify"]
    assert Right("create", "", "pods/exec", "demo") in needed.of["verify"]


async def test_a_removal_looks_whether_a_definition_is_used(stage: Stage) -> None:
    plan, _ = await restricted(stage)
    needed = rights_of(plan, [definition()])
    assert Right("list", "dapr.io", "components") in needed.of["remove"]
    assert Right("list", "dapr.io", "components") not in needed.of["verify"]


async def test_hooks_may_run_commands_and_pods(stage: Stage) -> None:
    folder: Path = stage.folder / "skills" / "demo-setup"
    (folder / "hooks.py").write_text(
        "from skill_runner.hooks import Ref\n" + HOOKS.split("async def prove")[0] + HOOK
    )
    simulate(stage.cluster)
    _, rights = await restricted(stage)
    stage.cluster.grant(rights.of["run"])
    assert (await stage.run()).status == "ready"


def rule(groups: list[str], resources: list[str], verbs: list[str], **more: list[str]) -> Object:
    return {"apiGroups": groups, "resources": resources, **more, "verbs": verbs}


def test_roles_grant_exactly_what_is_named() -> None:
    rights = {
        Right("get", "", "pods", "a"),
        Right("list", "", "pods", "a"),
        Right("get", "", "services", "a"),
        Right("list", "", "services", "a"),
        Right("get", "", "secrets", "a", "one"),
        Right("list", "", "nodes"),
        Right("get", "", "", url="/metrics"),
        Right("*", "", "", url="*"),
    }
    made = documents(rights, name="r", account=("a", "me"), namespaces=["a"])
    assert [(m["kind"], m["metadata"].get("namespace")) for m in made] == [
        ("Namespace", None),
        ("ServiceAccount", "a"),
        ("ClusterRole", None),
        ("ClusterRoleBinding", None),
        ("Role", "a"),
        ("RoleBinding", "a"),
    ]
    assert made[2]["rules"] == [
        rule([""], ["nodes"], ["list"]),
        {"nonResourceURLs": ["*"], "verbs": ["*"]},
        {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
    ]
    assert made[4]["rules"] == [
        rule([""], ["pods", "services"], ["get", "list"]),
        rule([""], ["secrets"], ["get"], resourceNames=["one"]),
    ]
    assert rules([]) == []


async def test_what_a_run_grants_it_must_have(stage: Stage) -> None:
    plan, _ = await restricted(stage)
    meta = {"name": "r", "namespace": "demo"}
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": meta,
        "rules": [rule(["apps"], ["deployments"], ["get", "watch"])],
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": meta,
        "roleRef": {"kind": "ClusterRole", "name": "view"},
        "subjects": [],
    }
    rights = rights_of(plan, [role, binding])
    assert rights.granted == {
        Right("get", "apps", "deployments", "demo"),
        Right("watch", "apps", "deployments", "demo"),
        Right("bind", "rbac.authorization.k8s.io", "clusterroles", "demo", "view"),
    }


async def test_volumes_are_looked_for_wherever_there_are_objects(stage: Stage) -> None:
    plan, _ = await restricted(stage)
    meta = {"name": "copy", "namespace": "shop"}
    copy = {"apiVersion": "v1", "kind": "Secret", "metadata": meta}
    needed = rights_of(plan, [copy]).of["remove"]
    for space in ("demo", "shop"):
        assert Right("list", "", "persistentvolumeclaims", space) in needed
    assert Right("delete", "", "persistentvolumeclaims", "shop") not in needed
