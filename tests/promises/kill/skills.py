"""Two skills with one of everything that a stopped run could lose, leave or take.

`bus` is what `demo` requires. `demo` applies a Secret, a ConfigMap and a claim, installs a release
with a StatefulSet, claims of two kinds, hooks and objects that come and go with `level`, and
another one with a definition, whose resource an operator (`operate`) answers for.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import yaml

from skill_runner.backends.base import ReleaseSpec
from skill_runner.objects import Object, Ref
from skill_runner.testing import MemoryCluster
from tests.support.definitions import definition

SPACE: Final = "demo"
FAILS: Final = 13  # the level at which a hook gives up after everything was changed
DATABASE: Final = definition("example.org", "Database")
OPERATED: Final = ("db-1", "db-rw")  # the claim and the Service that the operator makes

_PASSED: Final = {"type": "string", "default": "demo", "change": "refuse", "description": "Where."}
_LEVEL: Final = {"type": "integer", "default": 1, "description": "What comes and goes."}

_SECRETS: Final = """
apiVersion: v1
kind: Secret
metadata: {name: credentials, annotations: {helm.sh/resource-policy: keep}}
stringData: {token: {{ token | tojson }}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {level: "{{ level }}"}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: applied}
spec: {resources: {requests: {storage: 1Gi}}, accessModes: [ReadWriteOnce]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: "at-level-{{ level }}"}
"""
_RESOURCE: Final = """
apiVersion: example.org/v1
kind: Database
metadata: {name: db}
spec: {level: {{ level }}}
"""
_HOOKS: Final = f"""
from skill_runner.hooks import GiveUp

async def settle(ctx):
    if ctx.inputs["level"] == {FAILS}:
        raise GiveUp("this level never works")
    return "settled"

async def prove(ctx):
    return "it works"
"""


_MAKES = {
    "here": [
        "apps/v1 Deployment",
        "apps/v1 StatefulSet",
        "batch/v1 Job",
        "v1 ConfigMap",
        "v1 Secret",
        "v1 PersistentVolumeClaim",
        "v1 Service",
        "v1 ServiceAccount",
        "example.org/v1 Database",
    ],
    "cluster": ["apiextensions.k8s.io/v1 CustomResourceDefinition"],
}
_COMMON = {
    "schema": 1,
    "version": "1.0.0",
    "summary": "A skill of the tests.",
    "use_when": "A test needs a skill.",
    "makes": _MAKES,
}


def write_skills(folder: Path, on_failure: str) -> None:
    """The folders of both skills."""
    _write_bus(folder / "bus")
    _write_demo(folder / "demo", on_failure)


def _write_bus(folder: Path) -> None:
    _write(
        folder,
        {
            **_COMMON,
            "name": "bus",
            "inputs": {"namespace": {**_PASSED, "default": "bus"}},
            "steps": [{"id": "map", "apply": "map.yaml.j2"}],
            "outputs": {"address": "bus.{{ namespace }}.svc"},
        },
    )
    map_ = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bus}\n"
    (folder / "map.yaml.j2").write_text(map_)


def _write_demo(folder: Path, on_failure: str) -> None:
    _write(
        folder,
        {
            **_COMMON,
            "name": "demo",
            "inputs": {
                "namespace": _PASSED,
                "level": _LEVEL,
                "token": {"type": "string", "writeOnly": True, "description": "A secret."},
            },
            "requires": [{"skill": "bus"}],
            "steps": [
                {"id": "secrets", "apply": "secrets.yaml.j2"},
                {"id": "store", "release": "store", "chart": "store/", "values": "values.yaml.j2"},
                {
                    "id": "operator",
                    "release": "operator",
                    "chart": "operator/",
                    "values": "values.yaml.j2",
                },
                {"id": "database", "apply": "database.yaml.j2"},
                {"id": "settle", "hook": "settle"},
            ],
            "prove": [{"id": "works", "hook": "prove", "kind": "observe"}],
            "on_failure": on_failure,
        },
    )
    (folder / "secrets.yaml.j2").write_text(_SECRETS)
    (folder / "database.yaml.j2").write_text(_RESOURCE)
    (folder / "values.yaml.j2").write_text("level: {{ level }}\n")
    for name in ("store", "operator"):
        (folder / name).mkdir(exist_ok=True)
        chart = f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n"
        (folder / name / "Chart.yaml").write_text(chart)


def _write(folder: Path, data: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "skill.yaml").write_text(yaml.safe_dump({"stability": 0, **data}, sort_keys=False))
    (folder / "hooks.py").write_text(_HOOKS)


def store_chart(spec: ReleaseSpec) -> Iterable[Object]:
    """A StatefulSet that asks for its volumes to go with it, claims of the chart's, hooks."""
    level = spec.values["level"]
    workload = _workload("StatefulSet", "store", level)
    workload["spec"] |= {
        "serviceName": "store",
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": _claim_spec()}],
    }
    yield workload
    yield _object("v1", "PersistentVolumeClaim", "charted", spec=_claim_spec())
    left = {"annotations": {"helm.sh/resource-policy": "keep"}}  # as our charts' claims ask
    yield _object("v1", "PersistentVolumeClaim", "left", meta=left, spec=_claim_spec())
    yield _object("v1", "ConfigMap", f"charted-at-level-{level}")
    yield _hook("ConfigMap", "left-by-helm", "post-install,post-upgrade", {})
    job = {"template": _template("migrate", {"app": "migrate"})}
    job["template"]["spec"]["restartPolicy"] = "Never"
    yield _hook("Job", "migrate", "pre-install,pre-upgrade", {"spec": job})


