"""Everything that is known at one moment about the awaited objects → every symptom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from skill_runner.objects import Object
from skill_runner.readiness.diagnosis.creation import creation_symptoms
from skill_runner.readiness.diagnosis.events import Seen
from skill_runner.readiness.diagnosis.pod_view import PodView
from skill_runner.readiness.diagnosis.pods import pod_symptoms
from skill_runner.readiness.diagnosis.symptom import Symptom
from skill_runner.readiness.diagnosis.targets import Target, target_symptoms
from skill_runner.readiness.diagnosis.volumes import claim_symptoms


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """`pods` and `makers` (whatever makes pods) are those of the current revisions only.

    A maker comes with the name of the workload it works for. `nodes` and `classes` are None where
    they could not be read. `leaving` are the seconds that pods take which go, by namespace.
    """

    targets: tuple[Target, ...] = ()
    pods: tuple[PodView, ...] = ()
    makers: tuple[tuple[Object, str], ...] = ()
    claims: tuple[Object, ...] = ()
    events: tuple[Seen, ...] = ()
    nodes: tuple[Object, ...] | None = None
    classes: tuple[Object, ...] | None = None
    more: tuple[Symptom, ...] = ()
    leaving: Mapping[str, float] = field(default_factory=dict)


def find_symptoms(scene: Scene) -> tuple[Symptom, ...]:
    """Every symptom, once each."""
    of_pods = tuple(s for view in scene.pods for s in pod_symptoms(view, scene.nodes))
    found: dict[tuple[str, str, str], Symptom] = {}
    for symptom in (
        *of_pods,
        *(
            symptom
            for maker, work in scene.makers
            for symptom in creation_symptoms(maker, scene.events, work, scene.leaving)
        ),
        *claim_symptoms(scene.claims, scene.classes, scene.events),
        *target_symptoms(scene.targets, of_pods),
        *scene.more,
    ):
        found.setdefault(symptom.key, symptom)
    return tuple(found.values())
