"""What CloudNativePG makes of a Cluster, and says of it; with a real server in it."""

from __future__ import annotations

import secrets
from typing import Any, Final

from skill_runner.objects import Object, Ref

API: Final = "postgresql.cnpg.io/v1"
SPACE: Final = "postgres"
CLUSTER: Final = Ref(API, "Cluster", "postgres", SPACE)
POD: Final = Ref("v1", "Pod", "postgres-1", SPACE)
CLAIM: Final = Ref("v1", "PersistentVolumeClaim", "postgres-1", SPACE)
SECRET: Final = Ref("v1", "Secret", "postgres-app", SPACE)
SERVICE: Final = Ref("v1", "Service", "postgres-rw", SPACE)
LABELS: Final = {"cnpg.io/cluster": "postgres", "cnpg.io/instanceRole": "primary"}
HEALTHY: Final = "Cluster in healthy state"


def phase(words: str, *, ready: bool = False, **more: Any) -> dict[str, Any]:
    """A status with that phase; it never has an observedGeneration."""
    reason = "ClusterIsReady" if ready else "ClusterIsNotReady"
    condition = {
        "type": "Ready",
        "status": str(ready),
        "reason": reason,
        "message": words,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    return {"phase": words, "conditions": [condition], "instances": 1, **more}


def healthy() -> dict[str, Any]:
    return phase(HEALTHY, ready=True, readyInstances=1, currentPrimary=POD.name)


def parts(cluster: Object, image: str) -> list[Object]:
    """The application's Secret, a volume, the Service of the primary, and an instance.

    All of it is the Cluster's: where it goes, they go. A volume without an owner becomes its own.
    """
    owner = {key: cluster[key] for key in ("apiVersion", "kind")} | {
        key: cluster["metadata"][key] for key in ("name", "uid")
    }
    meta = {
        "namespace": SPACE,
        "labels": LABELS,
        "ownerReferences": [{**owner, "controller": True}],
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {**meta, "name": CLAIM.name, "annotations": {"cnpg.io/nodeSerial": "1"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}},
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**meta, "name": SERVICE.name},
        "spec": {"selector": LABELS, "ports": [{"port": 5432, "targetPort": 5432}]},
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**meta, "name": POD.name},
        "spec": _instance(image),
    }
    return [{**_secret(), "metadata": {**meta, "name": SECRET.name}}, claim, service, pod]


def _secret() -> Object:
    """The keys that matter here, as pkg/specs/secrets.go of 1.30 makes them."""
    password, host = secrets.token_hex(16), f"{SERVICE.name}.{SPACE}"
    uri = f"postgresql://app:{password}@{host}"
    values = {
        "username": "app",
        "user": "app",
        "password": password,
        "dbname": "app",
        "port": "5432",
        "host": SERVICE.name,
        "pgpass": f"{SERVICE.name}:5432:app:app:{password}\n",
        "uri": f"{uri}:5432/app",
        "fqdn-uri": f"{uri}.svc.cluster.local:5432/app",
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/basic-auth",
        "stringData": values,
    }


def _instance(image: str) -> dict[str, Any]:
    """By the image's own entrypoint; the password follows the Secret, as the operator sees to."""
    data = "/var/lib/postgresql/data/pgdata"
    probe = {"exec": {"command": ["pg_isready", "-h", "127.0.0.1"]}, "periodSeconds": 1}
    container = {
        "name": "postgres",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [
            {"name": "POSTGRES_USER", "value": "app"},
            {"name": "POSTGRES_DB", "value": "app"},
            {"name": "POSTGRES_PASSWORD_FILE", "value": "/run/app/password"},
            {"name": "PGDATA", "value": data},
        ],
        "readinessProbe": probe,
        "lifecycle": {"postStart": {"exec": {"command": ["bash", "-c", FOLLOW]}}},
        "volumeMounts": [
            {"name": "data", "mountPath": "/var/lib/postgresql/data"},
            {"name": "app", "mountPath": "/run/app"},
        ],
    }
    return {
        "containers": [container],
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "automountServiceAccountToken": False,
        "securityContext": {"runAsUser": 999, "runAsGroup": 999, "fsGroup": 999},
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": CLAIM.name}},
            {"name": "app", "secret": {"secretName": SECRET.name}},
        ],
    }


FOLLOW: Final = r"""
until pg_isready -q -h 127.0.0.1; do read -rt 0.2 <> <(:) || :; done
printf '%s\n' "ALTER ROLE app PASSWORD '$(</run/app/password)'" | psql -qU app -d app
"""
