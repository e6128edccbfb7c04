"""A fault scenario as a file: what is made in a namespace, what happens later, what is expected."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from skill_runner.backends.base import Cluster
from skill_runner.backends.kube.transport import Transport
from skill_runner.errors import ApiError
from skill_runner.objects import Object, Ref
from skill_runner.readiness.diagnosis import DEFAULT_POLICY, FailurePolicy
from skill_runner.readiness.wait import Expected, WaitResult
from skill_runner.skill.model import FailureOverride, WaitRule

# A pod on the node's own network answers there as a registry that has nothing.
REGISTRY = "127.0.0.1:5999"
DATA = Path(__file__).parent / "data"
Deed = Callable[[], Awaitable[None]]
CLUSTER_SCOPED = (
    "Namespace",
    "Node",
    "CustomResourceDefinition",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "ClusterRole",
    "ClusterRoleBinding",
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """`header` is the first document of the file, `manifests` are the others.

    Header: title; expect {state, code, resource, telling: [texts]}; policy {reason: budget};
    timeout; stability; namespace_labels; setup [objects made before]; later [{after, apply,
    delete, status, do}]; rules; allowed [what the waiting user may do, as rules of a Role];
    unrecorded [why no history can play it];
    alone [needs a cluster of its own]; needs [the skill without which it cannot be played: its own
    tests play it]; credential [plugin or token: how the waiting user is known].
    With `through: helm` a run of a chart with these objects is played: before [objects of the
    release before], before_is [its outcome], inputs.
    """

    name: str
    header: dict[str, Any]
    manifests: tuple[Object, ...]

    @property
    def expect(self) -> dict[str, Any]:
        return dict(self.header["expect"])

    @property
    def policy(self) -> FailurePolicy:
        return DEFAULT_POLICY.override(
            FailureOverride(reason=reason, budget=float(budget), why="shortened for a test")
            for reason, budget in self.header.get("policy", {}).items()
        )

    @property
    def timeout(self) -> float:
        return float(self.header.get("timeout", 90))

    @property
    def stability(self) -> float:
        return float(self.header.get("stability", 3))

    def rules(self, namespace: str) -> tuple[WaitRule, ...]:
        return tuple(
            WaitRule(
                **{
                    "namespace": namespace,
                    **{k: str(v).replace("NAMESPACE", namespace) for k, v in rule.items()},
                }
            )
            for rule in self.header.get("rules", [])
        )


def load_scenario(path: Path) -> Scenario:
    header, *manifests = yaml.safe_load_all(path.read_text())
    return Scenario(path.stem, header, tuple(manifests))


def all_scenarios(*, alone: bool = False, needs: str | None = None) -> list[Scenario]:
    """Those that share a cluster, those that need one to themselves, or a skill on it."""
    found = (load_scenario(path) for path in sorted(DATA.glob("*.yaml")))
    return [
        s for s in found if bool(s.header.get("alone")) is alone and s.header.get("needs") == needs
    ]


def placed(manifest: Object, namespace: str) -> Object:
    """The manifest in the scenario's namespace; NAMESPACE in any text is replaced by it."""
    text = yaml.safe_dump(manifest).replace("NAMESPACE", namespace).replace("REGISTRY", REGISTRY)
    made: Object = copy.deepcopy(yaml.safe_load(text))
    if made["kind"] not in CLUSTER_SCOPED:
        made["metadata"].setdefault("namespace", namespace)
    return made


async def make_namespace(cluster: Cluster, scenario: Scenario, namespace: str) -> None:
    """The namespace with its default ServiceAccount, and what was there before."""
    await cluster.create(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace, "labels": scenario.header.get("namespace_labels", {})},
        }
    )
    account = Ref("v1", "ServiceAccount", "default", namespace)
    for _ in range(600):  # the controllers find an API server that came back after some seconds
        if (await cluster.list("v1", "ServiceAccount", namespace=namespace)).items:
            break
        await asyncio.sleep(0.1)
    await cluster.get(account)
    for manifest in scenario.header.get("setup", []):
        await apply_when_served(cluster, placed(manifest, namespace))


async def apply_when_served(cluster: Cluster, manifest: Object) -> Object:
    """Apply; a kind whose definition was made a moment ago is served a moment later."""
    for _ in range(100):
        try:
            return await cluster.apply(manifest, force=True)
        except ApiError as error:
            if error.status != 404 and "no matches" not in error.message:
                raise
            await asyncio.sleep(0.1)
    return await cluster.apply(manifest, force=True)


async def apply_all(cluster: Cluster, scenario: Scenario, namespace: str) -> list[Expected]:
    found = []
    for manifest in scenario.manifests:
        here = placed(manifest, namespace)
        found.append(Expected.of(here, await apply_when_served(cluster, here)))
    return found


async def act_later(
    cluster: Cluster,
    transport: Transport,
    scenario: Scenario,
    namespace: str,
    deeds: Mapping[str, Deed],
) -> None:
    """What somebody else does while the wait runs; `after` is in seconds from the one before."""
    for step in scenario.header.get("later", []):
        await asyncio.sleep(float(step["after"]))
        if "do" in step:
            await deeds[step["do"]]()
        for manifest in step.get("apply", []):
            await apply_when_served(cluster, placed(manifest, namespace))
        for target in step.get("delete", []):
            await cluster.delete(
                Ref.of(placed({**target, "metadata": {"name": target["name"]}}, namespace))
            )
        for change in step.get("status", []):
            group = str(change["apiVersion"]).replace("NAMESPACE", namespace)
            path = (
                f"/apis/{group}/namespaces/{namespace}/{change['kind'].lower()}s/{change['name']}"
            )
            await transport.json(
                "PATCH",
                f"{path}/status",
                body={"status": change["status"]},
                content="application/merge-patch+json",
            )


def assert_expected(scenario: Scenario, result: WaitResult, namespace: str) -> None:
    """The state; and for failures code, resource and the telling texts."""
    expect = scenario.expect
    assert result.state == expect.get("state", "failed"), result.problem or result.verdicts
    if result.state == "ready":
        assert result.problem is None
        for text in expect.get("notes", []):
            assert any(text in note for note in result.notes), result.notes
        return
    problem = result.problem
    assert problem is not None
    assert problem.code == expect["code"], problem
    assert expect.get("resource", "").replace("NAMESPACE", namespace) in problem.resource, problem
    whole = "\n".join([problem.cause, *problem.evidence])
    for text in expect.get("telling", []):
        assert text.replace("NAMESPACE", namespace) in whole, whole
    assert problem.next or problem.fix, problem
