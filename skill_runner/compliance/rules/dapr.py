"""Rules about Dapr: sidecars, components that were loaded, and where state is kept."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Final

from skill_runner.compliance.kinds import COMPONENT, PODS
from skill_runner.compliance.model import (
    INSTALLATION,
    Finding,
    Parameters,
    Rule,
    Scene,
    resource_of,
)
from skill_runner.compliance.rules.tools import (
    containers,
    found,
    pods_by_owner,
    services,
    space_of,
    template_notes,
)
from skill_runner.objects import Object, at
from skill_runner.text.times import epoch

_PROOF: Final = "sidecars"  # of fastapi-dapr-agent: every sidecar has loaded its components


def _that_serve(scene: Scene, given: Parameters) -> Iterator[Object]:
    """The services, without what runs to its end."""
    yield from (obj for obj in services(scene, given) if obj.get("kind") != "CronJob")


def _sidecars(obj: Object, scene: Scene, _: Parameters) -> Iterator[Finding]:
    notes = template_notes(obj)
    wanted = str(notes.get("dapr.io/enabled")).lower() == "true"
    if not wanted:
        field = "annotations[dapr.io/enabled]"
        yield found(obj, field, notes.get("dapr.io/enabled"), "it asks for no sidecar")
        return
    for pod in pods_by_owner(scene).get(resource_of(obj), []):
        names = [container.name for container in containers(pod)]
        if "daprd" not in names and at(pod, "status.phase") == "Running":
            message = f"its pod {pod['metadata']['name']} has no container daprd"
            yield found(obj, "spec.containers", ", ".join(names), message)


def _components(scene: Scene, _: Parameters) -> Iterator[Object]:
    for component in scene.of(COMPONENT):
        if scene.has_services(space_of(component)):
            yield component


def _loaded(obj: Object, scene: Scene, _: Parameters) -> Iterator[Finding]:
    """By the last proof of the installation that made it, which asks the sidecars."""
    maker = scene.maker(obj)
    proof = maker.proofs.get(_PROOF) if maker else None
    if maker is None or proof is None:
        message = "a Component has no status, and no proof asked a sidecar for it"
        yield found(obj, "status", "none", message, certain=False)
    elif proof.status != "passed":
        message = f"the last proof of {maker.namespace}/{maker.name} did not find it loaded"
        yield found(obj, f"proof {_PROOF}", proof.status, message)
    elif (made := epoch(at(obj, "metadata.creationTimestamp", ""))) and made > proof.at:
        message = f"it is younger than the last proof of {maker.namespace}/{maker.name}"
        yield found(obj, "metadata.creationTimestamp", "", message, certain=False)


def _stores(scene: Scene, _: Parameters) -> Iterator[Object]:
    for component in scene.of(COMPONENT):
        if str(at(component, "spec.type", "")).startswith("state."):
            yield component


def _store(obj: Object, scene: Scene, given: Parameters) -> Iterator[Finding]:
    kind = str(at(obj, "spec.type", ""))
    if not any(fnmatchcase(kind, each) for each in given["stores"]):
        yield found(obj, "spec.type", kind, f"state is kept in {kind}")


DAPR_RULES: Final = (
    Rule(
        name="dapr-sidecar",
        asks="Every service's pods have a Dapr sidecar.",
        why="Without one a service has no pub/sub, no state store, no mTLS and no discovery.",
        remedy='Set dapr.io/enabled: "true" in the pod template; where it is set, the injector '
        "was away when the pod was made: delete the pod once.",
        reads=(*PODS, INSTALLATION),
        needs=(INSTALLATION,),
        subjects=_that_serve,
        look=_sidecars,
    ),
    Rule(
        name="dapr-components",
        asks="Every component of services is loaded by its sidecars.",
        why="A component that did not load fails at the first event, not at the start.",
        remedy="skill verify NAME -n NAMESPACE asks the sidecars again.",
        reads=(COMPONENT, INSTALLATION),
        needs=(INSTALLATION,),
        subjects=_components,
        look=_loaded,
        on_plans=False,
    ),
    Rule(
        name="dapr-state",
        asks="Every state store is one of those that the document names.",
        why="State in memory, or in a store that nobody backs up, is lost.",
        remedy="Use state.postgresql or state.redis.",
        reads=(COMPONENT,),
        subjects=_stores,
        look=_store,
        parameters={
            "stores": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "default": ["state.postgresql", "state.redis"],
                "description": "Types of Dapr's state stores, as patterns.",
            }
        },
    ),
)
