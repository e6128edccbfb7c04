"""What Dapr needs beyond its chart: checks, pods that missed their sidecar, and the proof."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

import yaml

from skill_runner.hooks import (
    PROBING,
    WITHOUT_SECRET_STORE,
    ApiError,
    Conflict,
    Context,
    GiveUp,
    NotFound,
    Object,
    PodResult,
    Ref,
    RetryLater,
    excerpt,
    has_ended,
    lacks_sidecar,
    missing_sidecars,
    not_loaded,
    run_with_sidecar,
    uncancelled,
    wants_sidecar,
)

PROBE = (Path(__file__).parent / "scripts" / "probe.py").read_text()
PARTS = Path(__file__).parent / "scripts" / "probe-objects.yaml"
BUNDLED = "dapr-bundled"  # the chart of this skill
INJECTOR = "dapr-sidecar-injector"
WEBHOOK = Ref("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", INJECTOR)
APP = "skill-probe"
CLIENT = f"{APP}-client"
NOT_LOADED = "not loaded: "  # what the probe's pod says then
SECRET_WORDS = re.compile(
    r"password|passwd|secret|token|(access|private|api)_?key|connectionstring", re.I
)


async def check(ctx: Context) -> None:
    """Refuse what would end badly: a version that is not there, a second control plane, another
    chart under the one that stands, literal secrets."""
    _check_version(ctx)
    await _check_alone(ctx)
    await _check_same_chart(ctx)
    for component in ctx.inputs["components"]:
        _check_literals(component)


def _check_version(ctx: Context) -> None:
    """The bundled chart and the recipe are of one version."""
    image, inputs = ctx.images["runtime"], ctx.inputs
    bundled, known = ctx.outputs["mode"] == "bundled", image.official.rpartition(":")[2]
    if inputs["chart"] and inputs["mode"] == "bundled":
        raise GiveUp(
            f"chart is {inputs['chart']} and mode is bundled",
            hint="Leave out one: chart=FOLDER takes the place of the official chart.",
        )
    if (bundled or image.ref != image.official) and inputs["version"] not in ("", known):
        why = "its chart is bundled" if bundled else "its images are built here"
        raise GiveUp(
            f"version is {inputs['version']}, and {why}, which is there for Dapr {known} alone",
            hint=f"--set version= takes {known}. Where a registry answers: --set mode=official "
            "--images pull.",
        )


async def _check_same_chart(ctx: Context) -> None:
    """One chart cannot upgrade the other's StatefulSets."""
    release = await ctx.helm.get("dapr", ctx.namespace)
    if release is None or release.status == "uninstalled":
        return
    if (release.chart == BUNDLED) == (ctx.outputs["mode"] == "bundled"):
        return
    there = "bundled" if release.chart == BUNDLED else "official"
    raise GiveUp(
        f"Dapr was installed by the {there} chart, and this run would take the other one",
        hint="Remove Dapr first to change it (Components stay); or run without --images.",
    )


async def _check_alone(ctx: Context) -> None:
    """The injector's webhook is for the whole cluster, so a second one would inject twice."""
    try:
        hook = await ctx.get(WEBHOOK)
    except NotFound:
        return
    owner = (hook["metadata"].get("annotations") or {}).get("meta.helm.sh/release-namespace")
    if owner != ctx.namespace:
        raise GiveUp(
            f"Dapr is in this cluster already, in namespace {owner or 'unknown'}",
            hint="Use that one: a control plane serves every namespace.",
        )


def _check_literals(component: Mapping[str, Any]) -> None:
    resource = f"Component {component['namespace']}/{component['name']}"
    for name, value in (component.get("metadata") or {}).items():
        if SECRET_WORDS.search(name) and value not in ("", True, False):
            raise GiveUp(
                f"component {component['name']}: metadata.{name} is a literal secret",
                code="POLICY_VIOLATION",
                resource=resource,
                hint=f"Name a Secret instead: secrets: {{{name}: {{name: …, key: …}}}}",
            )


async def await_injector(ctx: Context) -> str:
    """Endpoints behind the webhook, and the CA bundle by which the API server trusts it."""
    slices = await ctx.list(
        "discovery.k8s.io/v1", "EndpointSlice", labels=f"kubernetes.io/service-name={INJECTOR}"
    )
    ready = [
        address
        for part in slices
        for endpoint in part.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready")
        for address in endpoint["addresses"]
    ]
    if not ready:
        raise RetryLater("the sidecar injector has no endpoint", after=0.5)
    hook = await ctx.get(WEBHOOK)
    if not all((w.get("clientConfig") or {}).get("caBundle") for w in hook.get("webhooks") or ()):
        raise RetryLater("the sidecar injector has not written its CA bundle yet", after=0.5)
    return f"{len(ready)} endpoints"


async def find_missing_sidecars(ctx: Context) -> str:
    """Every pod that asks for a sidecar has one."""
    missing, asked = await _without_sidecar(ctx)
    if missing:
        raise missing_sidecars(missing)
    return f"{asked} pods with a sidecar"


async def _without_sidecar(ctx: Context) -> tuple[list[Object], int]:
    """The pods that asked for a sidecar in vain, and how many asked in all."""

    def asking(pod: Object) -> Object | None:
        return pod if wants_sidecar(pod) else None

    pods = (await ctx.cluster.list("v1", "Pod", pick=asking)).items
    missing = [pod for pod in pods if lacks_sidecar(pod)]
    there = [pod for pod in pods if not has_ended(pod)]
    return missing, len(there)


