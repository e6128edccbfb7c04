"""Rules about how things got here: charts and manifests, a repository, proofs, nobody's hands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from skill_runner.compliance.kinds import APPLICATION, CHANGEABLE, POD, TEMPLATES, WORKLOADS
from skill_runner.compliance.managed import Hand, hands, value_at, writer_of
from skill_runner.compliance.model import (
    ACT,
    INSTALLATION,
    MARK,
    RELEASE,
    RELEASE_SPACE,
    Finding,
    Parameters,
    Rule,
    Scene,
    resource_of,
)
from skill_runner.compliance.rules.tools import found, services, shown
from skill_runner.objects import Object, at, delivery_tool
from skill_runner.policy.pods import mapping

_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_DAY: Final = 86_400.0
_PATTERNS: Final = {"type": "array", "items": {"type": "string", "minLength": 1}}


def _notes(obj: Object) -> Mapping[str, Any]:
    return mapping(at(obj, "metadata.annotations", {}))


def _labels(obj: Object) -> Mapping[str, Any]:
    return mapping(at(obj, "metadata.labels", {}))


def _made(scene: Scene, _: Parameters) -> Iterator[Object]:
    """Workloads and pods that nothing else made."""
    for obj in scene.of(*WORKLOADS, POD):
        if not at(obj, "metadata.ownerReferences"):
            yield obj


def _from_files(obj: Object, scene: Scene, _: Parameters) -> Iterator[Finding]:
    notes, labels = _notes(obj), _labels(obj)
    traces = RELEASE in notes or MARK in notes or _APPLIED in notes or delivery_tool(labels, notes)
    applied = any(hand.operation == "Apply" for hand in hands(obj))
    mirror = "kubernetes.io/config.mirror" in notes  # a static pod, from a file of the node
    if not (traces or applied or mirror):
        message = "nothing on it names the chart or the manifest that it came from"
        yield found(obj, "metadata.annotations", "none of them", message)


def _where_git_is(scene: Scene, given: Parameters) -> Iterator[Object]:
    """The services, where Argo CD delivers anything at all."""
    if scene.objects.get(APPLICATION):
        yield from services(scene, given)


def _by_git(obj: Object, scene: Scene, _: Parameters) -> Iterator[Finding]:
    maker = scene.maker(obj)
    tool = delivery_tool(_labels(obj), _notes(obj)) or (maker.delivered_by if maker else "")
    if not tool:
        message = "Argo CD is here, and no Application delivers it"
        yield found(obj, "metadata.annotations[argocd.argoproj.io/tracking-id]", "none", message)


def _installed(scene: Scene, _: Parameters) -> Iterator[Object]:
    yield from (each.as_object() for each in scene.installed if each.here)


def _proven(obj: Object, scene: Scene, given: Parameters) -> Iterator[Finding]:
    each = scene.installation(obj["metadata"]["namespace"], obj["metadata"]["name"])
    proofs = each.proofs if each else {}
    if not proofs:
        yield found(obj, "proofs", "none", "no proof of it has ever run")
    for name, proof in proofs.items():
        days = (scene.now - proof.at) / _DAY
        if proof.status != "passed":
            yield found(obj, f"proofs.{name}", proof.status, f"the proof {name} {proof.status}")
        elif days > given["days"]:
            message = f"the proof {name} passed {days:.0f} days ago"
            yield found(obj, f"proofs.{name}", f"{days:.0f} days", message)


def _changeable(scene: Scene, _: Parameters) -> Iterator[Object]:
    yield from scene.of(*CHANGEABLE, ACT)
    yield from (pod for pod in scene.of(POD) if not at(pod, "metadata.ownerReferences"))


def _by_hand(obj: Object, scene: Scene, given: Parameters) -> Iterator[Finding]:
    if obj.get("kind") == ACT[1] and obj.get("apiVersion") == ACT[0]:
        yield from _act(obj, given)
        return
    notes = _notes(obj)
    if delivery_tool(_labels(obj), notes) and not hands(obj):
        return  # the tool's own client-side apply leaves kubectl's annotation
    written = hands(obj)
    if not written and _has_fields(obj):
        yield from _stripped(obj, notes)
    for hand in written:
        yield from _hand(obj, hand, scene, given)


def _has_fields(obj: Object) -> bool:
    """Tell whether anything could be owned: a namespace's default ServiceAccount is but a name."""
    meta = mapping(obj.get("metadata"))
    own = set(obj) - {"apiVersion", "kind", "metadata", "status"}
    return bool(own) or any(meta.get(key) for key in ("labels", "annotations", "finalizers"))


def _stripped(obj: Object, notes: Mapping[str, Any]) -> Iterator[Finding]:
    if _APPLIED in notes:
        field = f"metadata.annotations[{_APPLIED}]"
        yield found(obj, field, "", "kubectl apply left its annotation")
    else:
        message = "its managedFields were removed: nobody can tell who wrote it"
        yield found(obj, "metadata.managedFields", "none", message, certain=False)


