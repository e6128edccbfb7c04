"""Releases of hundreds of objects: what is asked follows from kinds and namespaces."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from skill_runner.backends.selectors import matches
from skill_runner.errors import Forbidden
from skill_runner.objects import Object, Ref
from skill_runner.progress import silent
from skill_runner.readiness.diagnosis import DEFAULT_POLICY
from skill_runner.readiness.wait import Expected, WaitResult, look_once, wait_ready
from skill_runner.readiness.wait.cache import View
from skill_runner.readiness.wait.channels import NARROW, Sorter, channels
from skill_runner.readiness.wait.selection import Selection
from skill_runner.readiness.wait.watches import Streams
from skill_runner.testing import FakeClock, Fate, MemoryCluster, simulate

MANY = 300
SPACES = ("a", "b")
# What a wait for Deployments and ConfigMaps follows, per namespace.
KINDS = ("Deployment", "ReplicaSet", "Pod", "ConfigMap", "Event")


def deployment(name: str, namespace: str) -> Object:
    labels = {"app": name}
    container = {"name": "c", "image": "example.org/web:1"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def config_map(name: str, namespace: str) -> Object:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "1"}}


async def release(cluster: MemoryCluster) -> list[Expected]:
    """300 objects in two namespaces, as Helm leaves them: by name, without their UIDs."""
    made = []
    for space in SPACES:
        meta = {"name": space}
        await cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    for number in range(MANY // 2):
        space = SPACES[number % 2]
        for manifest in (deployment(f"web-{number}", space), config_map(f"web-{number}", space)):
            await cluster.apply(manifest)
            made.append(Expected.of(manifest, made=True, changed=True))
    return made


async def wait(cluster: MemoryCluster, expected: list[Expected]) -> WaitResult:
    return await wait_ready(
        cluster,
        cluster.clock,
        expected,
        rules=(),
        timeout=600,
        stability=3,
        policy=DEFAULT_POLICY,
        report=silent,
    )


async def test_a_big_release_takes_a_list_and_a_watch_for_each_kind_and_namespace() -> None:
    cluster = MemoryCluster(FakeClock())
    simulate(cluster)
    expected = await release(cluster)
    cluster.requests.clear()
    result = await wait(cluster, expected)
    assert result.state == "ready"
    asked = Counter((r.verb, r.kind, r.namespace) for r in cluster.requests)
    watches = {key: times for key, times in asked.items() if key[0] == "watch"}
    assert watches == {("watch", kind, space): 1 for kind in KINDS[:-1] for space in SPACES}
    # The first list, one for selections that came later, and checks every 15 s.
    most = len(KINDS) * len(SPACES) * 3
    assert sum(times for key, times in asked.items() if key[0] == "list") <= most
    await cluster.close()


async def test_one_of_many_that_fails_is_named() -> None:
    cluster = MemoryCluster(FakeClock())
    simulate(
        cluster,
        {"Deployment/web-77": Fate(reason="ErrImagePull", message="example.org/web:1: not found")},
    )
    expected = await release(cluster)
    result = await wait(cluster, expected)
    assert result.state == "failed"
    assert result.problem is not None
    assert result.problem.code == "IMAGE_NOT_FOUND"
    assert "web-77" in result.problem.resource
    await cluster.close()


async def test_a_single_look_at_many_takes_few_lists() -> None:
    cluster = MemoryCluster(FakeClock())
    simulate(cluster)
    expected = await release(cluster)
    assert (await wait(cluster, expected)).state == "ready"
    cluster.requests.clear()
    result = await look_once(
        cluster, cluster.clock, tuple(expected), rules=(), policy=DEFAULT_POLICY
    )
    assert result.state == "ready"
    assert len(cluster.requests) <= len(KINDS) * len(SPACES)
    await cluster.close()


def test_a_handful_is_asked_for_one_by_one() -> None:
    few = {Selection.one(Ref("v1", "Pod", f"p{n}", "a")) for n in range(NARROW)}
    assert channels(few) == {one: frozenset({one}) for one in few}
    more = {*few, Selection.one(Ref("v1", "Pod", "one-more", "a"))}
    assert channels(more) == {Selection("v1", "Pod", "a"): frozenset(more)}
    # One that was wide stays so.
    assert channels(few, {("v1", "Pod", "a")}) == {Selection("v1", "Pod", "a"): frozenset(few)}


POD: Object = {
    "kind": "Pod",
    "metadata": {"name": "x", "labels": {"app": "web", "tier": "front"}},
    "involvedObject": {"uid": "u1"},
}


@pytest.mark.parametrize(
    ("labels", "fields"),
    [
        (None, None),
        (None, "metadata.name=x"),
        (None, "metadata.name=y"),
        ("app=web", None),
        ("app=web,tier=back", None),
        ("app==web", None),
        ("app!=web", None),
        ("!app", None),
        ("tier in (front, back)", None),
        ("app", None),
        ("app=db", "metadata.name=x"),
        (None, "involvedObject.uid=u1"),
        (None, "metadata.name!=x"),
        ("tier in (front, back),app=web", None),
    ],
)
def test_a_sorter_selects_as_the_server_does(labels: str | None, fields: str | None) -> None:
    one = Selection("v1", "Pod", "a", labels, fields)
    others = {Selection("v1", "Pod", "a", f"app=other-{n}") for n in range(9)}
    sorter = Sorter(Selection("v1", "Pod", "a"), frozenset({one, *others}))
    assert (list(sorter.of(POD)) == [one]) is matches(POD, labels, fields)


class Followed:
    """Streams over many Pods of a namespace, by their labels."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.cluster = MemoryCluster(self.clock)
        self.view = View()
        self.bell = asyncio.Event()
        self.streams = Streams(self.cluster, self.clock, self.view, self.bell.set)

    def pod(self, name: str, app: str) -> None:
        meta = {"name": name, "namespace": "default", "labels": {"app": app}}
        self.cluster.put({"apiVersion": "v1", "kind": "Pod", "metadata": meta})

    def names(self, app: str) -> list[str]:
        return [o["metadata"]["name"] for o in self.view.selected(by_app(app))]

    async def until(self, app: str, names: list[str]) -> None:
        while self.names(app) != names:
            self.bell.clear()
            await self.bell.wait()


