"""Kong beyond its chart: one controller a class, the Gateway API, and the front door's proof."""

from __future__ import annotations

import asyncio
import runpy
from pathlib import Path
from secrets import token_hex
from typing import Final

import yaml

from skill_runner.hooks import (
    Context,
    GiveUp,
    NotFound,
    Object,
    Ref,
    check_config_accepted,
    compute,
    module_files,
    objects_for_proof,
    ready_pods,
)

HERE: Final = Path(__file__).parent
PARTS: Final = HERE / "scripts" / "probe-objects.yaml"
ASK: Final = HERE / "scripts" / "ask.py"
SCRIPT: Final = runpy.run_path(str(ASK))  # the same questions, asked from this machine
DEFINITION: Final = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
MARK: Final = "skill-runner.dev/installation"
SPACE: Final = "meta.helm.sh/release-namespace"
PROBE: Final = "skill-probe"
LIMIT: Final = 3  # requests a minute, as the probe's plugin has it
PODS: Final = "app.kubernetes.io/name=kong,app.kubernetes.io/component=app"


async def check_cluster(ctx: Context) -> None:
    """Before anything is touched: one controller a class, and whose definitions there are."""
    name, mode = ctx.inputs["class_name"], ctx.inputs["gateway_api"]
    notes = await _notes(ctx, Ref("networking.k8s.io/v1", "IngressClass", name))
    if notes is not None and (owner := notes.get(SPACE)) != ctx.namespace:
        raise GiveUp(
            f"the IngressClass {name} is there already, made in {owner or 'another way'}",
            hint="Use that gateway, or give this one a class of its own: --set class_name=NAME",
        )
    notes = await _notes(ctx, Ref(*DEFINITION, "gateways.gateway.networking.k8s.io"))
    if mode == "adopt" and notes is None:
        raise GiveUp("this cluster has no Gateway API to adopt", hint="--set gateway_api=install")
    if mode == "install" and notes is not None and notes.get(MARK) != str(ctx.installation):
        version = notes.get("gateway.networking.k8s.io/bundle-version", "of no version")
        raise GiveUp(
            f"this cluster has a Gateway API already, {version}",
            hint="Use it as it is: --set gateway_api=adopt",
        )


async def ensure_gateway_api(ctx: Context) -> str:
    """The definitions of the Gateway API, and until they are served."""
    where = HERE / "gateway-api"
    files = await module_files(where, "sigs.k8s.io/gateway-api", "config/crd/standard", ctx.report)
    manifests = [m for f in files for m in yaml.safe_load_all(f.read_text()) if m]
    for manifest in manifests:
        meta = manifest["metadata"]
        meta["annotations"] = {**meta["annotations"], MARK: str(ctx.installation)}
        await ctx.apply({key: value for key, value in manifest.items() if key != "status"})
    for ref in map(Ref.of, manifests):
        while not compute(await ctx.get(ref)).is_ready:
            await ctx.clock.sleep(0.1)
    return f"{len(manifests)} definitions"


async def prove_config_accepted(ctx: Context) -> None:
    """The gateway takes what its controller pushes; in every run, as the probes stay green."""
    await check_config_accepted(ctx)


async def prove_front_door(ctx: Context) -> str:
    """Requests that must pass and must not, at each pod from outside, then through the Service."""
    keys = {side: token_hex(16) for side in ("outside", "inside")}
    manifests, paths = _probe_objects(ctx, keys)
    async with objects_for_proof(ctx, manifests):
        try:
            pods = [pod["metadata"]["name"] for pod in await ready_pods(ctx, PODS)]
            outside = [await _ask_outside(ctx, pod, keys["outside"], paths) for pod in pods]
            inside = await _ask_inside(ctx, paths, LIMIT * len(pods))
        except GiveUp:
            await check_config_accepted(ctx)  # the cause, where that is one
            raise
    return f"{', '.join(dict.fromkeys(outside))} from outside; {inside} from inside"


async def _ask_outside(ctx: Context, pod: str, key: str, paths: list[str]) -> str:
    async with ctx.port_forward(pod, 8000) as port:
        asking = asyncio.to_thread(SCRIPT["check"], "127.0.0.1", port, LIMIT, key, paths)
        try:
            return str(await asking)
        except (SCRIPT["Unexpected"], OSError) as error:
            raise GiveUp(f"asked at pod {pod}: {error}") from error


async def _ask_inside(ctx: Context, paths: list[str], limit: int) -> str:
    host = f"kong-proxy.{ctx.namespace}.svc"
    result = await ctx.run_script(
        ASK,
        host,
        "80",
        str(limit),
        *paths,
        name=f"{PROBE}-inside",
        image=ctx.images["probe"].ref,
        env={"KEY": {"secretKeyRef": {"name": f"{PROBE}-inside", "key": "key"}}},
    )
    return result.answer()


def _probe_objects(ctx: Context, keys: dict[str, str]) -> tuple[list[Object], list[str]]:
    """What the proof makes, with these API keys; and the paths of its routes, which need one."""
    nonce, skipped = token_hex(6), "HTTPRoute" if ctx.inputs["gateway_api"] == "off" else ""
    text = PARTS.read_text().replace("NONCE", nonce).replace("CLASS", ctx.inputs["class_name"])
    made = [each for each in yaml.safe_load_all(text) if each["kind"] != skipped]
    for each in made:
        if each["kind"] == "Secret":
            each["stringData"] = {"key": keys[each["metadata"]["name"].rpartition("-")[2]]}
    ends = {"Ingress": "ingress", "HTTPRoute": "route"}
    return made, [f"/{PROBE}-{nonce}-{ends[m['kind']]}" for m in made if m["kind"] in ends]


async def _notes(ctx: Context, ref: Ref) -> dict[str, str] | None:
    """The annotations of an object; None where it is not there."""
    try:
        return (await ctx.get(ref))["metadata"].get("annotations") or {}
    except NotFound:
        return None
