"""The objects of a cluster in memory, under the rules of the API server that matter to clients.

Kept: resourceVersion (the same after a write that changes nothing), generation (one more for
each change outside metadata and status), uid, field ownership, finalizers and terminating
namespaces, garbage collection by owner references, dry runs. Left out: defaulting, validation,
quantities, conversion between versions. Every call may come from any thread.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from skill_runner.backends.base import FIELD_MANAGER, Clock, ResourceType
from skill_runner.errors import ApiError, Conflict, NotFound
from skill_runner.objects import Object, Ref
from skill_runner.testing import fields
from skill_runner.testing.kinds import built_in, defined_by

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]
UPDATE: fields.Manager = (FIELD_MANAGER, "Update")

_FIRST_STATUS: dict[str, Object] = {
    "Namespace": {"phase": "Active"},
    "Pod": {"phase": "Pending"},
    "PersistentVolumeClaim": {"phase": "Pending"},
}


@dataclass(frozen=True, slots=True)
class Change:
    """One event of the history; `before` tells watches with a selector what they saw last."""

    version: int
    type: ChangeType
    ref: Ref
    before: Object | None
    after: Object


class Store:
    """The objects that the API server would keep in etcd."""

    def __init__(self, clock: Clock) -> None:
        self.guard = threading.RLock()
        self.version = 1
        self.oldest = 0  # watches from before this version are Gone
        self.history: list[Change] = []
        self.listeners: list[Callable[[], None]] = []
        self._clock = clock
        self._objects: dict[Ref, Object] = {}
        self._owners: dict[Ref, fields.Owners] = {}
        self._uids = 0
        for name in ("default", "kube-system"):
            self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    # reading

    def types(self) -> tuple[ResourceType, ...]:
        """Every kind that is served now."""
        crds = (o for r, o in self._objects.items() if r.kind == "CustomResourceDefinition")
        return built_in() + tuple(t for crd in crds for t in defined_by(crd))

    def type_of(self, api_version: str, kind: str) -> ResourceType:
        """The kind's type. NotFound when it is not served."""
        for served in self.types():
            if (served.api_version, served.kind) == (api_version, kind):
                return served
        raise NotFound(f"the server serves no kind {kind} in {api_version}", status=404)

    def get(self, ref: Ref) -> Object:
        """A copy of one object. NotFound."""
        self.type_of(ref.api_version, ref.kind)
        with self.guard:
            if ref not in self._objects:
                raise not_found(ref)
            return deepcopy(self._objects[ref])

    def select(self, wanted: Callable[[Ref, Object], bool]) -> list[Object]:
        """Copies of the objects that `wanted` accepts, in the API's order."""
        with self.guard:
            found = sorted((r, o) for r, o in self._objects.items() if wanted(r, o))
            return [deepcopy(obj) for _, obj in sorted(found, key=lambda item: item[0])]

    # writing

    def create(
        self, manifest: Object, *, dry_run: bool = False, manager: fields.Manager = UPDATE
    ) -> Object:
        with self.guard:
            obj = self._accept(manifest)
            ref = Ref.of(obj)
            if ref in self._objects:
                raise Conflict(f"{ref} already exists", status=409, reason="AlreadyExists")
            owners: fields.Owners = {manager: set(fields.leaves(obj))}
            return self._save(ref, None, obj, owners, dry_run=dry_run)

    def apply(
        self, manifest: Object, *, dry_run: bool, force: bool, manager: str = FIELD_MANAGER
    ) -> Object:
        who: fields.Manager = (manager, "Apply")
        with self.guard:
            obj = self._accept(manifest)
            ref = Ref.of(obj)
            live = self._objects.get(ref)
            uid = obj["metadata"].pop("uid", None)
            if uid and uid != (live or {}).get("metadata", {}).get("uid"):
                raise Conflict(
                    f"{ref}: Precondition failed: UID in precondition: {uid}, UID in object meta: "
                    f"{(live or {}).get('metadata', {}).get('uid', '')}",
                    status=409,
                )
            if live is None:
                return self.create(obj, dry_run=dry_run, manager=who)
            owners = {manager: set(paths) for manager, paths in self._owners[ref].items()}
            wanted = fields.leaves(obj)
            lines = fields.conflicts(live, wanted, owners, who)
            if lines and not force:
                raise Conflict(
                    f"Apply failed with {len(lines)} conflict(s) on {ref}: " + "; ".join(lines),
                    status=409,
                    reason="Conflict",
                )
            result = fields.applied(live, wanted, owners, who)
            return self._save(ref, live, result, owners, dry_run=dry_run)

    def replace(self, obj: Object, *, manager: fields.Manager = UPDATE) -> Object:
        with self.guard:
            after = self._accept(obj)
            ref = Ref.of(after)
            live = self._find(ref)
            meta, current = after["metadata"], live["metadata"]
            if (
                meta.get("resourceVersion", current["resourceVersion"])
                != current["resourceVersion"]
            ):
                raise Conflict(
                    f"{ref} has been modified; read it again", status=409, reason="Conflict"
                )
            for key in ("uid", "creationTimestamp", "generation", "deletionTimestamp"):
                meta.pop(key, None)
                if key in current:
                    meta[key] = current[key]
            meta["resourceVersion"] = current["resourceVersion"]
            if "status" in live:
                after["status"] = deepcopy(live["status"])
            owners = {m: set(paths) for m, paths in self._owners[ref].items()}
            fields.updated(live, after, owners, manager)
            return self._save(ref, live, after, owners)

    def set_status(self, ref: Ref, status: Object) -> Object:
        """Write to the status subresource, as a controller does."""
        with self.guard:
            live = self._find(ref)
            return self._save(ref, live, {**deepcopy(live), "status": deepcopy(status)}, None)

    def delete(self, ref: Ref, *, propagation: str = "Background") -> None:
        """Remove the object, or mark it as terminating while it has finalizers or content."""
        with self.guard:
            live = self._find(ref)
            after = deepcopy(live)
            meta = after["metadata"]
            content = ref.kind == "Namespace" and self._inside(ref.name)
            if not meta.get("finalizers") and not content:
                self._remove(ref, propagation)
                return
            if not meta.get("deletionTimestamp"):
                meta["deletionTimestamp"] = self._timestamp()
                if ref.kind == "Namespace":
                    after["status"] = {"phase": "Terminating"}
                self._save(ref, live, after, None)
            for inner in self._inside(ref.name) if ref.kind == "Namespace" else ():
                if inner in self._objects:
                    self.delete(inner)

    def compact(self) -> None:
        """Forget the history: watches from before now are Gone."""
        with self.guard:
            self.history.clear()
            self.oldest = self.version
            self._notify()

    # inside

    def _find(self, ref: Ref) -> Object:
        if ref not in self._objects:
            raise not_found(ref)
        return self._objects[ref]

    def _accept(self, manifest: Object) -> Object:
        """A copy as the API would take it: checked for its place, Secrets encoded, no status."""
        obj = deepcopy(manifest)
        meta = obj.setdefault("metadata", {})
        served = self.type_of(obj.get("apiVersion", ""), obj.get("kind", ""))
        if not meta.get("name"):
            raise ApiError(f"a {served.kind} without a name", status=422, reason="Invalid")
        obj.pop("status", None)
        if obj["kind"] == "Secret" and (plain := obj.pop("stringData", None)):
            coded = {k: base64.b64encode(str(v).encode()).decode() for k, v in plain.items()}
            obj["data"] = {**(obj.get("data") or {}), **coded}
        if not served.namespaced:
            meta.pop("namespace", None)
        elif not meta.get("namespace"):
            raise ApiError(f"{Ref.of(obj)} names no namespace", status=400, reason="BadRequest")
        elif Ref.of(obj) not in self._objects:
            self._check_namespace(Ref.of(obj))
        return obj

    def _check_namespace(self, ref: Ref) -> None:
        home = self._objects.get(Ref("v1", "Namespace", ref.namespace or ""))
        if home is None:
            raise NotFound(f'namespaces "{ref.namespace}" not found', status=404, reason="NotFound")
        if home["metadata"].get("deletionTimestamp"):
            raise ApiError(
                f"{ref} is forbidden: unable to create new content in namespace {ref.namespace} "
                "because it is being terminated",
                status=403,
                reason="Forbidden",
            )

    def _save(
        self,
        ref: Ref,
        before: Object | None,
        after: Object,
        owners: fields.Owners | None,
        *,
        dry_run: bool = False,
    ) -> Object:
        """Keep `after` as the object's next state; nothing is written when nothing changed."""
        if before is None:
            self._first(ref, after)
        elif before == after:
            if owners is not None and not dry_run:
                self._owners[ref] = owners
            return deepcopy(before)
        elif "generation" in before["metadata"] and _spec(before) != _spec(after):
            after["metadata"]["generation"] = before["metadata"]["generation"] + 1
        if dry_run:
            return deepcopy(after)
        if owners is not None:
            self._owners[ref] = owners
        if _is_over(after, bool(self._inside(ref.name)) if ref.kind == "Namespace" else False):
            self._objects[ref] = after
            self._remove(ref, "Background")
            return deepcopy(after)
        self._record("MODIFIED" if before else "ADDED", ref, before, after)
        self._objects[ref] = after
        self._notify()
        return deepcopy(after)

    def _first(self, ref: Ref, obj: Object) -> None:
        meta = obj["metadata"]
        for key in ("resourceVersion", "generation", "deletionTimestamp", "managedFields"):
            meta.pop(key, None)
        self._uids += 1
        meta["uid"] = f"00000000-0000-4000-8000-{self._uids:012d}"
        meta["creationTimestamp"] = self._timestamp()
        if "spec" in obj:
            meta["generation"] = 1
        if ref.kind in _FIRST_STATUS:
            obj["status"] = deepcopy(_FIRST_STATUS[ref.kind])

    def _record(self, kind: ChangeType, ref: Ref, before: Object | None, after: Object) -> None:
        self.version += 1
        after["metadata"]["resourceVersion"] = str(self.version)
        self.history.append(Change(self.version, kind, ref, before, deepcopy(after)))

    def _remove(self, ref: Ref, propagation: str) -> None:
        last = self._objects.pop(ref)
        self._owners.pop(ref, None)
        self._record("DELETED", ref, last, deepcopy(last))
        self._collect(last["metadata"]["uid"], orphan=propagation == "Orphan")
        home = Ref("v1", "Namespace", ref.namespace or "")
        space = self._objects.get(home)
        if space and _is_over(space, bool(self._inside(home.name))):
            self._remove(home, "Background")
        self._notify()

    def _collect(self, uid: str, *, orphan: bool) -> None:
        """Delete, or orphan, what the removed object owned."""
        for ref, obj in list(self._objects.items()):
            references = obj["metadata"].get("ownerReferences") or []
            rest = [reference for reference in references if reference.get("uid") != uid]
            if len(rest) == len(references) or ref not in self._objects:
                continue
            if rest or orphan:
                after = deepcopy(obj)
                after["metadata"]["ownerReferences"] = rest
                self._save(ref, obj, after, None)
            else:
                self.delete(ref)

    def _inside(self, namespace: str) -> list[Ref]:
        return [ref for ref in self._objects if ref.namespace == namespace]

    def _timestamp(self) -> str:
        moment = datetime.fromtimestamp(self._clock.now(), UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    def _notify(self) -> None:
        for listener in tuple(self.listeners):
            listener()


def not_found(ref: Ref) -> NotFound:
    """As the API says it."""
    return NotFound(f"{ref} not found", status=404, reason="NotFound")


def in_namespace(ref: Ref, namespace: str | None) -> Ref:
    """The same reference in another namespace."""
    return replace(ref, namespace=namespace)


def _spec(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def _is_over(obj: Object, has_content: bool) -> bool:
    """A terminating object whose last finalizer has just gone."""
    meta = obj["metadata"]
    return bool(meta.get("deletionTimestamp")) and not meta.get("finalizers") and not has_content
