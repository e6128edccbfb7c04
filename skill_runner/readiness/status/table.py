"""Kind to rule. A kind of the API's own that is not listed is ready by existing (ConfigMap, Role).

To add a kind: one function, one line here, one file under tests/unit/readiness/status/data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from skill_runner.objects import Object
from skill_runner.readiness.status import (
    argo,
    batch,
    cluster_api,
    cnpg,
    gateway,
    kong,
    network,
    pods,
    storage,
    strimzi,
    workloads,
)
from skill_runner.readiness.status.verdict import Verdict, ready

Rule = Callable[[Object], Verdict]


def exists(_: Object) -> Verdict:
    return ready("exists")


_ROUTES: Final = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")
_STRIMZI: Final = (
    "Kafka",
    "KafkaUser",
    "KafkaConnect",
    "KafkaConnector",
    "KafkaBridge",
    "KafkaMirrorMaker2",
    "KafkaRebalance",
)
_CNPG_APPLIED: Final = ("Database", "Publication", "Subscription", "DatabaseRole")

RULES: Final[Mapping[tuple[str, str], Rule]] = {
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("", "ReplicationController"): workloads.replica_set,
    ("", "Pod"): pods.pod,
    ("batch", "Job"): batch.job,
    ("batch", "CronJob"): batch.cron_job,
    ("", "PersistentVolumeClaim"): storage.claim,
    ("", "Service"): network.service,
    ("", "Namespace"): cluster_api.namespace,
    ("discovery.k8s.io", "EndpointSlice"): network.endpoint_slice,
    ("networking.k8s.io", "Ingress"): network.ingress,
    ("autoscaling", "HorizontalPodAutoscaler"): cluster_api.autoscaler,
    ("policy", "PodDisruptionBudget"): cluster_api.disruption_budget,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): cluster_api.custom_resource_definition,
    ("apiregistration.k8s.io", "APIService"): cluster_api.api_service,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): cluster_api.webhooks,
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): cluster_api.webhooks,
    **{("kafka.strimzi.io", kind): strimzi.kafka for kind in _STRIMZI},
    ("kafka.strimzi.io", "KafkaTopic"): strimzi.topic,
    ("kafka.strimzi.io", "KafkaNodePool"): strimzi.node_pool,
    ("core.strimzi.io", "StrimziPodSet"): strimzi.pod_set,
    ("postgresql.cnpg.io", "Cluster"): cnpg.cluster,
    ("postgresql.cnpg.io", "Pooler"): cnpg.pooler,
    **{("postgresql.cnpg.io", kind): cnpg.database for kind in _CNPG_APPLIED},
    ("argoproj.io", "Application"): argo.application,
    ("gateway.networking.k8s.io", "GatewayClass"): gateway.gateway_class,
    ("gateway.networking.k8s.io", "Gateway"): gateway.gateway,
    **{("gateway.networking.k8s.io", kind): gateway.route for kind in _ROUTES},
    (kong.GROUP, "KongConsumer"): kong.consumer,
    **{(kong.GROUP, kind): exists for kind in kong.SILENT},
    # Dapr's kinds have no status: a sidecar that loaded them is the proof, and that is a hook's.
    **{
        ("dapr.io", kind): exists
        for kind in ("Component", "Configuration", "Subscription", "Resiliency", "HTTPEndpoint")
    },
}

# The API server's own groups: everything else is a custom resource. A suffix would not do, since
# gateway.networking.k8s.io and snapshot.storage.k8s.io are custom resources.
NATIVE_GROUPS: Final = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)


def group_of(api_version: str) -> str:
    """The group of an apiVersion; the empty string for the core group."""
    group, slash, _ = api_version.rpartition("/")
    return group if slash else ""


def is_custom(api_version: str) -> bool:
    return group_of(api_version) not in NATIVE_GROUPS


def is_passive(api_version: str, kind: str) -> bool:
    """Tell whether existing is all that an object of this kind can do (ConfigMap, Role, Secret)."""
    rule = RULES.get((group_of(api_version), kind))
    return rule is exists if rule else not is_custom(api_version)
