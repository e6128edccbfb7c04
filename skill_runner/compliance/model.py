"""The values of an audit: what a rule looks at, what it finds, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

from skill_runner.objects import Object, Ref, at

Status = Literal["fail", "unknown", "pass", "not applicable"]
Severity = Literal["error", "warning"]
Kind = tuple[str, str]  # apiVersion and kind
Parameters = Mapping[str, Any]

ORDER: Final[tuple[Status, ...]] = ("fail", "unknown", "pass", "not applicable")
RELEASE: Final = "meta.helm.sh/release-name"
RELEASE_SPACE: Final = "meta.helm.sh/release-namespace"
MARK: Final = "skill-runner.dev/installation"


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of evidence: the object, the field, its value, and who wrote it when.

    `certain` is false where the API cannot tell whether the rule is broken; `minor` findings warn,
    whatever the severity of the rule.
    """

    resource: str
    field: str
    value: str
    message: str
    who: str = ""
    when: str = ""
    certain: bool = True
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """The last run of a proof: its status, and when, in seconds since the epoch."""

    status: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """One installation by its record, as far as rules ask."""

    namespace: str
    name: str
    skill: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    releases: frozenset[tuple[str, str]] = frozenset()  # (namespace, name)
    proofs: Mapping[str, Proof] = field(default_factory=dict)
    delivered_by: str = ""
    here: bool = True  # in a namespace that is looked at

    def as_object(self) -> Object:
        """As an object, so that rules about installations are rules like all others."""
        meta = {"namespace": self.namespace, "name": self.name}
        return {"apiVersion": INSTALLATION[0], "kind": INSTALLATION[1], "metadata": meta}


INSTALLATION: Final[Kind] = ("skill-runner.dev/v1", "Installation")  # from records
ELSEWHERE: Final[Kind] = ("skill-runner.dev/v1", "Installation elsewhere")
ACT: Final[Kind] = ("audit.k8s.io/v1", "Event")  # from the audit log of the API server


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Decide which workloads are the platform's own services: by namespace, and by the skill that
    made them. What another skill made there (a broker, a database) is none."""

    namespaces: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """Everything that rules may look at.

    `closed` says of kinds why they could not be listed, in full or in part. `planned` is true for
    objects that a plan would make: nothing of them runs yet.
    """

    objects: Mapping[Kind, tuple[Object, ...]]
    closed: Mapping[Kind, str] = field(default_factory=dict)
    installed: tuple[Installed, ...] = ()
    services: Services = field(default_factory=Services)
    now: float = 0.0
    planned: bool = False

    def of(self, *kinds: Kind) -> Iterator[Object]:
        """The objects of these kinds, kind by kind."""
        for kind in kinds:
            yield from self.objects.get(kind, ())

    def maker(self, obj: Object) -> Installed | None:
        """The installation that made an object, by its Helm release or by our mark."""
        notes = at(obj, "metadata.annotations", {})
        if mark := notes.get(MARK):
            space, _, name = str(mark).partition("/")
            return self.installation(space, name)
        release = (str(notes.get(RELEASE_SPACE)), str(notes.get(RELEASE)))
        return next((each for each in self.installed if release in each.releases), None)

    def installation(self, namespace: str, name: str) -> Installed | None:
        named = (namespace, name)
        return next((i for i in self.installed if (i.namespace, i.name) == named), None)

    def is_service(self, obj: Object) -> bool:
        """Tell whether a workload, or what belongs to one, is of the platform's own services."""
        maker = self.maker(obj)
        if maker is not None:
            return maker.skill in self.services.skills
        space = str(at(obj, "metadata.namespace", ""))
        return self.has_services(space) and not at(obj, "metadata.ownerReferences")

    def has_services(self, namespace: str) -> bool:
        """Tell whether a namespace is one of services, by its name or by what stands in it."""
        named = any(fnmatchcase(namespace, each) for each in self.services.namespaces)
        return named or any(
            each.namespace == namespace and each.skill in self.services.skills
            for each in self.installed
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: `look` yields what breaks it in one of its `subjects`.

    `reads` are the kinds without which it cannot pass; where one of `needs` could not be listed, it
    cannot fail either, for what it misses may be there. Of those in `hints` it takes what it may
    see. `parameters` are JSON Schemas of what a rule set may set, each with its default.
    `on_plans` rules can be answered for manifests, before anything runs.
    """

    name: str
    asks: str
    why: str
    remedy: str
    reads: tuple[Kind, ...]
    subjects: Callable[[Scene, Parameters], Iterable[Object]]
    look: Callable[[Object, Scene, Parameters], Iterable[Finding]]
    needs: tuple[Kind, ...] = ()
    hints: tuple[Kind, ...] = ()
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    on_plans: bool = True

    def with_defaults(self, given: Parameters) -> Parameters:
        """Every parameter of the rule, as given or by default."""
        return {name: given.get(name, each["default"]) for name, each in self.parameters.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Excused:
    """A finding that an exception covers, and its reason."""

    resource: str
    message: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one rule of a set; `looked` counts the objects that it is about."""

    rule: str
    title: str
    section: str
    severity: Severity
    status: Status
    looked: int
    evidence: tuple[Finding, ...] = ()
    excused: tuple[Excused, ...] = ()
    why: str = ""
    remedy: str = ""

    @property
    def counts(self) -> Severity | None:
        """How much the answer weighs: an error, a warning, or nothing."""
        if self.status != "fail":
            return None
        minor = all(each.minor for each in self.evidence if each.certain)
        return "warning" if minor else self.severity


def kind_of(obj: Object) -> Kind:
    return str(obj.get("apiVersion", "")), str(obj.get("kind", ""))


def resource_of(obj: Object) -> str:
    """The name of an object in findings: `Kind namespace/name`; a pod by what controls it."""
    if obj.get("kind") == "Pod" and (owner := _controller(obj)):
        return owner
    return str(Ref.of(obj))


def _controller(pod: Object) -> str:
    meta = pod["metadata"]
    owners = meta.get("ownerReferences") or ()
    owner = next((each for each in owners if each.get("controller")), None)
    if owner is None:
        return ""
    kind, name = str(owner.get("kind")), str(owner.get("name"))
    digest = (meta.get("labels") or {}).get("pod-template-hash")
    if kind == "ReplicaSet" and digest and name.endswith(f"-{digest}"):
        kind, name = "Deployment", name.removesuffix(f"-{digest}")
    return f"{kind} {meta.get('namespace')}/{name}"
