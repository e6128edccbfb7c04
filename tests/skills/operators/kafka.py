"""What Strimzi makes of a Kafka and its node pool, and says of them; with a real broker in it."""

from __future__ import annotations

from typing import Any, Final

from skill_runner.objects import Object, Ref

API: Final = "kafka.strimzi.io/v1"
NAME: Final = "kafka-k8s-setup"
KAFKA: Final = Ref(API, "Kafka", NAME, "kafka")
POOL: Final = Ref(API, "KafkaNodePool", f"{NAME}-brokers", "kafka")
POD_SET: Final = Ref("core.strimzi.io/v1", "StrimziPodSet", f"{NAME}-{POOL.name}", "kafka")
CLAIM: Final = Ref("v1", "PersistentVolumeClaim", f"data-0-{POD_SET.name}-0", "kafka")
POD: Final = Ref("v1", "Pod", f"{POD_SET.name}-0", "kafka")
FINALIZER: Final = "strimzi.io/topic-operator"
BOOTSTRAP: Final = f"{NAME}-kafka-bootstrap"
LABELS: Final = {
    "strimzi.io/cluster": NAME,
    "strimzi.io/pool-name": POOL.name,
    "app.kubernetes.io/instance": NAME,
    "app.kubernetes.io/managed-by": "strimzi-cluster-operator",
}
SETTINGS: Final = {
    "KAFKA_NODE_ID": "0",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
    "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{BOOTSTRAP}.kafka.svc:9092",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "0@127.0.0.1:9093",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "500",
    "KAFKA_LOG_DIRS": "/var/lib/kafka/data/log",
    "KAFKA_HEAP_OPTS": "-Xmx256m",
    "KAFKA_GC_LOG_OPTS": "-Xlog:all=warning:stderr",
}


def condition(kind: str, *, status: str = "True", reason: str = "", message: str = "") -> Object:
    more = {"reason": reason, "message": message} if reason else {}
    return {"type": kind, "status": status, "lastTransitionTime": "2026-01-01T00:00:00Z", **more}


def topic(name: str) -> Ref:
    return Ref(API, "KafkaTopic", f"{NAME}.{name}", "kafka")


def parts(kafka: Object, pool: Object) -> list[Object]:
    """A volume that nothing owns (deleteClaim: false), a bootstrap Service, and what makes pods."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"namespace": "kafka", "labels": LABELS, "name": CLAIM.name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}},
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _owned(BOOTSTRAP, kafka),
        "spec": {
            "selector": LABELS,
            "ports": [{"port": 9092, "targetPort": 9092}],
            "publishNotReadyAddresses": True,
        },
    }
    pod_set = {
        "apiVersion": POD_SET.api_version,
        "kind": POD_SET.kind,
        "metadata": _owned(POD_SET.name, pool),
        "spec": {"selector": {"matchLabels": LABELS}, "pods": [{"metadata": {"name": POD.name}}]},
    }
    return [claim, service, pod_set]


def broker(pod_set: Object, image: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _owned(POD.name, pod_set),
        "spec": _broker(image),
    }


def counts(*, current: int, ready: int, generation: int = 1) -> dict[str, int]:
    """What a StrimziPodSet says of its one pod; an old one is not current."""
    return {"observedGeneration": generation, "pods": 1, "currentPods": current, "readyPods": ready}


def _owned(name: str, by: Object) -> dict[str, Any]:
    owner = {key: by[key] for key in ("apiVersion", "kind")} | {
        key: by["metadata"][key] for key in ("name", "uid")
    }
    return {"name": name, "namespace": "kafka", "labels": LABELS, "ownerReferences": [owner]}


def _broker(image: str) -> dict[str, Any]:
    mounts = {"config": "/opt/kafka/config", "logs": "/opt/kafka/logs", "tmp": "/tmp"}
    probe = {"tcpSocket": {"port": 9092}, "periodSeconds": 1}
    container = {
        "name": "kafka",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/etc/kafka/docker/run"],
        "env": [{"name": name, "value": value} for name, value in SETTINGS.items()],
        "readinessProbe": probe,
        "volumeMounts": [
            {"name": "data", "mountPath": "/var/lib/kafka/data"},
            *(
                {"name": "work", "mountPath": path, "subPath": name}
                for name, path in mounts.items()
            ),
        ],
    }
    return {
        "containers": [container],
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
        "securityContext": {"runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000},
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": CLAIM.name}},
            {"name": "work", "emptyDir": {}},
        ],
    }
