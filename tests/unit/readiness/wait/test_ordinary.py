"""What ordinary clusters do, and is no failure: each of these was called one."""

from __future__ import annotations

import pytest

from skill_runner.objects import Object, Ref
from skill_runner.readiness.wait import Expected
from tests.support.waiting import LABELS, World, owned_by, played, running, waiting

NOT_FOUND = 'failed to resolve reference "example.org/web:1": example.org/web:1: not found'
WEB = Ref("apps/v1", "Deployment", "web", "default")


@pytest.fixture
def world() -> World:
    return World()


async def test_the_pods_of_before_are_not_judged_until_the_controller_has_seen_the_change(
    world: World,
) -> None:
    """A repaired image: the old pod still says that the old one does not exist."""
    await world.deploy()
    world.cluster.set_status(WEB, observedGeneration=1)
    world.pod("web-1-a", waiting("ErrImagePull", NOT_FOUND))
    live = world.cluster.store.get(WEB)
    (container,) = live["spec"]["template"]["spec"]["containers"]
    mended = {**live, "spec": {**live["spec"], "template": _with_image("example.org/web:2")}}
    expected = Expected.of(mended, await world.cluster.apply(mended))
    assert container["image"] == "example.org/web:1"

    async def later() -> None:
        await world.clock.sleep(3)  # a controller manager with much to do
        world.replica_set("web-2", revision=2)
        world.pod("web-2-a", running(), of="web-2")
        world.available()

    result = await played(world, expected, later=later)
    assert result.state == "ready", result.problem


def _with_image(image: str) -> Object:
    return {
        "metadata": {"labels": LABELS},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }


async def test_a_replica_set_of_another_template_is_not_the_current_one(world: World) -> None:
    """A rollback whose ReplicaSet is still known by its old revision."""
    expected = await world.deploy()
    old = world.cluster.store.get(Ref("apps/v1", "ReplicaSet", "web-1", "default"))
    spec = {**old["spec"], "template": _with_image("example.org/web:0")}
    world.cluster.put({**old, "spec": spec})
    world.pod("web-1-a", waiting("ErrImagePull", NOT_FOUND))

    async def later() -> None:
        await world.clock.sleep(2)
        world.replica_set("web-2", revision=2)
        world.pod("web-2-a", running(), of="web-2")
        world.available()

    result = await played(world, expected, later=later)
    assert result.state == "ready", result.problem


async def test_a_pod_that_its_kubelet_refuses_is_made_again(world: World) -> None:
    expected = await world.deploy()
    for number, reason in enumerate(REFUSED):
        status = {"phase": "Failed", "reason": reason, "message": f"Pod was rejected: {reason}"}
        world.pod(f"web-1-{number}", status)

    async def later() -> None:
        await world.clock.sleep(200)
        world.pod("web-1-z", waiting("ContainerCreating"))
        await world.clock.sleep(200)
        world.pod("web-1-z", running())
        world.available()

    result = await played(world, expected, later=later)
    assert result.state == "ready", result.problem


# pkg/kubelet/lifecycle/predicate.go, handlers.go and pkg/kubelet/cm/topologymanager of 1.34.
REFUSED = (
    "OutOfpods",
    "OutOfcpu",
    "OutOfnvidia.com/gpu",
    "TaintToleration",
    "NodeAffinity",
    "NodePorts",
    "NodeUnschedulable",
    "TopologyAffinityError",
    "UnexpectedAdmissionError",
    "PodOSSelectorNodeLabelDoesNotMatch",
    "AppArmor",
    "SysctlForbidden",
)


async def test_one_that_is_refused_again_and_again_is_named(world: World) -> None:
    expected = await world.deploy()
    told = "Pod was rejected: Allocate failed due to no healthy devices present"
    status = {"phase": "Failed", "reason": "UnexpectedAdmissionError", "message": told}
    world.pod("web-1-a", status)
    result = await world.wait(expected)
    assert result.problem is not None
    assert (result.problem.code, result.problem.retryable) == ("UNSCHEDULABLE", True)
    assert "no healthy devices" in result.problem.cause
    assert result.seconds == pytest.approx(300, abs=2)


async def test_a_daemon_set_that_fits_no_node_leaves_its_service_empty(world: World) -> None:
    meta = {"name": "gpu", "namespace": "default"}
    labels = {"app": "gpu"}
    agent = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": meta,
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}},
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"selector": labels, "clusterIP": "10.0.0.1"},
    }
    expected = [Expected.of(o, await world.cluster.apply(o)) for o in (agent, service)]
    world.cluster.set_status(Ref.of(agent), observedGeneration=1, desiredNumberScheduled=0)
    result = await world.wait(*expected)
    assert result.state == "ready", result.problem
    assert any("no node is to run it" in note for note in result.notes)


