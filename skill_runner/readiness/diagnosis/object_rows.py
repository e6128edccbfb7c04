"""The failure policy of scheduling, volumes, admission and of every other object."""

from __future__ import annotations

from typing import Final

from skill_runner.readiness.diagnosis.failure_row import NEVER, Row

ROWS: Final = (
    Row(
        "UnschedulableForever",
        "UNSCHEDULABLE",
        30,
        70,
        "No node of this cluster could ever hold the pod, even if it were empty, and no pool of "
        "nodes is there that may grow.",
    ),
    Row(
        "Unschedulable",
        "UNSCHEDULABLE",
        300,
        60,
        "Nodes that fit exist but are full or not ready, or nodes cannot be read, or they are of "
        "pools that may grow; room may come.",
        retryable=True,
    ),
    Row(
        "ScalingUp",
        "UNSCHEDULABLE",
        900,
        58,
        "An autoscaler has said that it adds a node for the pod. One is there after two to five "
        "minutes, one with a GPU and its driver after ten.",
        retryable=True,
    ),
    Row(
        "SchedulingGated",
        "UNSCHEDULABLE",
        1800,
        57,
        "The pod has a scheduling gate, and whoever set it takes it away when its turn has come "
        "(Kueue's queues); that may be long.",
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
    Row(
        "ClassMissing",
        "ADMISSION_DENIED",
        30,
        90,
        "The pod names a PriorityClass or a RuntimeClass that does not exist. It may come with an "
        "operator of the node's.",
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
        240,
        97,
        "No request gets through; an API server that restarts is back within seconds, the only one "
        "of a zonal cluster that is upgraded within minutes.",
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
        "PodRejected",
        "UNSCHEDULABLE",
        300,
        59,
        "The node that the pod was given refuses it (no room any more, a taint, a port, its device "
        "plugin). Its controller makes another at once, which may fit; one that comes back refused "
        "for five minutes does not.",
        retryable=True,
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
        "GatewayConfigRejected",
        "GATEWAY_CONFIG_REJECTED",
        10,
        86,
        "The gateway refuses what its controller pushes, again and again, because of one object; "
        "until that is corrected or deleted, no change of anyone's arrives.",
    ),
    Row(
        "ResourceFailed",
        "RESOURCE_FAILED",
        120,
        35,
        "The object's own controller says that it failed; most controllers try again.",
    ),
    Row(
        "ResourceNotReady",
        "RESOURCE_FAILED",
        NEVER,
        34,
        "The object's own controller says that it is not ready, as it says of everything that it "
        "still makes: a certificate that is issued, a database that is created. A skill that knows "
        "its operator gives `ResourceNotReady:Kind` a budget.",
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
        "All pods are ready and the Service still leads nowhere: it has no endpoint, its selector "
        "misses a workload by the spelling of a label, or no container has the port that it names; "
        "or an Ingress asks a Service for a port that it does not have.",
    ),
)
