"""Ask Dapr's sidecars which components they have, and name those that they lack.

A Component has no status and Dapr writes no events, so a sidecar's own word is the only proof.
Importable by hooks: `check_sidecars` is for skills whose pods have sidecars, `run_with_sidecar` and
`PROBING` for the pods of their proofs.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import httpx

from skill_runner.backends.base import Cluster
from skill_runner.errors import ApiError
from skill_runner.hooks.context import Context, GiveUp, PodResult, RetryLater
from skill_runner.objects import Object, Ref, at
from skill_runner.outcome import Code
from skill_runner.outcome.fix import fix_of
from skill_runner.readiness.diagnosis.crash import failed_component
from skill_runner.readiness.diagnosis.text import bounded, times
from skill_runner.readiness.status.dapr import (
    ENABLED,
    SIDECAR,
    app_id,
    lacks_sidecar,
    sidecar_of,
)
from skill_runner.readiness.status.pods import container_statuses
from skill_runner.readiness.status.pods import pod as pod_verdict
from skill_runner.readiness.wait.dapr import (
    COMPONENTS,
    ask_metadata,
    loaded_components,
    meant_for,
    unloaded_words,
)
from skill_runner.tasks import ended

LOOK_EVERY: Final = 1.0  # seconds
MARK: Final = "skill-runner.dev/mark"  # the label of the pods of one call
LOG_LINES: Final = 50
# What a proof's pod asks of its sidecar: limits, quick probes, and no waiting at the end.
PROBING: Final[Mapping[str, str]] = {
    "dapr.io/enabled": "true",
    "dapr.io/app-port": "8080",
    "dapr.io/sidecar-cpu-limit": "500m",
    "dapr.io/sidecar-memory-limit": "128Mi",
    "dapr.io/sidecar-cpu-request": "50m",
    "dapr.io/sidecar-memory-request": "32Mi",
    "dapr.io/sidecar-readiness-probe-delay-seconds": "1",
    "dapr.io/sidecar-readiness-probe-period-seconds": "1",
    "dapr.io/graceful-shutdown-seconds": "1",
}
SECRET_WORDS: Final = re.compile(
    r"password|passwd|secret|token|(access|private|api)_?key|connectionstring", re.I
)
# For pods without a token for the API: the sidecar would fail to load its built-in secret store.
WITHOUT_SECRET_STORE: Final = {"dapr.io/disable-builtin-k8s-secret-store": "true"}


def check_literal_secrets(components: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a secret that is written into a component's metadata, in place of a Secret's key.

    Each component has `name`, `namespace` and perhaps `metadata`, values by name. GiveUp with
    POLICY_VIOLATION names the first literal.

        check_literal_secrets(ctx.inputs["components"])
    """
    for component in components:
        for name, value in (component.get("metadata") or {}).items():
            if SECRET_WORDS.search(name) and value not in ("", True, False):
                raise GiveUp(
                    f"component {component['name']}: metadata.{name} is a literal secret",
                    code="POLICY_VIOLATION",
                    resource=f"Component {component['namespace']}/{component['name']}",
                    hint=f"Name a Secret instead: secrets: {{{name}: {{name: …, key: …}}}}",
                )


async def component_failure(cluster: Cluster, pod: Object) -> str | None:
    """Name the component that ends the sidecar of a `pod`, and why, by the sidecar's last words.

    None when no component does.

        failed = await component_failure(ctx.cluster, pod)
    """
    status = next((s for s in container_statuses(pod) if s.get("name") == SIDECAR), {})
    ended = at(status, "state.terminated") is not None
    if status.get("ready") or not (ended or at(status, "lastState.terminated")):
        return None
    where = at(pod, "metadata.namespace", ""), at(pod, "metadata.name", ""), SIDECAR
    try:
        said = await cluster.logs(*where, previous=not ended, tail=LOG_LINES)
    except ApiError:
        return None  # its log has gone with it; its next end has another
    return failed_component(SIDECAR, bounded(said))


async def run_with_sidecar(
    ctx: Context,
    *,
    app_id: str,
    mark: str,
    image: str,
    command: Sequence[str],
    env: Mapping[str, str],
    annotations: Mapping[str, str] | None = None,
    namespace: str | None = None,
    pod: Mapping[str, Any] | None = None,
    timeout: float = 120.0,
    alone: bool = False,
    beside: tuple[str, str] | None = None,
) -> PodResult:
    """Run a command beside a sidecar, in a pod with the label `mark`; called off as soon as it, or
    a pod `beside` (namespace, labels) which it talks to, has no sidecar, or a component ends it:
    GiveUp with SIDECAR_MISSING or COMPONENT_FAILED.
    `alone`: Conflict while another one with this app id runs, which would share its events.
    A Job makes the pod: Dapr's injector serves controllers and system:masters alone (1.14).

        said = await run_with_sidecar(ctx, app_id="a", mark=mark, image=image, command=work, env={})
    """
    running = asyncio.create_task(
        ctx.run_pod(
            name=app_id[:50],
            namespace=namespace,
            image=image,
            command=command,
            env=env,
            labels={MARK: mark},
            pod=pod,
            timeout=timeout,
            by_job=True,
            alone=alone,
            annotations={**PROBING, **(annotations or {}), "dapr.io/app-id": app_id},
        )
    )
    wanted = [(namespace or ctx.namespace, f"{MARK}={mark}"), *([beside] if beside else ())]
    return await _unless(running, asyncio.create_task(_failure(ctx, wanted)))


