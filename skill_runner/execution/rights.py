"""A plan and its manifests → every right that the commands on its installation use.

One table for all: preflight asks for these before the first change, and `skill describe --rbac`
prints them as Roles. The words are RBAC's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from skill_runner.backends.base import ResourceType, Right
from skill_runner.installations.store import record_refs
from skill_runner.objects import Object, Ref, at, is_cluster_scoped, plural_of
from skill_runner.plan import Installation, Plan
from skill_runner.readiness.status.table import is_custom
from skill_runner.readiness.wait import Expected
from skill_runner.readiness.wait.cache import View
from skill_runner.readiness.wait.scope import child_selections

Command = Literal["run", "verify", "why", "remove"]
COMMANDS: Final[tuple[Command, ...]] = ("run", "verify", "why", "remove")
Kinds = Mapping[tuple[str, str], ResourceType]

RBAC: Final = "rbac.authorization.k8s.io"
READ: Final = ("get", "list", "watch")
WRITE: Final = ("create", "patch", "delete")  # server-side apply creates, too

# In the installation's namespace. Records are ConfigMaps with a Secret for secret inputs; Helm
# keeps its releases in Secrets, which it creates and updates; the lock is a Lease.
_OWN_READ: Final = (("", "configmaps", ("get", "list")), ("", "secrets", ("get", "list")))
_OWN_WRITE: Final = (
    ("", "configmaps", WRITE),
    ("", "secrets", (*WRITE, "update")),
    ("coordination.k8s.io", "leases", ("create", "get", "update", "delete", "watch")),
    ("", "persistentvolumeclaims", ("update", "delete")),
)
# Wherever it has objects: what a wait and a diagnosis look at below and around them, and the data
# volumes, for which a removal looks before it deletes anything.
_DIAGNOSIS: Final = (
    ("", "pods", READ),
    ("", "pods/log", ("get",)),
    ("", "events", READ),
    ("", "persistentvolumeclaims", ("get", "list")),
)
# What Context gives to hooks, in the installation's namespace alone: pods of their own, commands in
# containers, ports.
_HOOKS: Final = (
    ("", "pods", ("create", "delete")),
    ("", "pods/exec", ("get", "create")),
    ("", "pods/portforward", ("get", "create")),
)
# What a killed run leaves of its proofs, and a removal deletes.
_LEFT: Final = (("", "pods"), ("batch", "jobs"))
# What operators make for a custom resource: a removal that keeps data deletes it by name.
_OPERATED: Final = tuple(
    (group, resource, ("list", "get", "delete"))
    for group, resource in (
        ("", "configmaps"),
        ("", "endpoints"),
        ("", "pods"),
        ("", "secrets"),
        ("", "services"),
        ("", "serviceaccounts"),
        ("apps", "controllerrevisions"),
        ("apps", "deployments"),
        ("apps", "replicasets"),
        ("apps", "statefulsets"),
        ("batch", "jobs"),
        ("discovery.k8s.io", "endpointslices"),
        ("networking.k8s.io", "networkpolicies"),
        ("policy", "poddisruptionbudgets"),
        (RBAC, "roles"),
        (RBAC, "rolebindings"),
    )
)
# Without these everything works; with them answers are better: capacity, storage classes, records
# of other namespaces, whether a namespace exists.
_BETTER: Final = (
    ("", "nodes", ("list",)),
    ("storage.k8s.io", "storageclasses", ("list",)),
    ("", "pods", ("list",)),
    ("", "configmaps", ("list",)),
    ("", "namespaces", ("get",)),
    ("apiextensions.k8s.io", "customresourcedefinitions", ("get", "list")),
)


@dataclass(frozen=True, slots=True)
class Rights:
    """The rights that each command needs, and the namespaces that must exist.

    `granted` is what the Roles that a run makes grant: who makes them must have it, too, or may
    escalate.
    """

    of: Mapping[Command, frozenset[Right]]
    granted: frozenset[Right]
    namespaces: tuple[str, ...]


def better() -> frozenset[Right]:
    """Cluster-wide reads that no command depends on."""
    return frozenset(_spread(_BETTER, None))


def using(installation: Installation) -> Right:
    """The right to use an installation as it is: its record is read, without its secret inputs."""
    ref, _ = record_refs(installation)
    return Right("get", "", plural_of(ref.kind), ref.namespace, ref.name)


def rights_of(plan: Plan, manifests: Sequence[Object], kinds: Kinds | None = None) -> Rights:
    """Every right for a plan that makes these manifests.

    `kinds` are those that the cluster serves; without them scopes and plurals are the usual ones.
    """
    own = plan.installation.namespace
    defined = _defined(manifests)
    known = {**(kinds or {}), **defined}
    made = sorted({_resource(m, known, own) for m in manifests}, key=str)
    spaces = {own, *(space for _, _, space in made if space)}
    read = {
        *_spread(_OWN_READ, own),
        *_of_made(made, READ),
        *_children(manifests, known, own),
        *(right for space in spaces for right in _spread(_DIAGNOSIS, space)),
    }
    called = plan.proofs or plan.checks or any(hasattr(step, "hook") for step in plan.steps)
    hooks = {*(_spread(_HOOKS, own) if called else ()), *_declared(plan)}
    left = {
        each
        for each in hooks
        if each.namespace and each.verb == "delete" and (each.group, each.resource) in _LEFT
    }
    change = {*_spread(_OWN_WRITE, own), *_of_made(made, WRITE)}
    change.update(_of_made(map(_everywhere, defined.values()), ("list",)))  # is one used still?
    if any(is_custom(m["apiVersion"]) for m in manifests):
        change.update(_spread(_OPERATED, own))
    granted = frozenset(granted_by(manifests, own))
    observes = any(proof.kind == "observe" for proof in plan.proofs)
    why = frozenset({*read, *(_declared(plan, observing=True) if observes else ())})
    verify = frozenset({*read, *hooks})
    remove = frozenset({*read, *change, *left, *_declared(plan, removing=True)})
    run = frozenset({*verify, *remove, *_of_made(_secrets(made), ("update",))})
    spaces |= {each.namespace for each in hooks if each.namespace}
    return Rights(
        {"run": run, "verify": verify, "why": why, "remove": remove},
        granted,
        tuple(sorted(spaces)),
    )


def _declared(plan: Plan, *, observing: bool = False, removing: bool = False) -> Iterator[Right]:
    """The rights that the skill declares for its hooks; with `observing` those of observers, with
    `removing` those to take away what hooks made."""
    for each in plan.rights:
        if each.remove != removing:
            continue
        verbs = [v for v in each.verbs if v in READ or each.observe or not observing]
        for space in (None,) if each.everywhere else each.namespaces:
            yield from _spread([(each.group, name, verbs) for name in each.resources], space)


def _spread(
    table: Iterable[tuple[str, str, Sequence[str]]], namespace: str | None
) -> Iterator[Right]:
    for group, resource, verbs in table:
        for verb in verbs:
            yield Right(verb, group, resource, namespace)


def _secrets(made: Iterable[tuple[str, str, str | None]]) -> Iterator[tuple[str, str, str | None]]:
    """The places of Secrets: hooks fill those that an apply step made empty."""
    yield from (each for each in made if each[:2] == ("", "secrets"))


def _of_made(made: Iterable[tuple[str, str, str | None]], verbs: Sequence[str]) -> Iterator[Right]:
    for group, resource, namespace in made:
        yield from _spread([(group, resource, verbs)], namespace)


def _resource(manifest: Object, kinds: Kinds, own: str) -> tuple[str, str, str | None]:
    """The group, the resource and the namespace of a manifest."""
    api_version, kind = manifest["apiVersion"], manifest["kind"]
    served = kinds.get((api_version, kind))
    plural = served.plural if served else plural_of(kind)
    namespaced = served.namespaced if served else not is_cluster_scoped(kind)
    space = at(manifest, "metadata.namespace") or own
    return api_version.rpartition("/")[0], plural, str(space) if namespaced else None


def _children(manifests: Iterable[Object], kinds: Kinds, own: str) -> Iterator[Right]:
    """The kinds that a wait follows below the objects: the same selections, without a cluster."""
    expected = []
    for manifest in manifests:
        meta = {"namespace": own, **manifest["metadata"]}
        expected.append(Expected(ref=Ref.of({**manifest, "metadata": meta}), manifest=manifest))
    for one in child_selections(expected, View()):
        served = kinds.get((one.api_version, one.kind))
        plural = served.plural if served else plural_of(one.kind)
        group = one.api_version.rpartition("/")[0]
        yield from _spread([(group, plural, READ)], one.namespace)


def _defined(manifests: Iterable[Object]) -> dict[tuple[str, str], ResourceType]:
    """The kinds that the manifests themselves bring."""
    found = {}
    for manifest in manifests:
        if manifest["kind"] != "CustomResourceDefinition":
            continue
        names, namespaced = at(manifest, "spec.names", {}), at(manifest, "spec.scope") != "Cluster"
        for version in at(manifest, "spec.versions", []):
            api_version = f"{at(manifest, 'spec.group')}/{version.get('name')}"
            kind, plural = str(names.get("kind")), str(names.get("plural"))
            found[api_version, kind] = ResourceType(api_version, kind, plural, namespaced)
    return found


def _everywhere(kind: ResourceType) -> tuple[str, str, None]:
    """The group and the resource of a kind, in all namespaces."""
    return kind.api_version.rpartition("/")[0], kind.plural, None


def granted_by(manifests: Collection[Object], own: str) -> Iterator[Right]:
    """The rights that the manifests' own Roles grant: the API server lets nobody grant what he has
    not, nor bind a role of others without the verb for it."""
    made = {(m["kind"], m["metadata"]["name"]) for m in manifests if m["kind"].endswith("Role")}
    for manifest in manifests:
        kind = manifest["kind"]
        space = at(manifest, "metadata.namespace") or own
        if kind in ("Role", "ClusterRole"):
            for rule in manifest.get("rules") or ():
                yield from _of_rule(rule, space if kind == "Role" else None)
        elif kind in ("RoleBinding", "ClusterRoleBinding"):
            role = at(manifest, "roleRef", {})
            if (role.get("kind"), role.get("name")) not in made:
                plural = plural_of(str(role.get("kind")))
                where = space if kind == "RoleBinding" else None
                yield Right("bind", RBAC, plural, where, role["name"])


def _of_rule(rule: Mapping[str, Sequence[str]], namespace: str | None) -> Iterator[Right]:
    for verb in rule.get("verbs") or ():
        for url in rule.get("nonResourceURLs") or ():
            yield Right(verb, "", "", url=url)
        for group in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                for name in rule.get("resourceNames") or ("",):
                    yield Right(verb, group, resource, namespace, name)
