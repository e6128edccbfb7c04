"""An installation's record in the cluster: one ConfigMap, from which every later command starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from skill_runner.installations.ownership import Held
from skill_runner.objects import Ref
from skill_runner.plan import ImageChoice, Installation, Plan

SCHEMA: Final = 2  # 1: without uids and without what was good before a change


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """A Helm release of the installation, and the digest of what it was made from.

    `revision` is the last one with which a whole run ended ready and proven; 0 for none. `uid` is
    that of the Secret that keeps this revision, empty in records of older versions.
    """

    name: str
    namespace: str
    digest: str
    revision: int = 0
    uid: str = ""


@dataclass(frozen=True, slots=True)
class ProofRecord:
    """The last time that a proof ran: `at` in seconds since the epoch, `seconds` it took."""

    status: str
    at: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Good:
    """The installation as it was when a run last ended ready, while another run changes it."""

    version: str
    inputs: Mapping[str, Any]
    images: Mapping[str, ImageChoice]
    requires: Mapping[str, str]
    outputs: Mapping[str, Any]
    plan_digest: str
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The record of one installation: everything that stands in the cluster under its name.

    The values of `secret_inputs`, and the key of this installation's digests, are kept in a Secret
    beside the record; `read` and `find` bring them, `find_all` does not.
    `complete` is false from before the first change of a run until after its last proof.
    `requires` names, by alias, the installations (namespace/name) whose outputs this one uses.
    `asked` is false while it is there only because another installation requires it.
    `source` is the folder that the skill came from; a hint for people, for anyone could write it.
    `uids` are of what was made and may be deleted again: applied objects, definitions, namespaces
    that a run made, data volumes. `leaving` is what a removal deletes once its owner is gone, by
    uid; it carries our mark by then. `proven` says that a run has ended ready once. `good` is what
    stood then, from the first change of a later run until that ends, well or not. `delivered_by` is
    what keeps it as a repository says, in words; empty where runs make it.
    """

    installation: Installation
    skill: str
    version: str
    inputs: Mapping[str, Any]
    secret_inputs: tuple[str, ...] = ()
    key: str = field(default="", repr=False)
    source: str = ""
    images: Mapping[str, ImageChoice] = field(default_factory=dict)
    releases: tuple[ReleaseRecord, ...] = ()
    objects: tuple[Ref, ...] = ()
    uids: Mapping[Ref, str] = field(default_factory=dict)
    leaving: Mapping[Ref, str] = field(default_factory=dict)
    requires: Mapping[str, str] = field(default_factory=dict)
    asked: bool = True
    created_namespace: bool = False
    proofs: Mapping[str, ProofRecord] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    plan_digest: str = ""
    complete: bool = False
    proven: bool = False
    good: Good | None = None
    created: float = 0.0
    updated: float = 0.0
    delivered_by: str = ""

    def held(self, ref: Ref) -> Held:
        """The proof that this record holds of an object; `ownership.judge` takes it."""
        made = self.created_namespace and ref == Ref("v1", "Namespace", self.installation.namespace)
        listed = ref in self.objects or ref in self.uids or made
        return Held(uid=self.uids.get(ref, ""), listed=listed)

    def held_release(self, name: str, namespace: str) -> Held:
        """The proof that this record holds of a release."""
        return Held(listed=any((r.name, r.namespace) == (name, namespace) for r in self.releases))

    def remembering(self, found: Mapping[Ref, str]) -> Record:
        """With the uids of what is there now; an empty uid forgets that of one that is gone."""
        known = {**self.uids, **found}
        return replace(self, uids={ref: uid for ref, uid in known.items() if uid})


def intend(
    old: Record | None,
    plan: Plan,
    *,
    now: float,
    created_namespace: bool = False,
    asked: bool = True,
) -> Record:
    """The record of what a run intends; what the old one knows of the cluster is carried over.

    `asked` says that the caller named this installation; it stays so, once said.
    """
    new = Record(
        installation=plan.installation,
        skill=plan.skill.name,
        version=plan.skill.version,
        inputs=dict(plan.inputs),
        secret_inputs=tuple(i.name for i in plan.skill.inputs.values() if i.secret),
        key=plan.key,
        source=str(plan.skill.folder.absolute()),
        images=dict(plan.images),
        outputs=dict(plan.outputs),
        plan_digest=plan.digest,
        requires=dict(plan.edges),
        asked=asked,
        created_namespace=created_namespace,
        created=now,
        updated=now,
    )
    return new if old is None else _continued(new, old)


def _continued(new: Record, old: Record) -> Record:
    """`new` with what the old record knows of the cluster."""
    return replace(
        new,
        releases=old.releases,
        objects=old.objects,
        uids=old.uids,
        leaving=old.leaving,
        proven=old.proven,
        good=old.good or (good_of(old) if old.proven else None),
        asked=old.asked or new.asked,
        proofs=old.proofs,
        created_namespace=old.created_namespace or new.created_namespace,
        created=old.created,
    )


def good_of(record: Record) -> Good:
    """Return what a later run that fails goes back to, in the record."""
    return Good(
        version=record.version,
        inputs=record.inputs,
        images=record.images,
        requires=record.requires,
        outputs=record.outputs,
        plan_digest=record.plan_digest,
        source=record.source,
    )


def given_up(record: Record) -> Record:
    """The record after a run that failed: what was tried does not become the installation's.

    What stands in the cluster is known still, and what was newly required stays required.
    """
    good = record.good
    if good is None:
        return record
    return replace(
        record,
        version=good.version,
        inputs=good.inputs,
        images=good.images,
        requires={**good.requires, **record.requires},
        outputs=good.outputs,
        plan_digest=good.plan_digest,
        source=good.source,
        good=None,
        complete=False,
    )
