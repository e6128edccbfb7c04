"""Rules about what runs: containers, images, limits, probes, places. Those that plans are held to,
too, are the policy's own."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

from skill_runner.compliance.kinds import COMPONENT as DAPR_COMPONENT
from skill_runner.compliance.kinds import CONFIG_MAP, OPERATED, POD, PODS, SERVICE
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
    pods,
    pods_by_owner,
    services,
    space_of,
)
from skill_runner.objects import Object, at
from skill_runner.policy import NAMESPACE, RULES
from skill_runner.policy import Rule as PolicyRule
from skill_runner.policy.images import repository
from skill_runner.policy.operated import operated_images
from skill_runner.policy.pods import mapping

# The field of a container that a rule of the policy is about, and shows; "" shows none.
_FIELDS: Final = {
    "resources": "resources",
    "liveness-probe": "livenessProbe",
    "readiness-probe": "readinessProbe",
    "pinned-image": "image",
    "withdrawn-image": "image",
    "privileged": "securityContext",
}
_LOCAL: Final = "skill.local/*"  # built here, and loaded into the node


def _of_policy(rule: PolicyRule) -> Rule:
    """A rule of the policy, asked of what runs: of pods, and of what makes more of them."""
    secret = rule.name == "literal-secret"
    extra = (CONFIG_MAP, DAPR_COMPONENT) if secret else OPERATED

    def subjects(scene: Scene, given: Parameters) -> Iterator[Object]:
        yield from pods(scene, given)
        yield from scene.of(*extra)

    def look(obj: Object, scene: Scene, _: Parameters) -> Iterator[Finding]:
        for container, message in rule.look(obj):
            field, value = _field(obj, container, _FIELDS.get(rule.name, ""))
            yield found(obj, field, value, message, container=container)

    return Rule(
        name=rule.name,
        asks=rule.asks,
        why=rule.why,
        remedy=rule.remedy,
        reads=(*PODS, CONFIG_MAP) if secret else PODS,
        hints=(DAPR_COMPONENT,) if secret else OPERATED,
        subjects=subjects,
        look=look,
    )


def _field(obj: Object, container: str, key: str) -> tuple[str, Any]:
    """The path of a container's field, and what is there."""
    base = "spec" if obj.get("kind") == "Pod" else "spec.template.spec"
    if not key:
        return base, None
    for each in containers(obj):
        if each.name == container:
            return f"{base}.containers[name={container}].{key}", each.spec.get(key) or "not set"
    return f"spec {key}", "not set"


def _namespace(obj: Object, scene: Scene, _: Parameters) -> Iterator[Finding]:
    space = space_of(obj)
    if space == "default" or space.startswith("kube-"):
        yield found(obj, "metadata.namespace", space, f"it is in the namespace {space}")


def _outside(obj: Object, scene: Scene, given: Parameters) -> Iterator[Finding]:
    """A Service of services whose endpoints are not pods of this cluster."""
    spec = mapping(obj.get("spec"))
    name = str(spec.get("externalName", ""))
    if spec.get("type") == "ExternalName":
        inside = name.rstrip(".").endswith((".svc", ".svc.cluster.local"))
        if not inside and not any(fnmatchcase(name, each) for each in given["external"]):
            message = f"it leads to {name}, outside of the cluster"
            yield found(obj, "spec.externalName", name, message)
    elif not spec.get("selector") and not at(obj, "metadata.ownerReferences"):
        message = "it selects no pods: its endpoints are set by hand"
        yield found(obj, "spec.selector", "not set", message)


def _service_objects(scene: Scene, _: Parameters) -> Iterator[Object]:
    for obj in scene.of(SERVICE):
        if scene.has_services(space_of(obj)):
            yield obj


def _running(obj: Object, scene: Scene, _: Parameters) -> Iterator[Finding]:
    """A service that has no pod which runs on a node here."""
    if obj.get("kind") in ("CronJob", "DaemonSet") or at(obj, "spec.replicas") == 0:
        return
    live = [obj] if obj.get("kind") == "Pod" else pods_by_owner(scene).get(resource_of(obj), [])
    if not any(at(pod, "status.phase") == "Running" for pod in live):
        phases = sorted({str(at(pod, "status.phase", "?")) for pod in live})
        yield found(obj, "status.phase", ", ".join(phases) or "no pods", "no pod of it runs")


def _registry(obj: Object, scene: Scene, given: Parameters) -> Iterator[Finding]:
    allowed = (*given["registries"], _LOCAL)
    for each in (*containers(obj), *operated_images(obj)):
        image = str(each.spec.get("image") or "")
        name = repository(image) or image
        if not any(fnmatchcase(name, pattern) for pattern in allowed):
            path, _ = _field(obj, each.name, "image")
            yield found(obj, path, image, f"{name} is in no allowed registry", container=each.name)


_PATTERNS: Final = {"type": "array", "items": {"type": "string", "minLength": 1}}

WORKLOAD_RULES: Final = (
    *(_of_policy(rule) for rule in RULES),
    Rule(
        name=NAMESPACE.name,
        asks=NAMESPACE.asks,
        why=NAMESPACE.why,
        remedy="Move it into a namespace of its own, and delete it where it is.",
        reads=(*PODS, SERVICE),
        subjects=lambda scene, given: (*pods(scene, given), *_not_the_api(scene)),
        look=_namespace,
    ),
    Rule(
        name="containerized",
        asks="Every Service of the platform's services leads to pods of this cluster.",
        why="What runs elsewhere has no probes, limits or sidecar, and nobody here restarts it.",
        remedy="Run it as a container here, or name what is external on purpose in `external`.",
        reads=(SERVICE, INSTALLATION),
        needs=(INSTALLATION,),
        subjects=_service_objects,
        look=_outside,
        parameters={
            "external": {
                **_PATTERNS,
                "default": ["*.neon.tech"],
                "description": "Host names that Services may lead to, as patterns.",
            }
        },
    ),
    Rule(
        name="on-kubernetes",
        asks="Every service has a pod that runs in this cluster.",
        why="A workload without a running pod is not there, whatever its objects say. One that is "
        "scaled to zero is not asked.",
        remedy="Ask why: skill why -n NAMESPACE.",
        reads=(*PODS, INSTALLATION),
        needs=(POD, INSTALLATION),
        subjects=services,
        look=_running,
        on_plans=False,
    ),
    Rule(
        name="image-registry",
        asks="Every image comes from an allowed registry, or was built here.",
        why="An image from elsewhere was looked at by nobody.",
        remedy="Push the image to an allowed registry, or add its registry to `registries`.",
        reads=PODS,
        hints=OPERATED,
        subjects=lambda scene, given: (*pods(scene, given), *scene.of(*OPERATED)),
        look=_registry,
        parameters={
            "registries": {
                **_PATTERNS,
                "default": ["*"],
                "description": "Repositories with their registry, as patterns: ghcr.io/acme/*.",
            }
        },
    ),
)


def _not_the_api(scene: Scene) -> Iterator[Object]:
    """Every Service but `kubernetes`, which the API server keeps in default."""
    for obj in scene.of(SERVICE):
        if (space_of(obj), obj["metadata"]["name"]) != ("default", "kubernetes"):
            yield obj
