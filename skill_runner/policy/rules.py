"""The rules as one table: what each asks of a manifest, why, and what to do about a violation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from skill_runner.policy.images import unpinned, withdrawn
from skill_runner.policy.operated import literals, operated, operated_images
from skill_runner.policy.pods import Container, Object, Pod, mapping, mappings, pod_of
from skill_runner.policy.secrets import is_secret, secret_lines

Found = Iterator[tuple[str, str]]  # (container or "", what was found)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `look` yields what breaks it in one manifest."""

    name: str
    asks: str
    why: str
    remedy: str
    look: Callable[[Object], Found]


def _nobody(manifest: Object) -> Iterator[Container]:
    yield from ()


def _containers(
    look: Callable[[Container], Iterator[str]],
    others: Callable[[Object], Iterator[Container]] = _nobody,
) -> Callable[[Object], Found]:
    """A rule about every container of a workload, and about `others` that come of a manifest."""

    def of_manifest(manifest: Object) -> Found:
        pod = pod_of(manifest)
        for container in (*(pod.containers() if pod else ()), *others(manifest)):
            yield from ((container.name, message) for message in look(container))

    return of_manifest


def _pods(look: Callable[[Pod], Iterator[str]]) -> Callable[[Object], Found]:
    """A rule about the pod of a workload."""

    def of_manifest(manifest: Object) -> Found:
        pod = pod_of(manifest)
        yield from (("", message) for message in (look(pod) if pod else ()))

    return of_manifest


def _limits(container: Container) -> Iterator[str]:
    resources = mapping(container.spec.get("resources"))
    limits, requests = mapping(resources.get("limits")), mapping(resources.get("requests"))
    missing = [name for name in ("cpu", "memory") if not limits.get(name)]
    if missing:
        yield f"no limit for {' and '.join(missing)}"
    # Kubernetes sets an absent request to the limit.
    absent = [name for name in missing if not requests.get(name)]
    if absent:
        yield f"no request for {' and '.join(absent)}"


def _probe(kind: str) -> Callable[[Container], Iterator[str]]:
    def look(container: Container) -> Iterator[str]:
        if container.long_running and not mapping(container.spec.get(f"{kind}Probe")):
            yield f"no {kind} probe"

    return look


def _pinned(container: Container) -> Iterator[str]:
    why = unpinned(str(container.spec.get("image") or ""))
    if why:
        yield why


def _withdrawn(container: Container) -> Iterator[str]:
    image = str(container.spec.get("image") or "")
    row = withdrawn(image)
    if row:
        yield f"the image {image}: {row.why}; use {row.instead}"


def _secret_in_env(container: Container) -> Iterator[str]:
    for name, value in container.env():
        if is_secret(name, value):
            yield f"the variable {name} holds a literal secret"


def _secret_in_plain(manifest: Object) -> Found:
    yield from _containers(_secret_in_env)(manifest)
    for name, value in literals(manifest):
        if is_secret(name, value):
            yield "", f"metadata {name} holds a literal secret"
    if manifest.get("kind") == "ConfigMap" and manifest.get("apiVersion") == "v1":
        for name, value in mapping(manifest.get("data")).items():
            if isinstance(value, str):
                yield from (("", message) for message in _secret_in_file(str(name), value))


def _secret_in_file(name: str, text: str) -> Iterator[str]:
    """A key of a ConfigMap: one value, or the text of a file with settings in its lines."""
    if is_secret(name, text):
        yield f"the key {name} holds a literal secret"
        return
    for line, setting in secret_lines(name, text):
        yield f"the key {name} holds a literal secret: {setting} in line {line}"


# What leaves a container, or reads and stops what is beside it (capabilities(7)); all but the
# default set is refused by the baseline of the Pod Security Standards, too.
ROOT_OF_NODE: Final = frozenset(
    {
        "ALL",
        "SYS_ADMIN",
        "SYS_MODULE",
        "SYS_RAWIO",
        "SYS_PTRACE",
        "SYS_BOOT",
        "BPF",
        "PERFMON",
        "DAC_READ_SEARCH",
        "MAC_ADMIN",
        "MAC_OVERRIDE",
    }
)


def _privileged(container: Container) -> Iterator[str]:
    context = mapping(container.spec.get("securityContext"))
    if context.get("privileged") is True:
        yield "the container is privileged"
    added = mapping(context.get("capabilities")).get("add") or ()
    names = {str(name).upper().removeprefix("CAP_") for name in added}
    risky = sorted(ROOT_OF_NODE & names)
    if risky:
        yield f"the container has the capability {', '.join(risky)}"


