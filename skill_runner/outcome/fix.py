"""Code → one sentence: what to change. The pages of docs/reference/problems say more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from skill_runner.outcome import Code

FIXES: Final[Mapping[Code, str]] = {
    "IMAGE_NOT_FOUND": "Correct the image's name or tag, or push or load the image under it.",
    "IMAGE_PULL_DENIED": "Check the image's name first; then give the namespace a pull secret, and "
    "name it in the workload's imagePullSecrets.",
    "IMAGE_NAME_INVALID": "Write the image as registry/repository:tag, in lower case.",
    "IMAGE_NEVER_PULLED": "Load the image into the cluster, or set imagePullPolicy: IfNotPresent.",
    "IMAGE_WRONG_ARCH": "Use an image built for the node's processor, or a node of the image's.",
    "REGISTRY_UNREACHABLE": "Give the nodes a way to the registry (DNS, proxy, mirror), or build "
    "the image from its recipe and load it.",
    "CONFIG_MISSING": "Create the missing Secret, ConfigMap or key in the pod's namespace, or "
    "correct the reference; the pod then starts by itself.",
    "COMMAND_NOT_FOUND": "Correct the command, or use an image that holds it.",
    "CRASH_LOOP": "Read the container's log, find out why it exits, and fix that; Kubernetes only "
    "restarts it.",
    "OUT_OF_MEMORY": "Raise the container's memory limit, or make the program use less.",
    "UNSCHEDULABLE": "Ask for less, add or free a node, or correct the selector, affinity or "
    "toleration that is named.",
    "VOLUME_UNBOUND": "Name a StorageClass or a claim that exists, or make one class the default.",
    "ADMISSION_DENIED": "Make the pod template fit the policy that refuses it (see the evidence), "
    "or have the policy changed.",
    "QUOTA_EXCEEDED": "Ask for less, remove something, or raise the ResourceQuota.",
    "SERVICE_ACCOUNT_MISSING": "Create the ServiceAccount in the namespace, or correct its name.",
    "PROBE_FAILING": "Make the container answer its probe, or correct the probe (“connection "
    "refused”: nothing listens on that port); if the start is slow, add a startupProbe or raise "
    "failureThreshold.",
    "JOB_FAILED": "Read the log of the Job's pod, fix why it fails (or raise the Job's limit), "
    "delete the Job, and run again.",
    "HOOK_FAILED": "Read the hook's log, fix why it fails, and run again: the hook runs anew.",
    "NOT_OBSERVED": "Install or start the operator that handles the kind, or let it watch the "
    "namespace; a kind that never reports needs a wait rule in the skill.",
    "SCALED_TO_ZERO": "Scale it up again (`next`), or find out who scaled it to 0, and why.",
    "RESOURCE_GONE": "Find out what removed it and stop that; then run the same command again.",
    "WEBHOOK_UNAVAILABLE": "Make the webhook's Service answer, or remove its configuration if its "
    "owner is gone.",
    "RESOURCE_FAILED": "Read the object's status and its controller's log to find out why.",
    "SIDECAR_MISSING": "Run dapr-k8s-setup: it installs the injector or finds it, and makes such "
    "pods again, now with their sidecars.",
    "COMPONENT_FAILED": "Correct the component's metadata, or start what it connects to.",
    "GATEWAY_CONFIG_REJECTED": "Correct or delete the object that is named; until then no change "
    "of any application reaches the gateway.",
    "COMPONENT_NOT_LOADED": "Correct the component's scopes, namespace or metadata, then restart "
    "the pods: a sidecar loads its components when it starts.",
    "NOT_READY_IN_TIME": "Run the same command again to go on waiting.",
    "CHART_ERROR": "Correct the value or the template at fault (see the evidence).",
    "CAPACITY": "Free or add room on the nodes: disk, memory or processors.",
    "FORBIDDEN": "Use a context with this permission, or have it granted.",
    "CLUSTER_UNREACHABLE": "Start the cluster, or name another with --context or --cluster.",
    "NAMESPACE_TERMINATING": "Wait until the namespace is gone, then run again; its conditions "
    "name what holds it.",
    "PROOF_FAILED": "Everything is ready, and it does not work: read the evidence and the pods' "
    "logs to find out why.",
    "NOT_OURS": "Give this installation another name or namespace (--name, -n), remove what is in "
    "its way, or take it over: look at `skill plan --adopt` first, then run with --adopt.",
    "RELEASE_LOCKED": "Wait for the other Helm; if it died, roll the release back or uninstall it.",
    "LOCKED": "Wait for the other run; the lock of a dead one ends by itself.",
}


# Of what `--adopt` cannot take over.
NOT_ADOPTABLE: Final = (
    "Give this installation another name or namespace (--name, -n), or remove what is in its way."
)


def fix_of(code: Code) -> str:
    """Say what to change for a problem's `code`; empty for codes whose cause says it already.

    raise GiveUp(failed, code="COMPONENT_FAILED", hint=fix_of("COMPONENT_FAILED"))
    """
    return FIXES.get(code, "")
