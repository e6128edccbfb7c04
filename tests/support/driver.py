"""Drive the `skill` command as its callers do, and look at the cluster independently of it."""

from __future__ import annotations

import asyncio
import base64
import functools
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import jsonschema

from skill_runner import clusters
from skill_runner.backends.base import ExecResult
from skill_runner.backends.clock import SystemClock
from skill_runner.backends.kube import KubeCluster, connect
from skill_runner.binaries import cache_folder
from skill_runner.errors import NotFound
from skill_runner.hooks.context import SMALL
from skill_runner.hooks.pods import pod_manifest, run_to_completion
from skill_runner.objects import Object, Ref
from skill_runner.outcome import json_schema
from skill_runner.plan import Installation
from tests.support import api

T = TypeVar("T")

WRITES: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, slots=True)
class Driver:
    """One cluster, named as a caller names it; `audit_log` where the cluster is ours."""

    kubeconfig: Path
    context: str
    audit_log: Path | None
    state: Path

    def skill(self, *arguments: str, code: int = 0, stdin: str | None = None) -> dict[str, Any]:
        """Run `skill … -o json`; its one document, which must keep to the schema."""
        done = self.start(*arguments, "-o", "json", piped=stdin is not None)
        out, err = done.communicate(stdin)
        assert done.returncode == code, f"exit {done.returncode}\n{out}\n{err}"
        document: dict[str, Any] = json.loads(out)
        if str(document.get("schema", "")).startswith("skill-runner/outcome"):
            jsonschema.validate(document, json_schema())
        return document

    def local(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Run `skill … -o json` where there is no cluster; its document."""
        done = subprocess.run(
            [sys.executable, "-m", "skill_runner", *arguments, "-o", "json"],
            env={**os.environ, "SKILL_STATE_DIR": str(self.state), "KUBECONFIG": os.devnull},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def start(self, *arguments: str, piped: bool = False) -> subprocess.Popen[str]:
        """Start `skill` with this cluster's context."""
        where = ["--kubeconfig", str(self.kubeconfig), "--context", self.context]
        if arguments[0] in ("logs", "describe"):
            where = []  # about files of this machine
        return subprocess.Popen(
            [sys.executable, "-m", "skill_runner", *arguments, *where],
            stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "SKILL_STATE_DIR": str(self.state)},
        )

    def objects(self) -> set[str]:
        """Every object of the cluster, but for those that its controllers keep for themselves."""
        return self._ask(api.every_object)

    def delete(self, ref: Ref) -> None:
        """Delete by hand, behind the runner's back."""
        self._ask(lambda cluster: cluster.delete(ref, propagation="Foreground"))

    def drop(self, ref: Ref) -> None:
        """Delete what may not be there, and see it go."""
        with suppress(NotFound):
            self.delete(ref)
        self.until_gone(ref)

    def until_gone(self, ref: Ref) -> None:
        self._ask(lambda cluster: api.until_deleted(cluster, ref))

    def make_namespace(self, name: str) -> str:
        """Make a namespace, and wait for what controllers put into every one."""
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self._ask(lambda cluster: cluster.apply(space))
        for kind, expected in (("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")):
            self._ask(functools.partial(api.until_seen, kind=kind, name=expected, namespace=name))
        return name

    def make_if_missing(self, namespace: str) -> bool:
        """Whether the namespace was made, because there was none."""
        if f"v1 Namespace /{namespace}" in self.objects():
            return False
        self.make_namespace(namespace)
        return True

    def apply(self, *manifests: Object) -> None:
        for manifest in manifests:
            self._ask(functools.partial(api.apply, manifest=manifest))

    def set_status(self, ref: Ref, **status: Any) -> None:
        """Write fields of a status, as the object's controller does."""
        self._ask(functools.partial(api.set_status, ref=ref, status=status))

    def set_finalizers(self, ref: Ref, *finalizers: str) -> None:
        self._ask(functools.partial(api.set_finalizers, ref=ref, finalizers=finalizers))

    def until(self, ref: Ref, true: Callable[[Object], bool]) -> Object:
        """The object once this is true of it."""
        return self._ask(functools.partial(api.until_true, ref=ref, true=true))

    def until_ready(self, pod: Ref) -> None:
        self._ask(functools.partial(api.until_pod_ready, pod=pod))

    def get(self, ref: Ref) -> Object:
        return self._ask(lambda cluster: cluster.get(ref))

    def secret(self, ref: Ref) -> dict[str, str]:
        """The values of a Secret."""
        data = self.get(ref)["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def every(self, *kinds: str) -> list[Object]:
        """Every object of these kinds, in all namespaces."""
        return self._ask(lambda cluster: api.list_kinds(cluster, kinds))

    def logs(self) -> str:
        """What every running container of every pod said."""
        return self._ask(api.every_log)

    def exec(self, pod: Ref, container: str, argv: Sequence[str], stdin: str) -> ExecResult:
        where = str(pod.namespace)
        return self._ask(lambda c: c.exec(where, pod.name, container, argv, stdin=stdin))

    def scale(self, deployment: Ref, replicas: int) -> None:
        """Set a Deployment's replicas by hand, and see its pods go where these are none."""
        self._ask(lambda cluster: api.scale(cluster, deployment, replicas))

    def run_pod(
        self,
        namespace: str,
        image: str,
        command: Sequence[str],
        *,
        env: Mapping[str, Any],
        annotations: Mapping[str, str] | None = None,
        **overrides: Any,
    ) -> str:
        """What a pod of a test's own said, which must succeed; `overrides` of its spec."""
        manifest = pod_manifest(
            name="test",
            installation=Installation(namespace, "test"),
            image=image,
            command=command,
            env=env,
            resources=SMALL,
            labels={},
            overrides=overrides,
            annotations=annotations,
        )
        code, said = self._ask(
            lambda cluster: run_to_completion(cluster, SystemClock(), manifest, timeout=60)
        )
        assert code == 0, said
        return said

    @property
    def can_load(self) -> bool:
        return clusters.find(self.context) is not None

    @property
    def cache(self) -> Path:
        return cache_folder()

    def load(self, archive: Path) -> None:
        """Put an image archive into the cluster, which must be one of ours."""
        info = clusters.find(self.context)
        assert info is not None
        asyncio.run(clusters.provider(info.provider).load(info.name, archive))

    def _ask(self, question: Callable[[KubeCluster], Awaitable[T]]) -> T:
        async def work() -> T:
            cluster = await connect(str(self.kubeconfig), self.context)
            try:
                return await question(cluster)
            finally:
                await cluster.close()

        return asyncio.run(work())

    def uid(self, ref: Ref) -> str:
        """The UID of an object: whether it is still the same one."""

        async def work() -> str:
            cluster = await connect(str(self.kubeconfig), self.context)
            try:
                return str((await cluster.get(ref))["metadata"]["uid"])
            finally:
                await cluster.close()

        return asyncio.run(work())

    def audit_position(self) -> int:
        return self.audit_log.stat().st_size if self.audit_log else 0

    def verbs_since(self, position: int) -> list[str]:
        """What `skill` and Helm asked of the API, access reviews aside, by the audit log."""
        assert self.audit_log is not None
        with self.audit_log.open() as log:
            log.seek(position)
            return [
                e["verb"]
                for e in map(json.loads, log)
                if e.get("userAgent", "").startswith(("skill-runner", "Helm"))
                and "accessreviews" not in e["requestURI"]
            ]

    def writes_since(self, position: int, namespace: str) -> list[str]:
        """Writes of callers (no dry run, Lease or review) to a namespace, by the audit log."""
        assert self.audit_log is not None
        with self.audit_log.open() as log:
            log.seek(position)
            return [
                f"{e['verb']} {e['requestURI']} by {e['user']['username']}"
                for e in map(json.loads, log)
                if e["verb"] in WRITES
                and f"/namespaces/{namespace}" in e["requestURI"]
                and not e["user"]["username"].startswith("system:")
                and "dryRun=All" not in e["requestURI"]
                and "/leases" not in e["requestURI"]
                and "accessreviews" not in e["requestURI"]
            ]