async def fix_sidecars(ctx: Context) -> str:
    """Delete each pod without its sidecar once, so that its owner makes another, now with one."""
    missing, _ = await _without_sidecar(ctx)
    owned = [pod for pod in missing if pod["metadata"].get("ownerReferences")]
    for pod in owned:
        await ctx.cluster.delete(
            Ref.of({"apiVersion": "v1", "kind": "Pod", **pod}), uid=pod["metadata"]["uid"]
        )
    alone = [pod for pod in missing if pod not in owned]
    if alone:
        raise missing_sidecars(alone)
    return f"{len(owned)} pods made again, which had no sidecar" if owned else ""


async def probe(ctx: Context) -> str:
    """Two pods with sidecars: events, state, a Secret, a call, and a dead letter."""
    nonce = token_hex(8)
    async with _probe_objects(ctx, nonce):
        await _until_serving(ctx)
        result = await _client(
            ctx,
            ctx.namespace,
            nonce,
            {
                "SUBSCRIBE": "1",
                "INVOKE": "1",
                "SECRET": APP,
                "STORES": f"{APP}-state",
                "EXPECTED": f"{APP}-pubsub,{APP}-state",
            },
            account=APP,
        )
    return _said(result, ctx.namespace)


async def probe_components(ctx: Context) -> str:
    """In each namespace with components: a sidecar loads them all, and the state stores keep."""
    by_namespace: dict[str, list[Mapping[str, Any]]] = {}
    for component in ctx.inputs["components"]:
        by_namespace.setdefault(component["namespace"], []).append(component)
    said = []
    for namespace, components in by_namespace.items():
        env = {
            "EXPECTED": ",".join(c["name"] for c in components),
            "STORES": ",".join(c["name"] for c in components if c["type"].startswith("state.")),
        }
        result = await _client(ctx, namespace, token_hex(8), env, account="default")
        said.append(f"{namespace}: {_said(result, namespace)}")
    return "; ".join(said)


async def _client(
    ctx: Context, namespace: str, nonce: str, env: Mapping[str, str], *, account: str
) -> PodResult:
    """Return what the probe's pod said."""
    return await run_with_sidecar(
        ctx,
        app_id=CLIENT,
        mark=nonce,
        namespace=namespace,
        image=ctx.images["probe"].ref,
        command=["python3", "-c", PROBE, "client"],
        env={"NONCE": nonce, **env},
        pod={"serviceAccountName": account, "automountServiceAccountToken": True},
    )


def _said(result: PodResult, namespace: str) -> str:
    """The probe's last line; a component that is not loaded is named as such."""
    last = next(
        (line for line in reversed(result.logs.splitlines()) if line.strip()), "it said nothing"
    )
    if result.exit_code == 0:
        return last
    if last.startswith(NOT_LOADED):
        names, _, loaded = last.removeprefix(NOT_LOADED).rstrip(")").partition(" (loaded: ")
        raise not_loaded(names.split(", "), f"{namespace}/{CLIENT}", loaded.split(", "))
    raise GiveUp(f"the probe failed: {excerpt(last)}\n" + "\n".join(result.logs.splitlines()[-6:]))


@asynccontextmanager
async def _probe_objects(ctx: Context, nonce: str) -> Any:
    """What the probe needs beside its pod; taken away again whatever happens."""
    made = []
    try:
        for manifest in yaml.safe_load_all(PARTS.read_text()):
            manifest["metadata"]["namespace"] = ctx.namespace
            made.append(Ref.of(manifest))
            await _apply(ctx, _filled(manifest, ctx, nonce))
        yield
    finally:
        await uncancelled(_take_away(ctx, made))


def _filled(manifest: Object, ctx: Context, nonce: str) -> Object:
    if manifest["kind"] == "Secret":
        manifest["stringData"] = {"nonce": nonce}
    if manifest["kind"] == "RoleBinding":
        manifest["subjects"][0]["namespace"] = ctx.namespace
    if manifest["kind"] == "Deployment":
        template = manifest["spec"]["template"]
        template["metadata"]["annotations"] = {
            **PROBING,
            **WITHOUT_SECRET_STORE,
            "dapr.io/app-id": f"{APP}-server",
        }
        container = template["spec"]["containers"][0]
        container["image"] = ctx.images["probe"].ref
        container["command"] = ["python3", "-c", PROBE, "server"]
    return manifest


async def _apply(ctx: Context, manifest: Object) -> None:
    """The kinds of Dapr are served a moment after their definitions are there."""
    for _ in range(20):
        try:
            await ctx.apply(manifest)
            return
        except (NotFound, ApiError) as error:
            if isinstance(error, Conflict):
                raise
            last = error
            await ctx.clock.sleep(0.5)
    raise GiveUp(f"{manifest['kind']} {manifest['metadata']['name']} cannot be made: {last}")


async def _take_away(ctx: Context, made: list[Ref]) -> None:
    for ref in reversed(made):
        await ctx.delete(ref)
    for _ in range(120):
        if not await ctx.list("v1", "Pod", labels=f"app={APP}-server"):
            return
        await ctx.clock.sleep(0.25)


async def _until_serving(ctx: Context) -> None:
    """The server's pod with its sidecar ready, named as what it is when it has none."""
    pods: tuple[Object, ...] = ()
    for _ in range(240):
        pods = await ctx.list("v1", "Pod", labels=f"app={APP}-server")
        for pod in pods:
            conditions = (pod.get("status") or {}).get("conditions") or ()
            if any(c["type"] == "Ready" and c["status"] == "True" for c in conditions):
                if lacks_sidecar(pod):
                    raise missing_sidecars([pod])
                return
        await ctx.clock.sleep(0.25)
    states = [
        s.get("state") for p in pods for s in (p.get("status") or {}).get("containerStatuses") or ()
    ]
    raise GiveUp(f"the probe's server is not ready after 60 s: {states}")
