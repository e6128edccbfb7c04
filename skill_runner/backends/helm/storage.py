"""Helm releases as Helm keeps them: one Secret a revision, read and fixed through a Cluster.

Reading the Secret is one request, where asking the helm command is a process of 50 ms or more
that leaves the labels out. The format (base64 of gzip of JSON, `sh.helm.release.v1.NAME.vREV`)
is that of Helm 3 and 4: pkg/storage/driver/secrets.go and util.go in helm.sh/helm/v4.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from skill_runner.backends.base import Cluster, Release
from skill_runner.backends.manifests import read_manifests
from skill_runner.errors import Conflict, Forbidden, HelmError, NotFound
from skill_runner.objects import Object, Ref

_OWN_LABELS: Final = {"name", "owner", "status", "version", "createdAt", "modifiedAt"}


class Releases:
    """The releases of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def get(self, name: str, namespace: str) -> Release | None:
        """The newest revision, or None."""
        newest = await self._newest(name, namespace)
        return release_of(newest) if newest else None

    async def history(self, name: str, namespace: str) -> tuple[Release, ...]:
        """Every kept revision, oldest first."""
        secrets = await self._secrets(namespace, f"name={name}")
        return tuple(release_of(secret) for secret in sorted(secrets, key=_revision))

    async def list(self, namespace: str | None = None) -> tuple[Release, ...]:
        """The newest revision of every release, by namespace and name."""
        newest: dict[tuple[str, str], Object] = {}
        # Superseded revisions are never the newest; they are most of the bytes.
        for secret in sorted(await self._secrets(namespace, "status!=superseded"), key=_revision):
            newest[secret["metadata"]["namespace"], secret["metadata"]["labels"]["name"]] = secret
        return tuple(release_of(newest[key]) for key in sorted(newest))

    async def manifest(
        self, name: str, namespace: str, *, every: bool = False
    ) -> tuple[Object, ...]:
        """The objects of the newest revision, or of `every` kept one, without its hooks."""
        revisions = await self._revisions(name, namespace, every=every)
        return _each_once(
            obj for r in revisions for obj in read_manifests(payload_of(r).get("manifest") or "")
        )

    async def hooks(self, name: str, namespace: str, *, every: bool = False) -> tuple[Object, ...]:
        """The hook objects of the newest revision, or of `every` kept one, each object once."""
        revisions = await self._revisions(name, namespace, every=every)
        return _each_once(
            obj
            for revision in revisions
            for hook in payload_of(revision).get("hooks") or ()
            for obj in read_manifests(hook.get("manifest") or "")
        )

    async def _revisions(self, name: str, namespace: str, *, every: bool) -> tuple[Object, ...]:
        """The newest revision, or all, oldest first."""
        if every:
            return tuple(sorted(await self._secrets(namespace, f"name={name}"), key=_revision))
        newest = await self._newest(name, namespace)
        return (newest,) if newest else ()

    async def mark_failed(self, name: str, namespace: str, revision: int) -> None:
        """Turn one pending revision into a failed one, in the label and in the payload.

        HelmError when there is no such revision, or it is not pending.
        """
        ref = Ref("v1", "Secret", secret_name(name, revision), namespace)
        try:
            secret = await self._cluster.get(ref)
        except NotFound:
            raise HelmError(f"release {namespace}/{name} has no revision {revision}") from None
        status = secret["metadata"]["labels"]["status"]
        if not status.startswith("pending-"):
            raise HelmError(
                f"revision {revision} of release {namespace}/{name} is {status}, not pending",
                hint="It was finished meanwhile: check it again.",
            )
        reason = f"Left {status} by a run that died"
        try:
            await self._cluster.replace(with_status(secret, "failed", reason))
        except Conflict as error:
            raise HelmError(
                f"revision {revision} of release {namespace}/{name} changed meanwhile",
                hint="Another Helm operation is running; run again when it has finished.",
            ) from error

    async def _newest(self, name: str, namespace: str) -> Object | None:
        secrets = await self._secrets(namespace, f"name={name},status!=superseded")
        # All superseded: somebody removed the newest revision by hand.
        secrets = secrets or await self._secrets(namespace, f"name={name}")
        return max(secrets, key=_revision, default=None)

    async def _secrets(self, namespace: str | None, labels: str) -> tuple[Object, ...]:
        found = await self._cluster.list(
            "v1", "Secret", namespace=namespace, labels=f"owner=helm,{labels}"
        )
        return found.items


