"""A Helm in memory: charts are Python functions, releases are real release Secrets.

What stands in the MemoryCluster afterwards is what Helm would leave: the objects, their hooks,
and a Secret a revision. As with Helm, Jobs and Pods of hooks are waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime

from skill_runner.backends.base import HELM_MANAGER, Helm, Lifeline, Release, ReleaseSpec
from skill_runner.backends.clock import within
from skill_runner.backends.helm.storage import (
    Releases,
    lacks_namespace,
    payload_of,
    release_of,
    secret_name,
    secret_of,
    with_status,
)
from skill_runner.backends.manifests import read_manifests
from skill_runner.errors import ChartError, Conflict, HelmError, NotFound, ReleaseLocked, SkillError
from skill_runner.objects import Object, Ref
from skill_runner.testing.cluster import MemoryCluster
from skill_runner.testing.helm_objects import (
    MemoryChart,
    Render,
    annotation,
    events,
    in_namespace,
    is_kept,
    is_owned,
    payload_for,
    weight,
)


class MemoryHelm:
    """The Helm Protocol over a MemoryCluster. Charts are registered with `add_chart`."""

    def __init__(self, cluster: MemoryCluster) -> None:
        self._cluster = cluster
        self._releases = Releases(cluster)
        self._charts: dict[str, MemoryChart] = {}
        self._faults: list[Exception] = []
        self.calls: list[tuple[str, str]] = []  # what was asked, of which release
        self.lines: tuple[str, ...] = ()  # what an install prints

        self.get = self._releases.get
        self.history = self._releases.history
        self.list = self._releases.list
        self.manifest = self._releases.manifest
        self.hooks = self._releases.hooks
        self.mark_failed = self._releases.mark_failed

    # what a test says

    def add_chart(
        self,
        chart: str,
        render: Render,
        *,
        name: str = "",
        version: str = "0.1.0",
        app_version: str = "",
        definitions: tuple[Object, ...] = (),
    ) -> None:
        """Let the chart reference `chart` (a folder or a name) render by a function.

        `definitions` are what its crds/ folder holds.
        """
        base = name or chart.rstrip("/").rpartition("/")[2]
        self._charts[chart] = MemoryChart(render, base, version, app_version, definitions)

    def fail(self, error: Exception) -> None:
        """Let the next install, upgrade, rollback or uninstall raise `error`, once."""
        self._faults.append(error)

    async def leave_pending(self, name: str, namespace: str) -> None:
        """Leave what a killed Helm leaves: the newest revision is pending-*."""
        current = await self.get(name, namespace)
        if current is None:
            raise HelmError(f"release {namespace}/{name} is not there")
        status = "pending-install" if current.revision == 1 else "pending-upgrade"
        await self._set_status(name, namespace, current.revision, status, "")

    # the Protocol

    async def version(self) -> str:
        return "v4.3.1"

    def under(self, lifeline: Lifeline) -> Helm:
        return self  # no process of its own

    async def template(self, spec: ReleaseSpec) -> tuple[Object, ...]:
        return self._rendered(spec)[1]

    async def definitions(self, spec: ReleaseSpec) -> tuple[Object, ...]:
        return self._rendered(spec)[0].definitions

    async def install_or_upgrade(
        self, spec: ReleaseSpec, *, on_line: Callable[[str], None] | None = None
    ) -> Release:
        self._enter("install_or_upgrade", spec.name)
        chart, rendered = self._rendered(spec)
        before = await self.get(spec.name, spec.namespace)
        if before and before.status.startswith("pending-"):
            raise ReleaseLocked(
                "another operation (install/upgrade/rollback) is in progress for release "
                f"{spec.namespace}/{spec.name}"
            )
        if before and before.status == "uninstalling":
            raise HelmError(f'UPGRADE FAILED: "{spec.name}" has no deployed releases')
        await self._check_ownership(spec, rendered)
        for line in self.lines if on_line else ():
            assert on_line is not None
            on_line(line)
        if await lacks_namespace(self._cluster, spec.namespace):
            with suppress(Conflict):
                await self._cluster.create(
                    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": spec.namespace}}
                )
        verb = "upgrade" if before and before.status != "uninstalled" else "install"
        revision = before.revision + 1 if before else 1
        if before and before.status == "uninstalled":
            await self._set_status(spec.name, spec.namespace, before.revision, "superseded", "")
        payload = payload_for(spec, chart, rendered, revision, f"pending-{verb}", self._now())
        await self._cluster.create(secret_of(payload, spec.labels))
        await self._carry_out(spec, rendered, verb, revision)
        return await self._settled(spec.name, spec.namespace, revision, f"{verb} complete")

    async def rollback(self, name: str, namespace: str, revision: int) -> Release:
        self._enter("rollback", name)
        current = await self._need(name, namespace)
        try:
            secret = await self._cluster.get(self._ref(name, namespace, revision))
        except NotFound:
            raise HelmError(f"release: not found: revision {revision} of {name}") from None
        payload = payload_of(secret)
        new = current.revision + 1
        payload |= {"version": new, "info": {**payload["info"], "status": "pending-rollback"}}
        own = release_of(secret).labels  # Helm takes those of the revision that it goes back to
        await self._cluster.create(secret_of(payload, own))
        await self._replace_objects(name, namespace, read_manifests(payload["manifest"]))
        return await self._settled(name, namespace, new, f"Rollback to {revision}")

    async def uninstall(self, name: str, namespace: str, *, keep_history: bool = False) -> None:
        self._enter("uninstall", name)
        revisions = await self.history(name, namespace)
        if not revisions:
            return
        if revisions[-1].status != "uninstalled":
            await self._take_down(name, namespace, revisions[-1].revision)
        elif keep_history:
            raise HelmError(f'the release named "{name}" is already deleted')
        for release in () if keep_history else revisions:
            await self._cluster.delete(self._ref(name, namespace, release.revision))

    async def _take_down(self, name: str, namespace: str, revision: int) -> None:
        hooks = await self.hooks(name, namespace)
        await self._run_hooks(hooks, "pre-delete", namespace)
        text = "Deletion in progress (or silently failed)"
        await self._set_status(name, namespace, revision, "uninstalling", text)
        for obj in await self.manifest(name, namespace):
            if not is_kept(obj) and await self._is_own(obj, name, namespace):
                await self._cluster.delete(Ref.of(in_namespace(obj, namespace)))
        await self._run_hooks(hooks, "post-delete", namespace)
        await self._set_status(name, namespace, revision, "uninstalled", "Uninstallation complete")

    # inside

    def _enter(self, call: str, name: str) -> None:
        self.calls.append((call, name))
        if self._faults:
            raise self._faults.pop(0)

    def _rendered(self, spec: ReleaseSpec) -> tuple[MemoryChart, tuple[Object, ...]]:
        chart = self._charts.get(spec.chart)
        if chart is None:
            raise ChartError(
                f"chart {spec.chart} not found", hint="Register it: MemoryHelm.add_chart."
            )
        try:
            return chart, tuple(deepcopy(obj) for obj in chart.render(spec))
        except SkillError:
            raise
        except Exception as error:
            raise ChartError(f"execution error in chart {chart.name}: {error}") from error

    async def _carry_out(
        self, spec: ReleaseSpec, rendered: tuple[Object, ...], verb: str, revision: int
    ) -> None:
        """Hooks, objects, hooks; what goes wrong, or a cancellation, fails the revision."""
        try:
            await self._run_hooks(rendered, f"pre-{verb}", spec.namespace, spec.timeout)
            await self._replace_objects(
                spec.name, spec.namespace, tuple(obj for obj in rendered if not events(obj))
            )
            await self._run_hooks(rendered, f"post-{verb}", spec.namespace, spec.timeout)
        except BaseException as error:
            text = str(error) or "context canceled"
            await self._set_status(spec.name, spec.namespace, revision, "failed", text)
            if isinstance(error, SkillError) and not isinstance(error, HelmError):
                raise HelmError(f"{verb.upper()} FAILED: {error.message}") from error
            raise

    async def _replace_objects(self, name: str, namespace: str, wanted: tuple[Object, ...]) -> None:
        """Apply the wanted objects, then delete those of the revision before that left."""
        placed = [in_namespace(obj, namespace) for obj in wanted]
        for obj in placed:
            meta = obj["metadata"]
            meta["labels"] = {**(meta.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
            own = {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": namespace}
            meta["annotations"] = {**(meta.get("annotations") or {}), **own}
            await self._cluster.apply(obj, force=True, manager=HELM_MANAGER)
        keep = {Ref.of(obj) for obj in placed}
        for secret in await self._current(name, namespace):
            for obj in read_manifests(payload_of(secret)["manifest"]):
                ref = Ref.of(in_namespace(obj, namespace))
                if ref not in keep and not is_kept(await self._live(ref) or obj):
                    await self._cluster.delete(ref)

    async def _current(self, name: str, namespace: str) -> list[Object]:
        """The revisions that Helm compares with: those that are deployed, else the one before."""
        revisions = await self.history(name, namespace)
        chosen = [each for each in revisions if each.status == "deployed"] or revisions[-2:-1]
        return [
            await self._cluster.get(self._ref(name, namespace, each.revision)) for each in chosen
        ]

    async def _live(self, ref: Ref) -> Object | None:
        with suppress(NotFound):
            return await self._cluster.get(ref)
        return None

    async def _is_own(self, obj: Object, name: str, namespace: str) -> bool:
        """Helm 4 uninstalls only what is marked as this release's."""
        live = await self._live(Ref.of(in_namespace(obj, namespace)))
        return live is not None and is_owned(live, name, namespace)

    async def _check_ownership(self, spec: ReleaseSpec, rendered: tuple[Object, ...]) -> None:
        """Refuse to take over what is there and is not marked as this release's."""
        current = {
            Ref.of(in_namespace(o, spec.namespace))
            for o in await self.manifest(spec.name, spec.namespace)
        }
        for obj in rendered:
            ref = Ref.of(in_namespace(obj, spec.namespace))
            if events(obj) or ref in current:
                continue
            live = await self._live(ref)
            if live is not None and not is_owned(live, spec.name, spec.namespace):
                raise HelmError(
                    f'unable to continue with install: {ref.kind} "{ref.name}" in namespace '
                    f'"{ref.namespace or ""}" exists and cannot be imported into the current '
                    "release: invalid ownership metadata"
                )

    async def _run_hooks(
        self, rendered: Iterable[Object], event: str, namespace: str, timeout: float = 300.0
    ) -> None:
        hooks = [obj for obj in rendered if event in events(obj)]
        for hook in sorted(hooks, key=weight):
            obj = in_namespace(hook, namespace)
            await self._cluster.delete(Ref.of(obj))
            await self._cluster.create(obj)
            if obj["kind"] in ("Job", "Pod"):
                try:
                    await within(self._cluster.clock, timeout, self._finished(Ref.of(obj)))
                except TimeoutError:
                    raise HelmError(
                        f"{event} hooks failed: {Ref.of(obj)}: timed out waiting for the condition"
                    ) from None
            if "hook-succeeded" in annotation(obj, "helm.sh/hook-delete-policy"):
                await self._cluster.delete(Ref.of(obj))

    async def _finished(self, ref: Ref) -> None:
        events = self._cluster.watch(
            ref.api_version, ref.kind, namespace=ref.namespace, fields=f"metadata.name={ref.name}"
        )
        async for event in events:
            status = event.object.get("status") or {}
            true = {c["type"] for c in status.get("conditions") or () if c["status"] == "True"}
            if "Failed" in true or status.get("phase") == "Failed":
                raise HelmError(f"hook {ref} failed: BackoffLimitExceeded")
            if "Complete" in true or status.get("phase") == "Succeeded":
                return

    async def _settled(self, name: str, namespace: str, revision: int, description: str) -> Release:
        for old in await self.history(name, namespace):
            if old.revision < revision and old.status == "deployed":
                await self._set_status(name, namespace, old.revision, "superseded", "")
        await self._set_status(name, namespace, revision, "deployed", description)
        return await self._need(name, namespace)

    async def _set_status(
        self, name: str, namespace: str, revision: int, status: str, text: str
    ) -> None:
        secret = await self._cluster.get(self._ref(name, namespace, revision))
        await self._cluster.replace(with_status(secret, status, text))

    async def _need(self, name: str, namespace: str) -> Release:
        release = await self.get(name, namespace)
        if release is None:
            raise HelmError(f"release: not found: {namespace}/{name}")
        return release

    def _ref(self, name: str, namespace: str, revision: int) -> Ref:
        return Ref("v1", "Secret", secret_name(name, revision), namespace)

    def _now(self) -> str:
        return datetime.fromtimestamp(self._cluster.clock.now(), UTC).isoformat()
