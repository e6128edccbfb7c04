"""The kinds that rules read, by name."""

from __future__ import annotations

from typing import Final

from skill_runner.compliance.model import Kind

POD: Final[Kind] = ("v1", "Pod")
DEPLOYMENT: Final[Kind] = ("apps/v1", "Deployment")
STATEFUL_SET: Final[Kind] = ("apps/v1", "StatefulSet")
DAEMON_SET: Final[Kind] = ("apps/v1", "DaemonSet")
JOB: Final[Kind] = ("batch/v1", "Job")
CRON_JOB: Final[Kind] = ("batch/v1", "CronJob")
SERVICE: Final[Kind] = ("v1", "Service")
CONFIG_MAP: Final[Kind] = ("v1", "ConfigMap")
CLAIM: Final[Kind] = ("v1", "PersistentVolumeClaim")
INGRESS: Final[Kind] = ("networking.k8s.io/v1", "Ingress")
NETWORK_POLICY: Final[Kind] = ("networking.k8s.io/v1", "NetworkPolicy")
HTTP_ROUTE: Final[Kind] = ("gateway.networking.k8s.io/v1", "HTTPRoute")
KONG_PLUGIN: Final[Kind] = ("configuration.konghq.com/v1", "KongPlugin")
COMPONENT: Final[Kind] = ("dapr.io/v1alpha1", "Component")
SUBSCRIPTION: Final[Kind] = ("dapr.io/v2alpha1", "Subscription")
KAFKA: Final[Kind] = ("kafka.strimzi.io/v1", "Kafka")
NODE_POOL: Final[Kind] = ("kafka.strimzi.io/v1", "KafkaNodePool")
KAFKA_TOPIC: Final[Kind] = ("kafka.strimzi.io/v1", "KafkaTopic")
CNPG: Final[Kind] = ("postgresql.cnpg.io/v1", "Cluster")
APPLICATION: Final[Kind] = ("argoproj.io/v1alpha1", "Application")

TEMPLATES: Final = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, CRON_JOB)
WORKLOADS: Final = (*TEMPLATES, JOB)
PODS: Final = (*WORKLOADS, POD)
OPERATED: Final = (KAFKA, NODE_POOL, CNPG)  # custom resources that decide a pod's resources

# What people change by hand. Secrets are left out: whoever may list them may read them.
CHANGEABLE: Final = (
    *TEMPLATES,
    SERVICE,
    CONFIG_MAP,
    CLAIM,
    INGRESS,
    NETWORK_POLICY,
    ("v1", "ServiceAccount"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    HTTP_ROUTE,
    KONG_PLUGIN,
    COMPONENT,
    SUBSCRIPTION,
    ("dapr.io/v1alpha1", "Resiliency"),
    KAFKA,
    NODE_POOL,
    KAFKA_TOPIC,
    CNPG,
)
BARE: Final = frozenset(CHANGEABLE) - frozenset(PODS)  # of those that nobody else reads