def _each_once(objects: Iterable[Object]) -> tuple[Object, ...]:
    """Each object as the last that has it says."""
    found: dict[tuple[str, str, str], Object] = {}
    for obj in objects:
        meta = obj["metadata"]
        found[obj["kind"], meta.get("namespace") or "", meta["name"]] = obj
    return tuple(found.values())


async def lacks_namespace(cluster: Cluster, name: str) -> bool:
    """Tell whether Helm has to make a namespace first; it would fail for whoever may not make any,
    even where the namespace exists."""
    try:
        await cluster.get(Ref("v1", "Namespace", name))
    except NotFound:
        return True
    except Forbidden:  # whoever owns one namespace alone may not look at it
        return False
    return False


def secret_name(name: str, revision: int) -> str:
    """Name the Secret that holds a revision."""
    return f"sh.helm.release.v1.{name}.v{revision}"


def release_of(secret: Object) -> Release:
    """One revision, from its Secret."""
    payload, meta = payload_of(secret), secret["metadata"]
    info, chart = payload.get("info") or {}, (payload.get("chart") or {}).get("metadata") or {}
    labels = {k: v for k, v in (meta.get("labels") or {}).items() if k not in _OWN_LABELS}
    return Release(
        name=payload["name"],
        namespace=meta["namespace"],
        revision=int(payload["version"]),
        status=str(info.get("status", "unknown")).lower(),
        chart=chart.get("name", ""),
        chart_version=chart.get("version", ""),
        app_version=chart.get("appVersion", ""),
        labels=labels,
        updated=info.get("last_deployed", ""),
        description=info.get("description", ""),
        uid=str(meta.get("uid", "")),
    )


def payload_of(secret: Object) -> dict[str, Any]:
    """The release record inside a Secret. HelmError when it cannot be read."""
    try:
        coded = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        payload: dict[str, Any] = json.loads(gzip.decompress(coded))
    except (KeyError, ValueError, OSError, EOFError) as error:
        raise HelmError(
            f"{Ref.of(secret)} does not hold a readable Helm release: {error}"
        ) from error
    return payload


def secret_of(payload: Mapping[str, Any], labels: Mapping[str, str]) -> Object:
    """The Secret that keeps a release record, as Helm writes it."""
    name, revision = payload["name"], int(payload["version"])
    own = {
        "name": name,
        "owner": "helm",
        "status": payload["info"]["status"],
        "version": str(revision),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "helm.sh/release.v1",
        "metadata": {
            "name": secret_name(name, revision),
            "namespace": payload["namespace"],
            "labels": {**labels, **own},
        },
        "data": {"release": _coded(payload)},
    }


def with_status(secret: Object, status: str, description: str) -> Object:
    """The same Secret with another status, in its label and in its payload."""
    payload, meta = payload_of(secret), secret["metadata"]
    payload["info"] = {**payload.get("info", {}), "status": status, "description": description}
    labels = {**meta["labels"], "status": status}
    return {
        **secret,
        "metadata": {**meta, "labels": labels},
        "data": {**secret["data"], "release": _coded(payload)},
    }


def _coded(payload: Mapping[str, Any]) -> str:
    packed = gzip.compress(json.dumps(payload).encode(), mtime=0)
    return base64.b64encode(base64.b64encode(packed)).decode()


def _revision(secret: Object) -> int:
    return int(secret["metadata"]["labels"]["version"])