def _hand(obj: Object, hand: Hand, scene: Scene, given: Parameters) -> Iterator[Finding]:
    match writer_of(hand.manager, given["writers"]):
        case "kubectl":
            yield _evidence(obj, hand, "kubectl wrote it by hand")
        case "restart":
            yield replace(_evidence(obj, hand, "kubectl restarted it by hand"), minor=True)
        case "tool":
            yield _evidence(obj, hand, f"somebody wrote it by {hand.manager}")
        case "unknown" if hand.subresource != "status":  # which programs report, not people
            message = f"nobody knows the writer {hand.manager!r}: add a controller to `writers`"
            yield replace(_evidence(obj, hand, message), certain=False)
        case "helm":
            yield from _helm(obj, hand, scene)


def _helm(obj: Object, hand: Hand, scene: Scene) -> Iterator[Finding]:
    """A release that no record names: Helm was run by hand."""
    notes = _notes(obj)
    name, space = notes.get(RELEASE), notes.get(RELEASE_SPACE)
    if name is None or any((space, name) in each.releases for each in scene.installed):
        return
    message = "Helm was run by hand: no installation has this release"
    release = f"Helm release {space}/{name}"
    certain = INSTALLATION not in scene.closed
    yield Finding(release, "release", str(name), message, hand.manager, hand.when, certain)


def _evidence(obj: Object, hand: Hand, message: str) -> Finding:
    first = hand.paths[0] if hand.paths else "metadata"
    more = len(hand.paths) - 1
    field = f"{first} and {more} more" if more > 0 else first
    value = shown(value_at(obj, first))
    return Finding(resource_of(obj), field, value, message, hand.manager, hand.when)


def _act(obj: Object, given: Parameters) -> Iterator[Finding]:
    """One request of the audit log, by the program that sent it."""
    agent = str(obj.get("userAgent", "")).partition("/")[0]
    if writer_of(agent, given["writers"]) not in ("kubectl", "tool"):
        return
    about = mapping(obj.get("objectRef"))
    part = f"/{about['subresource']}" if about.get("subresource") else ""
    what = f"{about.get('resource')}{part} {about.get('namespace')}/{about.get('name', '')}"
    user = str(at(obj, "user.username", ""))
    when = str(obj.get("requestReceivedTimestamp", ""))
    message = f"{agent} was used: {obj.get('verb')} {about.get('resource')}{part}"
    yield Finding(what, "audit log", str(obj.get("verb", "")), message, f"{user} by {agent}", when)


DELIVERY_RULES: Final = (
    Rule(
        name="helm-or-manifests",
        asks="Every workload came from a Helm chart or a manifest.",
        why="What was typed once cannot be made again, reviewed or undone.",
        remedy="Write it as a skill, a chart or a manifest, and install that in its place.",
        reads=(*WORKLOADS, POD),
        subjects=_made,
        look=_from_files,
        on_plans=False,
    ),
    Rule(
        name="delivered-by-git",
        asks="Where Argo CD is there, every service is delivered by it.",
        why="What is not in the repository is lost with the cluster, and nobody reviewed it.",
        remedy="skill render platform.yaml --to FOLDER, commit the folder, and let Argo CD apply "
        "it.",
        reads=(*TEMPLATES, APPLICATION, INSTALLATION),
        needs=(INSTALLATION,),
        subjects=_where_git_is,
        look=_by_git,
        on_plans=False,
    ),
    Rule(
        name="proven",
        asks="Every installation was proven to work, not long ago.",
        why="Ready objects do not show that messages flow.",
        remedy="skill verify NAME -n NAMESPACE.",
        reads=(INSTALLATION,),
        subjects=_installed,
        look=_proven,
        parameters={
            "days": {
                "type": "number",
                "exclusiveMinimum": 0,
                "default": 30,
                "description": "How old the last proof may be.",
            }
        },
        on_plans=False,
    ),
    Rule(
        name="no-manual-kubectl",
        asks="Nobody changed an object by kubectl, a dashboard, or Helm by hand.",
        why="The next run knows nothing of such a change: it ends in a conflict, or undoes it. "
        "Fields that were deleted, Secrets, exec and port-forward leave no trace in objects.",
        remedy="skill run NAME puts back what its skill made, and skill drift NAME shows what is "
        "left; what is wanted belongs into the skill's inputs.",
        reads=(*CHANGEABLE, POD),
        hints=(ACT, INSTALLATION),
        subjects=_changeable,
        look=_by_hand,
        parameters={
            "writers": {
                **_PATTERNS,
                "default": [],
                "description": "Further controllers, by the name of their field manager.",
            }
        },
        on_plans=False,
    ),
)