def by_app(app: str) -> Selection:
    return Selection("v1", "Pod", "default", f"app={app}")


APPS = frozenset(by_app(f"app-{n}") for n in range(NARROW + 1))


async def test_an_object_that_leaves_its_selection_leaves_the_view() -> None:
    followed = Followed()
    followed.pod("x", "app-0")
    followed.streams.follow(APPS)
    await followed.until("app-0", ["x"])
    followed.cluster.edit(
        Ref("v1", "Pod", "x", "default"),
        lambda pod: pod["metadata"]["labels"].update(app="app-1"),
    )
    await followed.until("app-1", ["x"])
    assert followed.names("app-0") == []
    followed.cluster.edit(
        Ref("v1", "Pod", "x", "default"),
        lambda pod: pod["metadata"]["labels"].update(app="nobody's"),
    )
    await followed.until("app-1", [])
    await followed.streams.close()


async def test_selections_that_come_later_share_one_list() -> None:
    followed = Followed()
    followed.streams.follow(APPS)
    await followed.clock.sleep(1)
    for number in range(50):
        followed.pod(f"late-{number}", f"late-{number}")
    followed.cluster.requests.clear()
    late = {by_app(f"late-{number}") for number in range(50)}
    for count in range(1, 51):
        followed.streams.follow(APPS | set(list(late)[:count]))
    await followed.clock.sleep(5)
    assert late <= followed.view.synced
    assert all(len(followed.view.selected(one)) == 1 for one in late)
    assert [r.verb for r in followed.cluster.requests] == ["list"]
    await followed.streams.close()


async def test_what_is_followed_no_more_is_dropped() -> None:
    followed = Followed()
    followed.pod("x", "app-0")
    followed.streams.follow(APPS)
    await followed.until("app-0", ["x"])
    followed.streams.follow({by_app("app-1")})
    assert followed.names("app-0") == []
    assert followed.view.synced == {by_app("app-1")}
    await followed.streams.close()


async def test_being_forbidden_is_told_of_each() -> None:
    followed = Followed()
    followed.cluster.fail("list", Forbidden("no"), times=1)
    followed.streams.follow(APPS)
    while set(followed.view.forbidden) != APPS:
        followed.bell.clear()
        await followed.bell.wait()
    await followed.streams.close()