def operator_chart(spec: ReleaseSpec) -> Iterable[Object]:
    """An operator: a Deployment and what it may do."""
    yield _workload("Deployment", "operator", 1)
    yield _object("v1", "ServiceAccount", "operator")


async def operate(cluster: MemoryCluster, obj: Object) -> None:
    """As an operator does: a claim and a Service that the resource owns, then Ready."""
    meta = obj["metadata"]
    if meta.get("deletionTimestamp"):
        return
    owner = {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": "db",
        "uid": meta["uid"],
        "controller": True,
    }
    for kind, name in zip(("PersistentVolumeClaim", "Service"), OPERATED, strict=True):
        ref = Ref("v1", kind, name, meta["namespace"])
        made = {
            "apiVersion": "v1",
            "kind": kind,
            "metadata": {"name": name, "namespace": meta["namespace"], "ownerReferences": [owner]},
            "spec": _claim_spec() if name == OPERATED[0] else {},
        }
        found = cluster.store.select(lambda r, _, ref=ref: r == ref)  # type: ignore[misc]
        if not any(o["metadata"].get("ownerReferences") for o in found):  # it adopts, too
            cluster.put(made)
    cluster.set_status(Ref.of(obj), conditions=[{"type": "Ready", "status": "True"}])


def establish(cluster: MemoryCluster, definition: Object) -> None:
    """As the API server does with a definition that it can serve."""
    true = [{"type": kind, "status": "True"} for kind in ("NamesAccepted", "Established")]
    cluster.set_status(Ref.of(definition), conditions=true)


def strangers() -> list[Object]:
    """Objects of others, of each kind, some with names and labels like ours."""
    ours = {"app.kubernetes.io/instance": "demo"}
    kinds = (
        ("v1", "Secret"),
        ("v1", "ConfigMap"),
        ("v1", "Service"),
        ("v1", "ServiceAccount"),
        ("v1", "PersistentVolumeClaim"),
        ("rbac.authorization.k8s.io/v1", "Role"),
        ("networking.k8s.io/v1", "Ingress"),
        ("batch/v1", "CronJob"),
        ("apps/v1", "Deployment"),
    )
    made = [_object("v1", "Namespace", name) for name in (SPACE, "neighbour")]
    default = {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
    made.append(_object("storage.k8s.io/v1", "StorageClass", "standard", meta=default))
    for api_version, kind in kinds:
        for space in (SPACE, "neighbour"):
            meta = {"namespace": space, "labels": ours}
            made.append(_object(api_version, kind, "strangers", meta=meta))
    made.append(_object("v1", "PersistentVolumeClaim", "data-other-0", meta={"namespace": SPACE}))
    return made


def strangers_of_definition(cluster: MemoryCluster) -> list[Object]:
    """Resources of others, once our definition serves them."""
    if not cluster.store.select(lambda ref, _: ref.kind == "CustomResourceDefinition"):
        return []
    return [_object("example.org/v1", "Database", "strangers", meta={"namespace": "neighbour"})]


def _object(api_version: str, kind: str, name: str, **more: Any) -> Object:
    meta = {"name": name, **more.pop("meta", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": meta, **more}


def _hook(kind: str, name: str, events: str, more: dict[str, Any]) -> Object:
    api_version = "batch/v1" if kind == "Job" else "v1"
    return _object(api_version, kind, name, meta={"annotations": {"helm.sh/hook": events}}, **more)


def _claim_spec() -> Object:
    return {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


def _workload(kind: str, name: str, level: int) -> Object:
    labels = {"app": name}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": _template(name, labels)}
    spec["template"]["metadata"]["annotations"] = {"level": str(level)}  # type: ignore[index]
    return _object("apps/v1", kind, name, spec=spec)


def _template(name: str, labels: dict[str, str]) -> Object:
    container = {
        "name": name,
        "image": "example.org/app:1",
        "resources": {
            "requests": {"cpu": "10m", "memory": "16Mi"},
            "limits": {"cpu": "1", "memory": "16Mi"},
        },
        "livenessProbe": {"tcpSocket": {"port": 80}},
        "readinessProbe": {"tcpSocket": {"port": 80}},
    }
    return {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
