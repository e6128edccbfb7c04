"""The failure policy: which reason ends a wait, and how long it may last before it does.

One table. A skill changes a row by its reason (`failure_policy:` in skill.yaml), and tests shorten
budgets the same way. docs/reference/failure-policy.md is generated from it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from skill_runner.outcome import Code
from skill_runner.skill.model import FailureOverride

NEVER: Final = math.inf


@dataclass(frozen=True, slots=True)
class Row:
    """One reason. It is terminal once it has lasted `budget` seconds beyond any grace of its own,
    or has restarted its container `restarts` times, and was sighted `sightings` times at least.

    `depth` orders causes: of several symptoms the deepest is named. `retryable` says whether the
    same command, run again later, may succeed without a change.
    """

    reason: str
    code: Code
    budget: float
    depth: int
    why: str
    sightings: int = 1
    restarts: int | None = None
    retryable: bool = False

    @property
    def transient(self) -> bool:
        return math.isinf(self.budget) and self.restarts is None


_ROWS: Final = (
    Row(
        "ImageNotFound",
        "IMAGE_NOT_FOUND",
        0,
        90,
        "The registry itself answered that there is no such image; asking again changes nothing.",
    ),
    Row(
        "ImagePullDenied",
        "IMAGE_PULL_DENIED",
        0,
        90,
        "The registry itself refused; the pull secret or the name is wrong.",
    ),
    Row(
        "ImageWrongArch",
        "IMAGE_WRONG_ARCH",
        0,
        90,
        "The image holds no binary for this node's processor.",
    ),
    Row(
        "InvalidImageName",
        "IMAGE_NAME_INVALID",
        0,
        90,
        "The reference cannot be parsed; no registry was asked.",
    ),
    Row(
        "ErrImageNeverPull",
        "IMAGE_NEVER_PULLED",
        0,
        90,
        "The pull policy is Never and the node does not have the image.",
    ),
    Row(
        "RegistryUnreachable",
        "REGISTRY_UNREACHABLE",
        0,
        88,
        "The node cannot reach the registry. One failed lookup may be a hiccup; the kubelet tries "
        "again after 10 to 15 s, and a second failure is a fact.",
        sightings=2,
        retryable=True,
    ),
    Row(
        "ImagePullSlow",
        "REGISTRY_UNREACHABLE",
        180,
        70,
        "Timeouts, 5xx and 429 go away by themselves more often than not.",
        retryable=True,
    ),
    Row(
        "NodeDiskFull",
        "CAPACITY",
        60,
        92,
        "The node has no space for the image; its garbage collection gets one minute.",
    ),
    Row(
        "ConfigMissing",
        "CONFIG_MISSING",
        30,
        90,
        "A Secret, a ConfigMap or a key is not there. Another controller may be making it.",
    ),
    Row(
        "ConfigUnseen",
        "NOT_READY_IN_TIME",
        180,
        90,
        "What the kubelet missed is there now. It looks again within 15 s for a variable, and "
        "within two minutes for a volume.",
        retryable=True,
    ),
    Row(
        "CacheSync",
        "CONFIG_MISSING",
        NEVER,
        5,
        "The kubelet's own cache was late (failed to sync … cache); it tries again at once.",
    ),
    Row(
        "RunAsNonRoot",
        "CHART_ERROR",
        15,
        90,
        "The pod demands a non-root user and the image does not give one; nothing will change it.",
    ),
    Row(
        "CommandNotFound",
        "COMMAND_NOT_FOUND",
        0,
        80,
        "The container's command does not exist in the image. Two sightings rule out a hiccup of "
        "the container runtime.",
        sightings=2,
    ),
    Row(
        "RunContainerError",
        "CRASH_LOOP",
        0,
        60,
        "The container runtime could not start the container, twice.",
        sightings=2,
    ),
    Row(
        "RuntimeTrouble",
        "CRASH_LOOP",
        120,
        40,
        "Exit code 128 with ContainerCannotRun is the node's trouble, not the image's.",
        retryable=True,
    ),
    Row(
        "SandboxFailed",
        "RESOURCE_FAILED",
        120,
        75,
        "The node cannot set up the pod's network or sandbox; a network plugin that is starting "
        "does this for some seconds.",
        retryable=True,
    ),
    Row(
        "CrashLoop",
        "CRASH_LOOP",
        120,
        50,
        "Many applications crash once or twice until their database answers; five restarts, or two "
        "minutes without one healthy period, are not that.",
        restarts=5,
    ),
    Row(
        "CrashCommandNotFound",
        "COMMAND_NOT_FOUND",
        120,
        55,
        "The process ended with code 127: a command that its script calls is not in the image.",
        restarts=3,
    ),
    Row(
        "OutOfMemory",
        "OUT_OF_MEMORY",
        120,
        65,
        "The kernel killed it at its memory limit; a start that is killed each time never "
        "succeeds.",
        restarts=3,
    ),
    Row(
        "LivenessProbe",
        "PROBE_FAILING",
        120,
        58,
        "The kubelet restarts it since its liveness or startup probe fails; counted as a crash "
        "loop.",
        restarts=5,
    ),
    Row(
        "ProbeFailing",
        "PROBE_FAILING",
        120,
        45,
        "A readiness probe that fails is how a slow start looks. The grace of the probes' own "
        "fields is waited out first, then this budget.",
    ),
    Row(
        "UnschedulableForever",
        "UNSCHEDULABLE",
        30,
        70,
        "No node of this cluster could ever hold the pod, even if it were empty.",
    ),
    Row(
        "Unschedulable",
        "UNSCHEDULABLE",
        300,
        60,
        "Nodes that fit exist but are full or not ready, or nodes cannot be read; room may come.",
        retryable=True,
    ),
    Row(
        "VolumeUnbound",
        "VOLUME_UNBOUND",
        15,
        85,
        "The claim's StorageClass does not exist, or none is set and there is no default.",
    ),
    Row(
        "ClaimMissing",
        "VOLUME_UNBOUND",
        30,
        86,
        "The pod mounts a PersistentVolumeClaim that does not exist.",
    ),
    Row(
        "ProvisioningFailed",
        "VOLUME_UNBOUND",
        120,
        80,
        "The provisioner answered with an error; provisioners try again.",
        retryable=True,
    ),
    Row(
        "VolumeMountFailing",
        "VOLUME_UNBOUND",
        180,
        75,
        "Attaching or mounting fails; a volume that is still attached elsewhere takes minutes.",
        retryable=True,
    ),
    Row(
        "QuotaExceeded",
        "QUOTA_EXCEEDED",
        15,
        90,
        "The namespace's ResourceQuota refuses the pod; a rolling update may free some within "
        "seconds.",
    ),
    Row(
        "PodSecurity",
        "ADMISSION_DENIED",
        15,
        90,
        "The namespace's Pod Security level refuses the pod.",
    ),
    Row("LimitRange", "ADMISSION_DENIED", 15, 90, "The namespace's LimitRange refuses the pod."),
    Row(
        "AdmissionDenied",
        "ADMISSION_DENIED",
        15,
        90,
        "An admission webhook or policy refuses the pod, with a message.",
    ),
    Row(
        "WebhookUnavailable",
        "WEBHOOK_UNAVAILABLE",
        60,
        92,
        "An admission webhook does not answer; while it starts this is transient.",
        retryable=True,
    ),
    Row(
        "ServiceAccountMissing",
        "SERVICE_ACCOUNT_MISSING",
        15,
        90,
        "The pod's ServiceAccount does not exist.",
    ),
    Row("PodInvalid", "CHART_ERROR", 15, 90, "The API server calls the pod template invalid."),
    Row(
        "NamespaceTerminating",
        "NAMESPACE_TERMINATING",
        0,
        99,
        "Nothing can be made in a namespace that is being deleted.",
    ),
    Row("Forbidden", "FORBIDDEN", 0, 95, "The API server forbids us to look at what we wait for."),
    Row(
        "ClusterUnreachable",
        "CLUSTER_UNREACHABLE",
        60,
        97,
        "No request gets through; an API server that restarts is back within seconds.",
        retryable=True,
    ),
    Row("JobFailed", "JOB_FAILED", 0, 48, "The Job has used up its own tries or its own deadline."),
    Row("HookFailed", "HOOK_FAILED", 0, 48, "A Helm hook has failed, and Helm stops there."),
    Row("PodFailed", "JOB_FAILED", 0, 46, "A pod that nobody restarts has failed."),
    Row(
        "JobRetrying",
        "JOB_FAILED",
        NEVER,
        30,
        "A pod of the Job has failed, and the Job still has tries left: its own limit decides.",
    ),
    Row(
        "Evicted",
        "CAPACITY",
        NEVER,
        10,
        "Evicted, preempted or on a node that goes away: its controller makes another.",
    ),
    Row(
        "SidecarMissing",
        "SIDECAR_MISSING",
        20,
        85,
        "The pod asks for a Dapr sidecar and was made when no injector served; it stays without. "
        "Dapr's watchdog, where it is on, makes such pods again every few seconds.",
        retryable=True,
    ),
    Row(
        "ComponentNotLoaded",
        "COMPONENT_NOT_LOADED",
        20,
        61,
        "A ready sidecar does not have a Dapr component that is meant for it: components are "
        "loaded when a sidecar starts, and later only where hot reloading is on.",
    ),
    Row(
        "ComponentFailed",
        "COMPONENT_FAILED",
        60,
        62,
        "A Dapr component that cannot be initialised ends its sidecar each time. What it connects "
        "to may still be starting.",
        restarts=4,
        retryable=True,
    ),
    Row(
        "ResourceFailed",
        "RESOURCE_FAILED",
        60,
        35,
        "The object's own controller says that it failed; most controllers try again.",
    ),
    Row(
        "ResourceFailed:Kafka",
        "RESOURCE_FAILED",
        270,
        35,
        "Strimzi tries a failed reconciliation again every 120 s; two retries are given.",
    ),
    Row(
        "ResourceFailed:KafkaTopic",
        "RESOURCE_FAILED",
        300,
        35,
        "While no broker answers, Strimzi's topic operator says so of every topic, and tries again "
        "every 120 s.",
    ),
    Row(
        "ResourceInvalid",
        "RESOURCE_FAILED",
        15,
        36,
        "The operator calls what the object asks for invalid: only a change of it helps.",
    ),
    Row(
        "ResourceFailed:Application",
        "RESOURCE_FAILED",
        120,
        35,
        "Argo CD's health is Degraded for a moment in many rollouts.",
    ),
    Row(
        "ResourceFailed:PersistentVolumeClaim",
        "VOLUME_UNBOUND",
        15,
        80,
        "The volume behind the claim is lost, or cannot grow.",
    ),
    Row(
        "ResourceFailed:CustomResourceDefinition",
        "RESOURCE_FAILED",
        15,
        85,
        "Its names are taken by another definition.",
    ),
    Row(
        "DeadlineExceeded",
        "NOT_READY_IN_TIME",
        0,
        15,
        "The Deployment's own progressDeadlineSeconds is over.",
        retryable=True,
    ),
    Row(
        "NotObserved",
        "NOT_OBSERVED",
        60,
        14,
        "Everything else is ready, and no controller has written anything to the object: whoever "
        "handles its kind does not run, or does not watch its namespace.",
        retryable=True,
    ),
    Row(
        "KindNotServed",
        "NOT_OBSERVED",
        120,
        14,
        "Everything else is ready, and the API does not know the kind: its definition comes with "
        "an operator that is not installed, or that has not made it yet.",
        retryable=True,
    ),
    Row(
        "ReportPending",
        "NOT_OBSERVED",
        1800,
        13,
        "Its controller has written to the object before, but has not reported on what was applied "
        "now. Some report at the end of a long piece of work only (Strimzi's rolling updates).",
        retryable=True,
    ),
    Row(
        "ObjectMissing",
        "RESOURCE_GONE",
        10,
        93,
        "An object that was applied is not there any more; nothing here makes it again.",
        retryable=True,
    ),
    Row(
        "ScaledToZero",
        "SCALED_TO_ZERO",
        5,
        94,
        "Somebody scaled the workload to 0 replicas, though what was applied asks for some. A tool "
        "that scales it up again within seconds is none of this.",
    ),
    Row(
        "ObjectTerminating",
        "RESOURCE_GONE",
        15,
        93,
        "An object that was applied is being deleted; it will not come back by itself.",
        retryable=True,
    ),
    Row(
        "EndpointsMissing",
        "RESOURCE_FAILED",
        60,
        12,
        "All pods are ready and the Service still has no endpoint: its selector or port is wrong.",
    ),
)


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """The table by reason. `ResourceFailed:Kafka` is a row of one kind; the plain one the rest."""

    rows: Mapping[str, Row]

    def row(self, reason: str) -> Row:
        """The row of a reason; KeyError for a reason that nothing gives."""
        if reason not in self.rows and ":" in reason:
            return self.rows[reason.partition(":")[0]]
        return self.rows[reason]

    def override(self, overrides: Iterable[FailureOverride]) -> FailurePolicy:
        """The policy with the budgets of a skill. ValueError names an unknown reason."""
        rows = dict(self.rows)
        for change in overrides:
            known = change.reason.partition(":")[0] in rows
            if not known:
                raise ValueError(
                    f"failure_policy: no row {change.reason!r}; rows are {', '.join(sorted(rows))}"
                )
            row = self.row(change.reason)
            # Whoever gives more time means it: a count of restarts must not end it early.
            restarts = row.restarts if change.budget <= row.budget else None
            rows[change.reason] = replace(
                row,
                reason=change.reason,
                budget=change.budget,
                why=change.why or row.why,
                restarts=restarts,
            )
        return FailurePolicy(rows)


DEFAULT_POLICY: Final = FailurePolicy({row.reason: row for row in _ROWS})