async def _unless(running: asyncio.Task[PodResult], failing: asyncio.Task[GiveUp]) -> PodResult:
    """Await the first; raise the result of the second where that comes before it."""
    try:
        await asyncio.wait({running, failing}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return await running
        raise await failing
    finally:
        await ended(running, failing)


async def _failure(ctx: Context, wanted: Sequence[tuple[str, str]]) -> GiveUp:
    """The fault of a pod of these namespaces and labels, once it has no sidecar or a component
    ended it."""
    while True:
        for namespace, labels in wanted:
            for pod in await ctx.list("v1", "Pod", labels=labels, namespace=namespace):
                if lacks_sidecar(pod):
                    return missing_sidecars([pod])
                if failed := await component_failure(ctx.cluster, pod):
                    where = f"Component of namespace {namespace}"
                    return _named("COMPONENT_FAILED", where, failed)
        await ctx.clock.sleep(LOOK_EVERY)


async def check_sidecars(
    ctx: Context,
    labels: str,
    *,
    components: Collection[str] = (),
    topics: Collection[str] = (),
    namespace: str | None = None,
) -> str:
    """Return what the sidecars of the pods with these `labels` have loaded, in a sentence.

    Every such pod has a ready sidecar, with these `components` loaded and these `topics`
    subscribed; what is meant for it by scopes must be loaded too. `namespace` is the installation's
    unless given. GiveUp names SIDECAR_MISSING, COMPONENT_FAILED or COMPONENT_NOT_LOADED; RetryLater
    while a pod is not ready for another reason.

        said = await check_sidecars(ctx, "app=orders", components=["orders-state"], topics=["paid"])
    """
    pods = [
        pod
        for pod in await ctx.list("v1", "Pod", labels=labels, namespace=namespace)
        if not at(pod, "metadata.deletionTimestamp")
    ]
    if not pods:
        raise RetryLater(f"there is no pod with {labels} yet")
    loaded: frozenset[str] = frozenset()
    for pod in pods:
        await _check_started(ctx, pod)
        loaded |= await _check_loaded(ctx, pod, components, topics)
    return f"{times(len(pods), 'sidecar')} with {', '.join(sorted(loaded)) or 'no component'}"


async def _check_started(ctx: Context, pod: Object) -> None:
    resource = f"Pod {at(pod, 'metadata.namespace')}/{at(pod, 'metadata.name')}"
    if lacks_sidecar(pod):
        raise missing_sidecars([pod])
    if sidecar_of(pod) is None:
        raise GiveUp(
            f"{resource} does not ask for a Dapr sidecar",
            resource=resource,
            hint=f'Set the annotation {ENABLED}: "true" in the pod template.',
        )
    if failed := await component_failure(ctx.cluster, pod):
        where = f"{resource} container {SIDECAR}"
        raise GiveUp(
            failed, code="COMPONENT_FAILED", resource=where, hint=fix_of("COMPONENT_FAILED")
        )
    verdict = pod_verdict(pod)
    if not verdict.is_ready:
        raise RetryLater(f"{resource}: {verdict.message}")


async def _check_loaded(
    ctx: Context, pod: Object, components: Collection[str], topics: Collection[str]
) -> frozenset[str]:
    """Check what its sidecar has loaded."""
    where = f"{at(pod, 'metadata.namespace')}/{at(pod, 'metadata.name')}"
    try:
        metadata = await ask_metadata(ctx.cluster, pod)
    except httpx.HTTPError as error:
        raise RetryLater(f"the sidecar of pod {where} does not answer yet: {error!r}") from error
    loaded = loaded_components(metadata)
    meant = meant_for(
        await ctx.list(*COMPONENTS, namespace=at(pod, "metadata.namespace")), app_id(pod)
    )
    if missing := sorted((set(components) | meant) - loaded):
        raise not_loaded(missing, where, loaded)
    listening = {str(s.get("topic")) for s in metadata.get("subscriptions") or ()}
    if deaf := sorted(set(topics) - listening):
        heard = ", ".join(sorted(listening)) or "none"
        raise RetryLater(
            f"the sidecar of pod {where} has not subscribed to {', '.join(deaf)} (to: {heard})"
        )
    return loaded


def missing_sidecars(pods: Sequence[Object]) -> GiveUp:
    """Return the GiveUp SIDECAR_MISSING that names the `pods`; at least one of them.

    raise missing_sidecars(pods)
    """
    names = [f"Pod {at(p, 'metadata.namespace')}/{at(p, 'metadata.name')}" for p in pods]
    many = "1 pod asks" if len(pods) == 1 else f"{len(pods)} pods ask"
    return _named(
        "SIDECAR_MISSING",
        names[0],
        f"{many} for a Dapr sidecar and {'has' if len(pods) == 1 else 'have'} none: no injector"
        " served when it was made\n" + "\n".join(names[:8]),
    )


def not_loaded(names: Sequence[str], where: str, loaded: Collection[str]) -> GiveUp:
    """Return the GiveUp COMPONENT_NOT_LOADED that names the components.

    `names` are not `loaded`, `where` is namespace/name of the pod.

        raise not_loaded(["orders-state"], "apps/orders-0", ["kubernetes"])
    """
    namespace, _, pod = where.partition("/")
    have = ", ".join(sorted(loaded)) or "none"
    return _named(
        "COMPONENT_NOT_LOADED",
        f"{Ref(*COMPONENTS, names[0], namespace)}",
        f"{unloaded_words(names)} of pod {pod}\nloaded there: {have}",
    )


def _named(code: Code, resource: str, message: str) -> GiveUp:
    return GiveUp(message, code=code, resource=resource, hint=fix_of(code))
