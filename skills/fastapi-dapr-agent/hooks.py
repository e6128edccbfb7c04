"""What a service with a sidecar needs beyond its chart: checks, and the proof by another one.

The proof is an application of its own, with a sidecar, in the service's namespace: it has what the
service's neighbours have, and needs no way into the service's pods.
"""

from __future__ import annotations

import secrets
from functools import partial
from pathlib import Path
from typing import Final

from skill_runner.hooks import (
    MARK,
    Context,
    Schema,
    app_labels,
    ask_beside_sidecar,
    check_event_schemas,
    check_fresh_pods,
    check_routes,
    check_secret,
    check_sidecars,
    ensure_token,
    fill_credential,
    has_said,
    kill_pod_during,
    prove_door,
    read_event_schemas,
    register_from_pod,
    replace_stale_pods,
)

PROBE: Final = Path(__file__).parent / "scripts" / "probe.py"
REGISTER: Final = PROBE.with_name("register.py")
STREAM: Final = {"count": 200, "pause": 0.03}  # events of the drill, and seconds between them
KILL_AFTER: Final = 60  # published events

ensure_gateway_key = fill_credential


async def check_events(ctx: Context) -> None:
    """Before anything is touched: the events' schemas, against those that the registry has."""
    await check_event_schemas(ctx, str(ctx.requires["registry"]["url"]), _schemas(ctx))


async def ensure_events(ctx: Context) -> str:
    """Register the schemas of the events, before the pods change; one that is known stays."""
    url, image = str(ctx.requires["registry"]["url"]), ctx.images["app"].ref
    return await register_from_pod(ctx, url, _schemas(ctx), script=REGISTER, image=image)


def _schemas(ctx: Context) -> dict[str, Schema]:
    topics = (*ctx.inputs["subscribe"], *ctx.inputs["publish"])
    return read_event_schemas(ctx.inputs["source"], ctx.inputs["events"], topics)


async def ensure_app_token(ctx: Context) -> str:
    """Generate the token that the sidecar shows the application; one that is there stays."""
    return await ensure_token(ctx, f"{ctx.installation.name}-app-token")


async def check_credentials(ctx: Context) -> None:
    """The store's credentials are in this namespace, where the sidecar's Component names them."""
    hint = f"`skill run {_store(ctx)}-k8s-setup` copies it again: `clients` name the namespace."
    await check_secret(ctx, ctx.requires[_store(ctx)]["uri"]["secretKeyRef"]["name"], hint=hint)


def _store(ctx: Context) -> str:
    return str(ctx.inputs["state"]).replace("postgresql", "postgres")


def _secrets(ctx: Context) -> list[str]:
    """Name what the pods, or their sidecars, read when they start."""
    keeps = [ctx.requires[_store(ctx)]["uri"]] if ctx.outputs["state_store"] else []
    names = [each["secretKeyRef"]["name"] for each in keeps]
    names += [each["secret"] for each in ctx.inputs["secrets"].values()]
    return [*names, *ctx.inputs["env_from_secrets"], f"{ctx.installation.name}-app-token"]


async def ensure_fresh_pods(ctx: Context) -> str:
    """Replace pods that are older than the passwords in their Secrets."""
    return await replace_stale_pods(ctx, ctx.release("application"), _labels(ctx), _secrets(ctx))


async def prove_sidecars(ctx: Context) -> str:
    """Every pod has a sidecar with its components, topics and passwords, and knows its routes."""
    labels, topics = _labels(ctx), list(ctx.inputs["subscribe"])
    await check_fresh_pods(ctx, labels, _secrets(ctx))
    components = [ctx.outputs[each] for each in ("pubsub", "state_store") if ctx.outputs[each]]
    said = await check_sidecars(ctx, labels, components=components, topics=topics)
    await check_routes(ctx, labels, int(ctx.inputs["port"]))
    return said


async def prove_service(ctx: Context) -> str:
    """Called through its Service and its sidecar; an event's effect; a failing event's end."""
    return await _probe(ctx, "prove", f"proof-{secrets.token_hex(6)}", timeout=170)


async def drill_pod_loss(ctx: Context) -> str:
    """A pod is killed while events come; afterwards each of them has had its effect."""
    if not ctx.inputs["probe"].get("key"):
        return "skipped: probe.data and probe.key say which event has which effect"
    nonce = f"drill-{secrets.token_hex(6)}"
    work, text = _probe(ctx, "stream", nonce, timeout=220), f"published {KILL_AFTER}"
    started = partial(has_said, ctx, f"{MARK}={nonce}", text)
    said, pod = await kill_pod_during(ctx, _labels(ctx), work, started=started)
    return f"{said}, with pod {pod} killed amid them"


async def _probe(ctx: Context, work: str, nonce: str, *, timeout: float) -> str:
    """Run our application in the service's own image, and return its last line."""
    outputs = ("app_id", "service", "pubsub", "state_store", "dead_letter")
    given = {key: ctx.outputs[key] for key in outputs}
    given |= {key: ctx.inputs[key] for key in ("health", "subscribe", "retries", "probe")}
    given |= {"namespace": ctx.namespace, "nonce": nonce, **STREAM}
    app, image = f"{ctx.outputs['app_id']}-probe", ctx.images["app"].ref
    return await ask_beside_sidecar(
        ctx, PROBE, work, app_id=app, mark=nonce, image=image, given=given, timeout=timeout
    )


def _labels(ctx: Context) -> str:
    return app_labels(ctx.installation.name, ctx.release("application"))


async def prove_front_door(ctx: Context) -> str:
    """The application through its gateway: refused without the credential, answered with it."""
    path = str(ctx.let["way"]["path"])
    return await prove_door(ctx, f"{path.rstrip('/')}{ctx.inputs['health']}")
