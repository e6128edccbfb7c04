"""Rules about services: no state, memory or files of their own, and no address of one another."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from skill_runner.compliance.kinds import CLAIM, PODS, SERVICE
from skill_runner.compliance.model import INSTALLATION, Finding, Parameters, Rule, Scene
from skill_runner.compliance.rules.tools import (
    containers,
    found,
    services,
    space_of,
    spec_of,
    template_labels,
    volumes,
)
from skill_runner.objects import Object, Ref, at
from skill_runner.policy.pods import mapping, mappings

_SHARED: Final = ("nfs", "cephfs", "glusterfs", "azureFile", "hostPath")
_HOST: Final = re.compile(
    r"(?:://|^|[\s,;=@])([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)(?=[:/,;\s]|$)"
)
_LONGEST: Final = 4096  # characters of a variable that are looked at


def _path(obj: Object, rest: str) -> str:
    return f"spec.{rest}" if obj.get("kind") == "Pod" else f"spec.template.spec.{rest}"


def _claims(obj: Object) -> Iterator[tuple[str, str]]:
    """The claims that a service's pods mount: the volume's name, and the claim's."""
    for volume in volumes(obj):
        if "persistentVolumeClaim" in volume:
            claim = mapping(volume["persistentVolumeClaim"]).get("claimName")
            yield str(volume.get("name")), str(claim)
        if "ephemeral" in volume:
            yield str(volume.get("name")), "a claim for each pod"


def _state(obj: Object, scene: Scene, _: Parameters) -> Iterator[Finding]:
    for volume, claim in _claims(obj):
        field = _path(obj, f"volumes[name={volume}]")
        yield found(obj, field, claim, f"the volume {volume} keeps data: {claim}")
    for template in mappings(at(obj, "spec.volumeClaimTemplates")):
        name = at(template, "metadata.name", "?")
        yield found(obj, "spec.volumeClaimTemplates", name, f"each pod keeps data: {name}")


def _memory(obj: Object, scene: Scene, _: Parameters) -> Iterator[Finding]:
    if spec_of(obj).get("hostIPC") is True:
        yield found(obj, _path(obj, "hostIPC"), "true", "it shares the memory of its node")
    for volume in volumes(obj):
        if mapping(volume.get("emptyDir")).get("medium") != "Memory":
            continue
        name = str(volume.get("name"))
        users = [c.name for c in containers(obj) if _mounts(c.spec, name)]
        if len(users) > 1:
            message = f"the memory volume {name} is shared by {', '.join(users)}"
            yield found(obj, _path(obj, f"volumes[name={name}]"), "medium: Memory", message)


def _mounts(container: object, volume: str) -> bool:
    return any(
        each.get("name") == volume for each in mappings(mapping(container).get("volumeMounts"))
    )


def _files(obj: Object, scene: Scene, _: Parameters) -> Iterator[Finding]:
    """A claim that many may write, a claim of two services, a path of the node, a file server."""
    if obj.get("kind") == "PersistentVolumeClaim":
        modes = at(obj, "spec.accessModes", [])
        if "ReadWriteMany" in modes:
            yield found(obj, "spec.accessModes", modes, "pods of every node may write it")
        return
    for volume in volumes(obj):
        name = str(volume.get("name"))
        for source in _SHARED:
            if source in volume:
                value = mapping(volume[source]).get("path")
                message = f"the volume {name} is shared: {source}"
                yield found(obj, _path(obj, f"volumes[name={name}]"), value, message)
    users = _users(scene)
    for name, claim in _claims(obj):
        others = sorted(users[space_of(obj), claim] - {_name(obj)})
        if others:
            message = f"the claim {claim} is mounted by {', '.join(others)}, too"
            yield found(obj, _path(obj, f"volumes[name={name}]"), claim, message)


@lru_cache(maxsize=1)
def _users(scene: Scene) -> defaultdict[tuple[str, str], set[str]]:
    users: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for obj in services(scene, {}):
        for _, claim in _claims(obj):
            users[space_of(obj), claim].add(_name(obj))
    return users


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _with_claims(scene: Scene, given: Parameters) -> Iterator[Object]:
    yield from services(scene, given)
    for claim in scene.of(CLAIM):
        maker = scene.maker(claim)
        ours = maker is None or maker.skill in scene.services.skills
        if ours and scene.has_services(space_of(claim)):
            yield claim


def _coupling(obj: Object, scene: Scene, _: Parameters) -> Iterator[Finding]:
    """A variable that names the address of another service of the platform."""
    own = space_of(obj)
    hosts = _addresses(scene)
    for container in containers(obj):
        for name, value in container.env():
            is_address = any(mark in value for mark in ".:/")  # a single word is none
            for host in _HOST.findall(value[:_LONGEST]) if is_address else ():
                target = hosts.get(host) or hosts.get(f"{host}.{own}")
                if target and not _selects(target, obj):
                    field = _path(obj, f"containers[name={container.name}].env[name={name}]")
                    message = f"the variable {name} is the address of {Ref.of(target)}"
                    yield found(obj, field, value, message, container=container.name)


@lru_cache(maxsize=1)
def _addresses(scene: Scene) -> dict[str, Object]:
    """Every host name of the Services of services."""
    hosts: dict[str, Object] = {}
    for service in scene.of(SERVICE):
        if not scene.is_service(service):
            continue
        base = f"{_name(service)}.{space_of(service)}"
        for end in ("", ".svc", ".svc.cluster.local"):
            hosts[base + end] = service
    return hosts


def _selects(service: Object, workload: Object) -> bool:
    """Tell whether a Service leads to the workload's own pods: its peers are itself."""
    selector = mapping(at(service, "spec.selector", {}))
    labels = template_labels(workload)
    same = bool(selector) and all(labels.get(key) == value for key, value in selector.items())
    return same and space_of(service) == space_of(workload)


SERVICE_RULES: Final = (
    Rule(
        name="stateless",
        asks="No service keeps data in a volume of its own.",
        why="A pod that keeps data cannot be replaced, moved or multiplied.",
        remedy="Keep state through Dapr's state store, or in a database.",
        reads=(*PODS, INSTALLATION),
        needs=(INSTALLATION,),
        subjects=services,
        look=_state,
    ),
    Rule(
        name="no-shared-memory",
        asks="No service shares memory: no hostIPC, no memory volume of several containers.",
        why="Two processes that share memory can only live, and fail, together.",
        remedy="Pass messages through Kafka, or state through Dapr.",
        reads=(*PODS, INSTALLATION),
        needs=(INSTALLATION,),
        subjects=services,
        look=_memory,
    ),
    Rule(
        name="no-shared-files",
        asks="No service shares files: no ReadWriteMany, no path of a node, no claim of two.",
        why="A shared file system couples services without a contract, and locks them to a node.",
        remedy="Keep files in an object store, or state through Dapr.",
        reads=(*PODS, CLAIM, INSTALLATION),
        needs=(INSTALLATION,),
        subjects=_with_claims,
        look=_files,
    ),
    Rule(
        name="no-coupling",
        asks="No service's variables name the address of another service.",
        why="An address is a hard coupling: Dapr finds a service by its name, with retries and "
        "mTLS, and events need not know who listens.",
        remedy="Call it through the sidecar by its app id, or publish an event.",
        reads=(*PODS, SERVICE, INSTALLATION),
        needs=(INSTALLATION,),
        subjects=services,
        look=_coupling,
    ),
)
