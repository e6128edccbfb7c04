"""The two doors to the outside, Helm and the Kubernetes API, as Protocols.

`PyHelm` and `KubeCluster` are the real ones, `MemoryHelm` and `MemoryCluster` the fakes; all pass
the same contract tests (tests/contract/). Everything is asynchronous. Errors are those
of `skill_runner.errors`: ClusterUnreachable, Forbidden, NotFound, Conflict, Gone, ApiError,
ChartError, ReleaseLocked, HelmError; nothing of the client libraries gets through.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from skill_runner.objects import Object, Ref

Pick = Callable[[Object], Object | None]  # what is kept of an object of a list; None: nothing

FIELD_MANAGER = "skill-runner"
LOG_BYTES = 1024 * 1024  # of one log that is read; whoever writes it decides nothing beyond
HELM_MANAGER = "helm"  # what Helm 4 calls itself


@dataclass(frozen=True, slots=True)
class Target:
    """The cluster that is meant: the kubeconfig file, the context in it, and its server."""

    kubeconfig: str
    context: str
    server: str


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """`BOOKMARK` objects carry only a resourceVersion."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
    object: Object


@dataclass(frozen=True, slots=True)
class ObjectList:
    """A list, and the resourceVersion from which a watch continues it."""

    items: tuple[Object, ...]
    resource_version: str


@dataclass(frozen=True, slots=True)
class ExecResult:
    """The answer of a command in a container; `exit_code` is the command's own."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One kind that the API serves."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One thing that a user may do, in RBAC's words: a verb on a resource of a group.

    `resource` may name a subresource (pods/exec); `namespace` is None for what is cluster-scoped
    or asked of all namespaces; `name` is the one object that it is about, empty for any. `url` is a
    path of the API server that is no resource's, such as /metrics; the rest is empty then.
    """

    verb: str
    group: str
    resource: str
    namespace: str | None = None
    name: str = ""
    url: str = ""

    def __str__(self) -> str:
        if self.url:
            return f"{self.verb} {self.url}"
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        one = f" {self.name}" if self.name else ""
        return f"{self.verb} {kind}{one}" + (f" in {self.namespace}" if self.namespace else "")


class Cluster(Protocol):
    """The Kubernetes API of one cluster."""

    target: Target

    async def version(self) -> str:
        """The server's version, such as v1.37.2. ClusterUnreachable when nothing answers."""

    async def get(self, ref: Ref) -> Object:
        """One object. NotFound when it, or its kind, is not there."""

    async def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
        pick: Pick | None = None,
        most: int | None = None,
        bare: bool = False,
        retry: bool = True,
    ) -> ObjectList:
        """Objects by selectors; `namespace` None lists all namespaces.

        The server is asked page by page. A list that may be long says what is kept of each object
        as it arrives (`pick`, which may see one twice), or after how many it has enough (`most`).
        With `bare` objects have their metadata only. Without `retry` the first lost connection is
        ClusterUnreachable: for callers that ask again themselves, and tell meanwhile.
        """

    def watch(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
        resource_version: str | None = None,
    ) -> AsyncGenerator[WatchEvent, None]:
        """Changes since `resource_version`; ends when the server ends it; Gone on 410."""

    async def apply(
        self,
        manifest: Object,
        *,
        dry_run: bool = False,
        force: bool = False,
        manager: str = FIELD_MANAGER,
    ) -> Object:
        """Server-side apply. Conflict when other managers own a field and not `force`, or when the
        manifest has a `metadata.uid` and no object with that uid is there."""

    async def create(self, manifest: Object, *, dry_run: bool = False) -> Object:
        """Create; Conflict when it exists already."""

    async def replace(self, obj: Object) -> Object:
        """Update by resourceVersion; Conflict when it changed meanwhile."""

    async def delete(
        self,
        ref: Ref,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str = "Background",
        grace: int | None = None,
    ) -> None:
        """Delete; nothing happens when it is gone already, or is another one than `uid`.

        `grace` is the seconds that a pod has to end, in place of its own; 0 kills it.
        Conflict when it is not at `resource_version` any more.
        """

    async def logs(
        self, namespace: str, pod: str, container: str, *, previous: bool = False, tail: int = 100
    ) -> str:
        """The last `tail` lines of a container, of them at most the first LOG_BYTES bytes;
        NotFound when there are none."""

    async def exec(
        self,
        namespace: str,
        pod: str,
        container: str,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        timeout: float = 60.0,
    ) -> ExecResult:
        """Run a command in a container; TimeoutError after `timeout` seconds.

        The command has to read its `stdin` but for the last 64 KiB: containerd never tells the
        end of one that leaves more.
        """

    def port_forward(self, namespace: str, pod: str, port: int) -> AbstractAsyncContextManager[int]:
        """A local TCP port on 127.0.0.1 that reaches `port` of the pod, while the context lasts."""

    async def resource_types(self, *, fresh: bool = False) -> tuple[ResourceType, ...]:
        """Every kind that the API serves, in its preferred version.

        Kept for the connection's life, and asked again when a kind was not found or we made or
        deleted a definition; `fresh` asks in any case, for what others may have made since.
        """

    async def resource_type(self, api_version: str, kind: str) -> ResourceType:
        """One kind; NotFound when it is not served now."""

    async def denied(self, rights: Sequence[Right]) -> tuple[Right, ...]:
        """Those of the rights that we do not have.

        One SelfSubjectRulesReview a namespace tells; what its rules leave open (cluster-scoped
        resources, authorizers that cannot list their rules) takes a SelfSubjectAccessReview each.
        """

    async def close(self) -> None:
        """Release connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSpec:
    """A request to Helm. `labels` go onto the release's Secret (Helm's --labels)."""

    name: str
    namespace: str
    chart: str
    values: Mapping[str, Any] = field(default_factory=dict)
    repo: str | None = None
    version: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One revision of a release as Helm keeps it. `status` is Helm's own word, in lower case, and
    `description` its own sentence ("Install complete", or the error). `uid` is that of the Secret
    that keeps the revision: a release that was made anew under the same name has another one."""

    name: str
    namespace: str
    revision: int
    status: str
    chart: str
    chart_version: str
    app_version: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    updated: str = ""
    description: str = ""
    uid: str = ""