def _host_path(pod: Pod) -> Iterator[str]:
    for volume in mappings(pod.spec.get("volumes")):
        if "hostPath" in volume:
            path = mapping(volume["hostPath"]).get("path")
            yield f"the volume {volume.get('name')} is the node's own {path}"


def _nodes_own(manifest: Object) -> Found:
    """A pod's hostPath, and a PersistentVolume that is one."""
    yield from _pods(_host_path)(manifest)
    if manifest.get("kind") == "PersistentVolume" and manifest.get("apiVersion") == "v1":
        spec = mapping(manifest.get("spec"))
        for source in ("hostPath", "local"):
            if source in spec:
                path = mapping(spec[source]).get("path")
                yield "", f"the volume is the node's own {path} ({source})"


def _host_namespaces(pod: Pod) -> Iterator[str]:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(key) is True:
            yield f"the pod has {key}: true"


def _service_links(pod: Pod) -> Iterator[str]:
    """Images that turn every KAFKA_… variable into a property (apache/kafka, confluentinc/cp-*)."""
    configured = any(
        str(variable.get("name", "")).startswith("KAFKA_")
        for container in pod.containers()
        for variable in mappings(container.spec.get("env"))
    )
    if configured and pod.spec.get("enableServiceLinks") is not False:
        yield "configured by KAFKA_… variables, without enableServiceLinks: false"


# The names are stable: exceptions in skill.yaml use them.
RULES: Final = (
    Rule(
        "resources",
        "Every container has limits for cpu and memory, and requests.",
        "A container without them starves its neighbours, and is the first to be evicted. "
        "A request that is absent equals the limit. What an operator makes of a custom resource, "
        "and Dapr's sidecar, count too.",
        "Set resources.limits and resources.requests for cpu and memory.",
        _containers(_limits, operated),
    ),
    Rule(
        "liveness-probe",
        "Every container that runs for long has a liveness probe.",
        "A process that hangs is never restarted. Init containers, Jobs, CronJobs, Helm hooks and "
        "pods that end are exempt; native sidecars are not.",
        "Add a livenessProbe that fails only when a restart would help.",
        _containers(_probe("liveness")),
    ),
    Rule(
        "readiness-probe",
        "Every container that runs for long has a readiness probe.",
        "Without one a pod gets traffic, and counts as ready, the moment its process starts. "
        "The exemptions are those of liveness-probe.",
        "Add a readinessProbe that passes only when the container can serve.",
        _containers(_probe("readiness")),
    ),
    Rule(
        "pinned-image",
        "Every image has a tag other than latest, or a digest.",
        "What runs would change without anyone's doing.",
        "Name a version: docker.io/apache/kafka:4.3.1.",
        _containers(_pinned, operated_images),
    ),
    Rule(
        "withdrawn-image",
        "No image was withdrawn or frozen by who published it.",
        "It cannot be pulled, or gets no security updates.",
        "Use the image that the message names.",
        _containers(_withdrawn, operated_images),
    ),
    Rule(
        "literal-secret",
        "No password, token or key is a literal in a variable, a ConfigMap or a Dapr Component.",
        "Everyone who may read the workload would read it, and it stays in every revision.",
        "Use a secretKeyRef, or a mounted Secret.",
        _secret_in_plain,
    ),
    Rule(
        "privileged",
        "No container is privileged or has a capability of the node's root: SYS_ADMIN, SYS_MODULE, "
        "SYS_RAWIO, SYS_PTRACE, BPF and their like.",
        "Such a container is root on its node.",
        "Drop it, or add only the capability that is needed.",
        _containers(_privileged),
    ),
    Rule(
        "host-path",
        "No pod mounts a path of its node, and no PersistentVolume is one.",
        "It reads and writes what belongs to the node and to other pods.",
        "Use a PersistentVolumeClaim, an emptyDir or a projected volume.",
        _nodes_own,
    ),
    Rule(
        "host-namespaces",
        "No pod uses the node's network, processes or IPC.",
        "It sees the traffic and the processes of every other pod.",
        "Leave hostNetwork, hostPID and hostIPC out; use a Service.",
        _pods(_host_namespaces),
    ),
    Rule(
        "service-links",
        "Pods configured by KAFKA_… variables set enableServiceLinks: false.",
        "A Service named kafka injects KAFKA_PORT and others, which the image takes for settings.",
        "Set enableServiceLinks: false in the pod's spec.",
        _pods(_service_links),
    ),
)

# Not about one manifest, and so not in RULES' form: see policy.check.
NAMESPACE: Final = Rule(
    "namespace",
    "Every object is in a namespace of its own: not default, not kube-….",
    "The default namespace is shared by everyone's leftovers, kube-… belong to Kubernetes.",
    "Choose a namespace: --set namespace=NAME.",
    lambda manifest: iter(()),
)
