"""Decide whose something in the cluster is, from what is live and what a record holds of it.

Every path that changes, takes over or deletes an object or a release asks `judge` first. A name
proves nothing: proof is our mark on the live object together with the uid that the record holds, or
the release of ours that made it. Whoever may write a record's ConfigMap can therefore not make us
touch what does not carry our mark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from skill_runner.backends.base import Release
from skill_runner.objects import MANAGED_BY, OURS, Object, Ref, delivery_tool
from skill_runner.plan import Installation
from skill_runner.plan.placement import INSTANCE, KEPT, MARK

INSTALLATION_LABEL: Final = "skill-runner.dev/installation"  # of a release: the name alone
NAMESPACE_LABEL: Final = "skill-runner.dev/installation-namespace"  # a label takes no slash
HELM_NAME: Final = "meta.helm.sh/release-name"
HELM_SPACE: Final = "meta.helm.sh/release-namespace"

State = Literal["absent", "ours", "recreated", "stranger"]


@dataclass(frozen=True, slots=True)
class Held:
    """The proof that a record holds of one thing.

    `uid` is that of the object when it was made or seen last; empty in records of older versions,
    where `listed` (the record names it) and our mark have to do. `releases` are the (name,
    namespace) of releases that were judged ours and may have made the object. `through` says that
    it was reached from an object that was judged ours: a claim of its StatefulSet, what it owns.
    """

    uid: str = ""
    listed: bool = False
    releases: frozenset[tuple[str, str]] = frozenset()
    through: bool = False


NOTHING: Final = Held()


@dataclass(frozen=True, slots=True)
class Ownership:
    """Whose something is. `owner` says it in words where it is not ours.

    `uid` is that of the live object: every write and deletion that follows is bound to it.
    `recreated`: the record knows the name, and what has it now is another one. `installed`: it is a
    release of another installation of ours.
    """

    state: State
    owner: str = ""
    uid: str = ""
    installed: bool = False

    @property
    def is_ours(self) -> bool:
        return self.state == "ours"

    @property
    def is_free(self) -> bool:
        """Tell whether we may write there: it is ours, or nothing is there."""
        return self.state in ("ours", "absent")


def judge(
    live: Object | Release | None, installation: Installation, held: Held = NOTHING
) -> Ownership:
    """Whose it is; `live` is None when nothing is there. The only place that decides this."""
    if live is None:
        return Ownership("absent")
    if isinstance(live, Release):
        return _judge_release(live, installation, held)
    uid = str(live["metadata"].get("uid", ""))
    if held.uid and held.uid != uid:
        return Ownership("recreated", owner_of(live), uid)
    if _carries_proof(live, installation, held):
        return Ownership("ours", uid=uid)
    return Ownership("stranger", owner_of(live), uid)


def _judge_release(live: Release, installation: Installation, held: Held) -> Ownership:
    """By the labels of its storage: Helm carries them from revision to revision, and a release
    that somebody else installs under the same name has none."""
    name, space = live.labels.get(INSTALLATION_LABEL), live.labels.get(NAMESPACE_LABEL)
    here = live.namespace == installation.namespace or held.listed
    if name == installation.name and (space == installation.namespace or (space is None and here)):
        return Ownership("ours", uid=live.uid)
    state: State = "recreated" if held.listed else "stranger"
    return Ownership(state, owner_of(live), live.uid, installed=bool(name))


def _carries_proof(live: Object, installation: Installation, held: Held) -> bool:
    meta = live["metadata"]
    labels, notes = meta.get("labels") or {}, meta.get("annotations") or {}
    marks = {notes[mark] for mark in (MARK, KEPT) if mark in notes}
    if marks - {str(installation)}:
        return False
    if held.through or (notes.get(HELM_NAME, ""), notes.get(HELM_SPACE, "")) in held.releases:
        return True
    if KEPT in notes or (MARK in notes and live.get("kind") == "CustomResourceDefinition"):
        return True
    if labels.get(MANAGED_BY) != OURS[MANAGED_BY]:  # another tool may have taken it
        return False
    if MARK in notes:
        return True
    if live.get("kind") == "Namespace" and INSTANCE not in labels:  # one that a run made
        return bool(held.uid) or held.listed
    # Made by a version that left no mark: by its labels, which do not name the namespace.
    here = meta.get("namespace") == installation.namespace
    return labels.get(INSTANCE) == installation.name and (here or held.listed)


def owner_of(live: Object | Release) -> str:
    """Name who seems to own it: for a message, never for a decision."""
    if isinstance(live, Release):
        return _release_owner(live)
    meta = live["metadata"]
    labels, notes = meta.get("labels") or {}, meta.get("annotations") or {}
    for says in (_our_installation, _helm_release, delivery_tool):
        if owner := says(labels, notes):
            return owner
    for reference in meta.get("ownerReferences") or ():
        return f"{reference.get('kind')} {reference.get('name')}, which made it"
    if manager := labels.get(MANAGED_BY):
        return f"{manager} (label {MANAGED_BY})"
    if manager := _first_manager(meta):
        return f"someone else (first written by {manager})"
    return "someone else (nothing on it says who)"


def _our_installation(labels: Mapping[str, str], notes: Mapping[str, str]) -> str:
    if KEPT in notes:
        return f"installation {notes[KEPT]}, which kept it"
    if MARK in notes and labels.get(MANAGED_BY, OURS[MANAGED_BY]) == OURS[MANAGED_BY]:
        return f"installation {notes[MARK]}"
    if labels.get(MANAGED_BY) == OURS[MANAGED_BY]:
        return f"installation {labels.get(INSTANCE, 'of another name')}"
    return ""


def _helm_release(_: Mapping[str, str], notes: Mapping[str, str]) -> str:
    if HELM_NAME not in notes:
        return ""
    return f"Helm release {notes.get(HELM_SPACE, '?')}/{notes[HELM_NAME]}"


def _first_manager(meta: Object) -> str:
    entries = sorted(meta.get("managedFields") or (), key=lambda each: str(each.get("time", "")))
    return str(entries[0].get("manager", "")) if entries else ""


def _release_owner(live: Release) -> str:
    if name := live.labels.get(INSTALLATION_LABEL):
        return f"installation {live.labels.get(NAMESPACE_LABEL, live.namespace)}/{name}"
    chart = f"chart {live.chart} {live.chart_version}"
    since = f"{live.status} {live.updated[:10]}".rstrip()
    return f"Helm release {live.namespace}/{live.name} ({chart}, {since})"


def explain(what: Ref | Release, found: Ownership) -> str:
    """One sentence for whoever is refused: the object, and whose it is."""
    name = f"release {what.namespace}/{what.name}" if isinstance(what, Release) else str(what)
    if found.state == "recreated":
        return (
            f"{name} is not the one that this installation created: that was deleted, and another "
            f"of the same name belongs to {found.owner}"
        )
    return f"{name} exists and belongs to {found.owner}"
