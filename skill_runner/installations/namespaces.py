"""Namespaces that a run makes for what it applies, and that the last removal takes away again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from skill_runner.backends.base import Cluster, ResourceType
from skill_runner.backends.world import World
from skill_runner.errors import ApiError, Conflict, Forbidden, NotFound, PreflightFailed
from skill_runner.installations.deletion import LOOK_EVERY, Leaving
from skill_runner.installations.owned import look
from skill_runner.installations.record import Record
from skill_runner.objects import OURS, Ref, at
from skill_runner.outcome import Problem
from skill_runner.readiness.status.table import group_of
from skill_runner.skill.suggest import did_you_mean

# Marks a namespace that a run made.
LEASE: Final = ("coordination.k8s.io/v1", "Lease")
UNHEARD: Final = 15.0  # seconds that a Lease without a duration of its own is watched for
FOLLOW: Final = 30.0  # seconds in which pods of a workload that is gone, and the like, may end
_NAMESPACE: Final = {"apiVersion": "v1", "kind": "Namespace"}
_REPORTS: Final = frozenset({"metrics.k8s.io"})  # about objects that are counted already
# What follows other objects by itself, or tells of them: nobody would miss it.
_FOLLOWERS: Final = frozenset(
    {
        ("v1", "Pod"),
        ("v1", "Endpoints"),
        ("discovery.k8s.io/v1", "EndpointSlice"),
        ("apps/v1", "ReplicaSet"),
        ("apps/v1", "ControllerRevision"),
    }
)
_EVENTS: Final = frozenset({("v1", "Event"), ("events.k8s.io/v1", "Event")})
# What control planes put into every namespace.
_EVERYWHERE: Final = frozenset(
    {
        ("ConfigMap", "kube-root-ca.crt"),
        ("ServiceAccount", "default"),
        ("ConfigMap", "istio-ca-root-cert"),
        ("ConfigMap", "openshift-service-ca.crt"),
    }
)


def namespace_ref(name: str) -> Ref:
    """The reference of a namespace."""
    return Ref("v1", "Namespace", name)


@dataclass(frozen=True, slots=True)
class Space:
    """A namespace that is there. `created` by this call; `uids` has it where a run of any
    installation made it: whoever uses such a one remembers that, and the last removal deletes it.
    """

    created: bool = False
    uids: Mapping[Ref, str] = field(default_factory=dict)


async def ensure_namespace(cluster: Cluster, name: str) -> Space:
    """Make the namespace if it is missing.

    It is created, never applied: one that somebody makes at the same moment stays theirs.
    """
    ref = namespace_ref(name)
    created = False
    try:
        found = await cluster.get(ref)
    except NotFound:
        meta = {"name": name, "labels": dict(OURS)}
        try:
            found = await cluster.create(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
            )
            created = True
        except Conflict:  # somebody was faster
            found = await cluster.get(ref)
    except Forbidden:  # whoever owns one namespace alone may not look at it
        return Space()
    made = OURS.items() <= (found["metadata"].get("labels") or {}).items()
    return Space(created, {ref: str(found["metadata"]["uid"])} if made else {})


async def check_named(cluster: Cluster, names: Iterable[str]) -> None:
    """PreflightFailed when a namespace is missing: a typo must not receive credentials."""
    for name in sorted(names):
        try:
            await cluster.get(namespace_ref(name))
        except Forbidden:  # whoever owns one namespace alone may not look at it
            continue
        except NotFound:
            near = did_you_mean(name, await _all_names(cluster), known="there are")
            cause = f"namespace {name} does not exist{near}"
            fix = "Name one that exists, or let this run make it: --create-namespaces."
            problem = Problem(
                code="CHECK_FAILED", resource=f"Namespace {name}", cause=cause, fix=fix
            )
            raise PreflightFailed(cause, hint=fix, problem=problem) from None


async def _all_names(cluster: Cluster) -> list[str]:
    try:
        found = await cluster.list("v1", "Namespace", bare=True)
    except Forbidden:
        return []
    return [str(each["metadata"]["name"]) for each in found.items]


def ignore(expected: bool) -> None:
    """Tell nobody that a namespace goes: no lock is in it."""


async def take_away(
    world: World,
    target: Record,
    spaces: Iterable[str],
    *,
    besides: Collection[Ref] = (),
    expect_gone: Callable[[bool], None] = ignore,
) -> list[Leaving]:
    """Delete those namespaces of an installation that a run made and that hold nothing; those that
    are going now. `besides` does not count: it goes with its namespace. `expect_gone` is called
    around each deletion; see lock.Guard."""
    going = []
    for name in spaces:
        ref = namespace_ref(name)
        try:
            found = await look(world.cluster, ref, target.installation, target.held(ref))
        except Forbidden:  # it is not ours to see
            continue
        if found.whose.is_ours and not await _in_use(world, name, besides):
            expect_gone(True)
            try:
                await world.cluster.delete(ref, uid=found.whose.uid)
            except BaseException:
                expect_gone(False)
                raise
            going.append(Leaving(ref, found.whose.uid))
    return going


async def _in_use(world: World, namespace: str, besides: Collection[Ref]) -> bool:
    """Tell whether the namespace holds anything that is not there by itself, nor in `besides`.

    Every kind that may be listed is looked at. Leases are watched, since controllers that are gone
    leave theirs. What follows others is looked at last, and waited for: the pods of a workload that
    is gone go after it.
    """
    kinds = [t for t in await world.cluster.resource_types(fresh=True) if _is_telling(t)]
    for kind in kinds:
        if _follows(kind) or (kind.api_version, kind.kind) == LEASE:
            continue
        if await _inside(world, kind, namespace) - _named(besides, kind.kind, namespace):
            return True
    if await _is_renewed(world, namespace, _named(besides, LEASE[1], namespace)):
        return True
    clock = world.clock
    deadline = clock.monotonic() + FOLLOW
    followers = [kind for kind in kinds if _follows(kind)]
    while any([await _inside(world, kind, namespace) for kind in followers]):
        if clock.monotonic() > deadline:
            return True
        await clock.sleep(LOOK_EVERY)
    return False


def _named(refs: Collection[Ref], kind: str, namespace: str) -> set[str]:
    return {ref.name for ref in refs if (ref.kind, ref.namespace) == (kind, namespace)}


async def _is_renewed(world: World, namespace: str, ours: Collection[str]) -> bool:
    """Tell whether somebody holds a Lease of the namespace: it changes within its duration.

    By our own clock, as with the lock of a run: nobody's wall clock is compared with another's.
    """
    seen: dict[str, str] = {}
    longest, begun = 0.0, world.clock.monotonic()
    while True:
        try:
            found = (await world.cluster.list(*LEASE, namespace=namespace)).items
        except NotFound:
            return False
        except (Forbidden, ApiError):  # of what we may not see, there may be some
            return True
        held = {
            str(each["metadata"]["name"]): each
            for each in found
            if at(each, "spec.holderIdentity", "") and each["metadata"]["name"] not in ours
        }
        versions = {name: str(at(each, "metadata.resourceVersion")) for name, each in held.items()}
        if seen and any(seen.get(name) != version for name, version in versions.items()):
            return True
        lasting = [float(at(e, "spec.leaseDurationSeconds", UNHEARD)) for e in held.values()]
        longest = max([longest, *lasting])
        if not held or world.clock.monotonic() - begun > longest:
            return False
        seen = versions
        await world.clock.sleep(LOOK_EVERY)


def _is_telling(kind: ResourceType) -> bool:
    return (
        kind.namespaced
        and "list" in kind.verbs
        and group_of(kind.api_version) not in _REPORTS
        and (kind.api_version, kind.kind) not in _EVENTS
    )


def _follows(kind: ResourceType) -> bool:
    return (kind.api_version, kind.kind) in _FOLLOWERS


async def _inside(world: World, kind: ResourceType, namespace: str) -> set[str]:
    """The names of one kind's objects; of a kind that we may not list, an unknown one."""
    try:
        found = await world.cluster.list(
            kind.api_version, kind.kind, namespace=namespace, most=5, bare=True
        )
    except NotFound:
        return set()  # its definition went a moment ago
    except (Forbidden, ApiError):
        return {"?"}
    names = {str(o["metadata"]["name"]) for o in found.items}
    return {name for name in names if (kind.kind, name) not in _EVERYWHERE}
