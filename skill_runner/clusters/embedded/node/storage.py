"""Dynamic local volumes: claims of the class `standard` become folders of the node.

Why not local-path-provisioner: it makes and removes each folder in a pod of its own, so it needs an
image with a shell before the first volume, and it cannot grow one. The node's own process makes a
folder in a millisecond, with no image, and grows claims, which charts' tests want.
The volumes are of the type `local`, so that the kubelet gives them to a pod's fsGroup.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import httpx

from skill_runner.clusters.embedded.api import Object, changes, merge

PROVISIONER: Final = "skill.local/folder"
CLASS: Final = "standard"
_SELECTED: Final = "volume.kubernetes.io/selected-node"
_PROVISIONED: Final = "pv.kubernetes.io/provisioned-by"


def storage_class() -> Object:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }


async def serve_claims(client: httpx.AsyncClient, folder: Path) -> None:
    """Make a volume for every claim of ours that has a node, and grow those that ask for more."""
    async for claim in changes(client, "/api/v1/persistentvolumeclaims"):
        annotations = claim["metadata"].get("annotations", {})
        if annotations.get("volume.kubernetes.io/storage-provisioner") != PROVISIONER:
            continue
        if claim["spec"].get("volumeName"):
            await _grow(client, claim)
        elif node := annotations.get(_SELECTED):
            await _provision(client, claim, node, folder)


async def serve_volumes(client: httpx.AsyncClient, folder: Path) -> None:
    """Delete the volumes of ours whose claim is gone, folder first."""
    async for volume in changes(client, "/api/v1/persistentvolumes"):
        if is_to_be_deleted(volume):
            name = volume["metadata"]["name"]
            shutil.rmtree(folder / name, ignore_errors=True)
            answer = await client.delete(f"/api/v1/persistentvolumes/{name}")
            if answer.status_code != httpx.codes.NOT_FOUND:
                answer.raise_for_status()


def is_to_be_deleted(volume: Object) -> bool:
    return (
        volume["metadata"].get("annotations", {}).get(_PROVISIONED) == PROVISIONER
        and volume.get("status", {}).get("phase") == "Released"
        and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
        and not volume["metadata"].get("deletionTimestamp")
    )


def volume_for(claim: Object, node: str, folder: Path) -> Object:
    """The PersistentVolume that fulfils a claim."""
    meta, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{meta['uid']}"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {_PROVISIONED: PROVISIONER}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": spec["storageClassName"],
            "volumeMode": "Filesystem",
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": meta["namespace"],
                "name": meta["name"],
                "uid": meta["uid"],
            },
            "local": {"path": str(folder / name)},
            "nodeAffinity": {
                "required": {
                    "nodeSelectorTerms": [
                        {
                            "matchExpressions": [
                                {
                                    "key": "kubernetes.io/hostname",
                                    "operator": "In",
                                    "values": [node],
                                }
                            ]
                        }
                    ]
                }
            },
        },
    }


async def _provision(client: httpx.AsyncClient, claim: Object, node: str, folder: Path) -> None:
    volume = volume_for(claim, node, folder)
    path = folder / volume["metadata"]["name"]
    path.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    path.chmod(0o777)  # as a cloud's fresh disk with fsGroup: any user of the pod may write
    answer = await client.post("/api/v1/persistentvolumes", json=volume)
    if answer.status_code != httpx.codes.CONFLICT:
        answer.raise_for_status()


async def _grow(client: httpx.AsyncClient, claim: Object) -> None:
    """A folder has no size: to grow a claim is to say so, first on the volume."""
    wanted = claim["spec"]["resources"]["requests"]["storage"]
    status = claim.get("status", {})
    if status.get("phase") != "Bound" or status.get("capacity", {}).get("storage") == wanted:
        return
    meta = claim["metadata"]
    volume = f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}"
    await merge(client, volume, {"spec": {"capacity": {"storage": wanted}}})
    path = f"/api/v1/namespaces/{meta['namespace']}/persistentvolumeclaims/{meta['name']}/status"
    size = {"capacity": {"storage": wanted}, "conditions": None, "allocatedResources": None}
    await merge(client, path, {"status": size | {"allocatedResourceStatuses": None}})