HELD = {"finalizers": ["example.org/ends-slowly"]}


async def test_a_quota_that_ending_pods_still_hold_is_waited_for(world: World) -> None:
    expected = await world.deploy()
    refused = 'pods "web-1-b" is forbidden: exceeded quota: small, requested: cpu=1, used: cpu=1'
    old = world.pod("web-0-a", running())
    going = Ref.of(world.cluster.put({**old, "metadata": {**old["metadata"], **HELD}}))
    await world.cluster.delete(going)
    made = Ref("apps/v1", "ReplicaSet", "web-1", "default")
    failure = {"type": "ReplicaFailure", "status": "True", "message": refused}
    world.cluster.set_status(made, replicas=0, conditions=[failure])

    async def later() -> None:
        await world.clock.sleep(29)
        world.cluster.edit(going, lambda pod: pod["metadata"].pop("finalizers"))
        await world.clock.sleep(10)
        world.cluster.set_status(made, replicas=1, conditions=[])
        world.pod("web-1-b", running())
        world.available()

    result = await played(world, expected, later=later)
    assert result.state == "ready", result.problem


async def test_a_stateful_set_that_works_in_parallel_replaces_its_broken_pod(world: World) -> None:
    labels = {"app": "db"}
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "default"},
        "spec": {
            "replicas": 1,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}},
        },
    }
    applied = await world.cluster.apply(manifest)
    old = {"currentRevision": "db-1", "updateRevision": "db-2", "observedGeneration": 1}
    world.cluster.set_status(Ref.of(manifest), replicas=1, updatedReplicas=0, **old)
    pod: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "db-0",
            "namespace": "default",
            "labels": {**labels, "controller-revision-hash": "db-1"},
            "ownerReferences": [owned_by(applied)],
        },
        "spec": {"containers": [{"name": "c", "image": "example.org/db:1"}]},
        "status": waiting("ErrImagePull", NOT_FOUND),
    }
    world.cluster.put(pod)

    async def later() -> None:
        await world.clock.sleep(2)
        await world.cluster.delete(Ref.of(pod))
        pod["metadata"]["labels"]["controller-revision-hash"] = "db-2"
        world.cluster.put({**pod, "status": running()})
        counts = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas"), 1)
        world.cluster.set_status(Ref.of(manifest), **counts, **old)

    result = await played(world, Expected.of(manifest, applied), later=later)
    assert result.state == "ready", result.problem


async def test_a_deadline_that_is_over_is_too_late_and_not_failed(world: World) -> None:
    """It stays over in every run after it, until a pod becomes ready."""
    expected = await world.deploy()
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    world.cluster.set_status(WEB, observedGeneration=1, conditions=[late])

    async def later() -> None:
        await world.clock.sleep(30)
        world.pod("web-1-a", running())
        world.available()

    result = await played(world, expected, later=later)
    assert result.state == "ready", result.problem
    world.cluster.set_status(WEB, availableReplicas=0, conditions=[late])
    result = await world.wait(expected, timeout=20)
    assert (result.state, result.problem and result.problem.code) == ("late", "NOT_READY_IN_TIME")


def crd(kind: str) -> Object:
    version = {"name": "v1", "served": True, "storage": True, "subresources": {"status": {}}}
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural},
            "versions": [version],
        },
    }


async def test_a_resource_that_its_operator_still_makes_is_waited_for(world: World) -> None:
    thing = {
        "apiVersion": "example.org/v1",
        "kind": "Thing",
        "metadata": {"name": "x", "namespace": "default"},
    }
    world.cluster.put(crd("Thing"))
    expected = Expected.of(thing, await world.cluster.apply(thing))
    creating = {"type": "Ready", "status": "False", "reason": "Creating"}
    world.cluster.set_status(Ref.of(thing), conditions=[creating])

    async def later() -> None:
        await world.clock.sleep(580)
        world.cluster.set_status(Ref.of(thing), conditions=[{**creating, "status": "True"}])

    result = await played(world, expected, later=later)
    assert result.state == "ready", result.problem
    world.cluster.set_status(Ref.of(thing), conditions=[creating])
    result = await world.wait(expected, timeout=20)
    assert result.state == "late"
    assert result.problem is not None
    assert "Ready is False (Creating)" in result.problem.cause