class Lifeline(Protocol):
    """The time until which programs that are started may write: a file that they inherit."""

    def fileno(self) -> int:
        """The descriptor of a file with one double (native order): seconds of uptime."""


class Helm(Protocol):
    """Helm releases of one cluster. Never waits (no --wait): waiting is `wait`'s."""

    async def version(self) -> str:
        """Helm's version, such as v4.3.1."""

    async def template(self, spec: ReleaseSpec) -> tuple[Object, ...]:
        """The manifests that the chart renders (hooks and CRDs included). ChartError otherwise."""

    async def definitions(self, spec: ReleaseSpec) -> tuple[Object, ...]:
        """Return what is in the crds/ folders of the chart and of its dependencies."""

    async def get(self, name: str, namespace: str) -> Release | None:
        """The newest revision, or None. Its labels are those of the revision's Secret."""

    async def history(self, name: str, namespace: str) -> tuple[Release, ...]:
        """Every kept revision, oldest first."""

    async def list(self, namespace: str | None = None) -> tuple[Release, ...]:
        """The newest revision of every release, of one namespace or of all."""

    async def manifest(
        self, name: str, namespace: str, *, every: bool = False
    ) -> tuple[Object, ...]:
        """The objects of the newest revision, or of `every` kept one, each once; no hooks."""

    async def hooks(self, name: str, namespace: str, *, every: bool = False) -> tuple[Object, ...]:
        """The hook objects of the newest revision, or of `every` kept one, each object once."""

    async def install_or_upgrade(
        self, spec: ReleaseSpec, *, on_line: Callable[[str], None] | None = None
    ) -> Release:
        """Install, or upgrade to a new revision, without what is in crds/ folders.

        Creates the namespace if need be.

        ChartError when the chart does not render, ReleaseLocked when the release is pending-*,
        HelmError otherwise. Cancelling ends the helm process.
        """

    async def rollback(self, name: str, namespace: str, revision: int) -> Release:
        """Back to a revision, as a new one."""

    async def uninstall(self, name: str, namespace: str, *, keep_history: bool = False) -> None:
        """Remove the release and its history; nothing happens when there is none.

        With `keep_history` it stays, as `uninstalled`, with its manifests; another uninstall then
        removes the history.
        """

    def under(self, lifeline: Lifeline) -> Helm:
        """The same Helm for a run that holds a lock: its writes end at the end of the lifeline,
        even when this process stands still."""

    async def mark_failed(self, name: str, namespace: str, revision: int) -> None:
        """Turn a revision that a dead run left pending-* into a failed one; objects stay."""


class Clock(Protocol):
    """Time and sleep in seconds, as an argument, so that tests own them."""

    def monotonic(self) -> float:
        """Seconds that only go on; they stand still while the machine sleeps."""

    def uptime(self) -> float:
        """As `monotonic`, but they go on while the machine sleeps."""

    def now(self) -> float:
        """Seconds since the epoch."""

    async def sleep(self, seconds: float) -> None: ...
