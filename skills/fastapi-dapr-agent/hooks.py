"""What a service with a sidecar needs beyond its chart: checks, and the proof by another one.

The proof is an application of its own, with a sidecar, in the service's namespace: it has what the
service's neighbours have, and needs no way into the service's pods.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from skill_runner.hooks import (
    MARK,
    WITHOUT_SECRET_STORE,
    Context,
    Forbidden,
    GiveUp,
    NotFound,
    Object,
    PodResult,
    Ref,
    RetryLater,
    Schema,
    check_sidecars,
    excerpt,
    fill_credential,
    generate_password,
    is_registry_ready,
    open_registry,
    prove_door,
    read_schema,
    read_secret,
    run_with_sidecar,
    try_schemas,
    write_secret,
)

PROBE: Final = (Path(__file__).parent / "scripts" / "probe.py").read_text()
REGISTER: Final = (Path(__file__).parent / "scripts" / "register.py").read_text()
TOKEN: Final = "APP_API_TOKEN"  # noqa: S105 - a variable's name
EVENTS: Final = 200  # of the drill
PAUSE: Final = 0.03  # seconds between them
KILL_AFTER: Final = 60  # published events


async def check(ctx: Context) -> None:
    """Before anything is touched: inputs that contradict each other."""
    inputs, probe = ctx.inputs, ctx.inputs["probe"]
    if TOKEN in {*inputs["env"], *inputs["secrets"]}:
        raise GiveUp(
            f"{TOKEN} is set by this skill: it is what the sidecar sends as dapr-api-token",
            hint=f"Leave {TOKEN} out of `env` and `secrets`.",
        )
    unknown = sorted(set(inputs["routes"]) - set(inputs["subscribe"]))
    if unknown:
        raise GiveUp(f"routes names {', '.join(unknown)}, which `subscribe` does not")
    if ctx.outputs["dead_letter"] in inputs["subscribe"]:
        raise GiveUp(
            f"{ctx.outputs['dead_letter']} is both subscribed to and the dead-letter topic",
            hint="Let another installation handle the dead letters.",
        )
    if probe.get("topic") and probe["topic"] not in inputs["subscribe"]:
        raise GiveUp(f"probe.topic is {probe['topic']}, which `subscribe` does not name")
    if bool(probe.get("data")) != bool(probe.get("key")):
        raise GiveUp("probe.data and probe.key belong together: an event, and where its effect is")
    if probe.get("data") and "{id}" not in json.dumps(probe["data"]):
        raise GiveUp(
            "probe.data has no {id}: the proof could not tell its own effect from another's"
        )


async def check_events(ctx: Context) -> None:
    """Before anything is touched: the events' schemas, against those that the registry has."""
    unknown = set(ctx.inputs["events"]) - {*ctx.inputs["subscribe"], *ctx.inputs["publish"]}
    if unknown:
        topics = ", ".join(sorted(unknown))
        raise GiveUp(f"events names {topics}, which neither `subscribe` nor `publish` does")
    schemas, url = _schemas(ctx), str(ctx.requires["registry"]["url"])
    with suppress(Forbidden):  # the registry is not ours to look at: the step asks it, from a pod
        if schemas and await is_registry_ready(ctx, url):
            async with open_registry(ctx, url) as api:
                await try_schemas(api, schemas)


async def ensure_events(ctx: Context) -> str:
    """Register the schemas of the events, before the pods change; one that is known stays."""
    schemas = {
        subject: {"schemaType": schema.kind, "schema": schema.text}
        for subject, schema in _schemas(ctx).items()
    }
    if not schemas:
        return ""
    result = await ctx.run_pod(
        name="register-events",
        image=ctx.images["app"].ref,
        command=["python3", "-c", REGISTER],
        env={"GIVEN": json.dumps({"url": ctx.requires["registry"]["url"], "schemas": schemas})},
    )
    last = result.logs.strip().rpartition("\n")[2]
    if result.exit_code != 0:
        raise GiveUp(excerpt(last), code="CHECK_FAILED", resource=f"Subject {next(iter(schemas))}")
    return last


def _schemas(ctx: Context) -> dict[str, Schema]:
    """By subject; none where the source is on another machine: then it is as it was."""
    source = Path(ctx.inputs["source"]).expanduser()
    if not source.is_dir():
        return {}
    for file in ctx.inputs["events"].values():
        if ".." in Path(file).parts:
            raise GiveUp(f"events: {file} is not beneath the source")
    return {
        f"{topic}-value": read_schema(source / file) for topic, file in ctx.inputs["events"].items()
    }


async def fill_app_token(ctx: Context) -> str:
    """Generate the token that the sidecar shows the application; one that is there stays."""
    ref = Ref("v1", "Secret", f"{ctx.installation.name}-app-token", ctx.namespace)
    if (await read_secret(ctx, ref)).get("token"):
        return ""
    await write_secret(ctx, ref, {"token": generate_password()})
    return "generated the token of the sidecar"


async def check_credentials(ctx: Context) -> None:
    """The store's credentials are in this namespace, where the sidecar's Component names them."""
    alias = str(ctx.inputs["state"]).replace("postgresql", "postgres")
    name = ctx.requires[alias]["uri"]["secretKeyRef"]["name"]
    try:
        data = (await ctx.get(Ref("v1", "Secret", name, ctx.namespace))).get("data") or {}
    except NotFound:
        data = {}
    if not data:
        raise GiveUp(
            f"Secret {name} of namespace {ctx.namespace} is missing or empty",
            code="CONFIG_MISSING",
            resource=f"Secret {ctx.namespace}/{name}",
            hint=f"`skill run {alias}-k8s-setup` copies it again: `clients` name the namespace.",
        )


async def check_the_sidecars(ctx: Context) -> str:
    """Every pod's sidecar says that it has the components and listens to the topics."""
    components = [ctx.outputs[each] for each in ("pubsub", "state_store") if ctx.outputs[each]]
    return await check_sidecars(
        ctx, _labels(ctx), components=components, topics=list(ctx.inputs["subscribe"])
    )


async def prove_service(ctx: Context) -> str:
    """Called through its Service and its sidecar; an event's effect; a failing event's end."""
    result = await _probe(ctx, "prove", {"nonce": _nonce()}, timeout=170)
    return _said(result)


async def kill_amid_events(ctx: Context) -> str:
    """A pod is killed while events come; afterwards each of them has had its effect."""
    probe = ctx.inputs["probe"]
    if not probe.get("key"):
        return "skipped: probe.data and probe.key say which event has which effect"
    nonce = _nonce()
    given = {"nonce": nonce, "count": EVENTS, "pause": PAUSE}
    flow = asyncio.create_task(_probe(ctx, "stream", given, timeout=220))
    try:
        await _until_published(ctx, nonce, KILL_AFTER, flow)
        victim = await _a_pod(ctx)
        await ctx.cluster.delete(
            Ref("v1", "Pod", victim["metadata"]["name"], ctx.namespace),
            uid=victim["metadata"]["uid"],
            grace=0,
        )
        published = await _published(ctx, nonce)
        if flow.done() or published >= EVENTS:
            raise RetryLater("the stream ended before the pod was killed")
        said = _said(await flow)
    finally:
        flow.cancel()
        await asyncio.gather(flow, return_exceptions=True)
    return f"{said}, with pod {victim['metadata']['name']} killed after {published} of them"


async def _until_published(ctx: Context, nonce: str, count: int, flow: Any) -> None:
    while await _published(ctx, nonce) < count:
        if flow.done():
            _said(flow.result())
            raise RetryLater("the stream ended before the pod was killed")
        await ctx.clock.sleep(0.2)


async def _published(ctx: Context, nonce: str) -> int:
    """How many events the stream has published, as its pod says."""
    for pod in await ctx.list("v1", "Pod", labels=f"{MARK}={nonce}"):
        if pod.get("status", {}).get("phase") == "Running":
            said = await ctx.logs(pod["metadata"]["name"], "main")
            lines = [line for line in said.splitlines() if line.startswith("published ")]
            return int(lines[-1].split()[1]) if lines else 0
    return 0


async def _a_pod(ctx: Context) -> Object:
    pods = [
        pod
        for pod in await ctx.list("v1", "Pod", labels=_labels(ctx))
        if not pod["metadata"].get("deletionTimestamp")
    ]
    if not pods:
        raise RetryLater("there is no pod to kill")
    return pods[0]


async def _probe(ctx: Context, work: str, more: Mapping[str, Any], *, timeout: float) -> PodResult:
    """Run our application in the service's own image; `timeout` in seconds."""
    inputs, outputs = ctx.inputs, ctx.outputs
    probe, app = inputs["probe"], str(outputs["app_id"])
    topic = probe.get("topic") or next(iter(inputs["subscribe"]), "")
    given = {
        "app": app,
        "service": f"{outputs['service']}.{ctx.namespace}.svc",
        "health": inputs["health"],
        "call": probe.get("call") or inputs["health"],
        "pubsub": outputs["pubsub"],
        "store": outputs["state_store"],
        "dead_letter": outputs["dead_letter"],
        "topic": topic,
        "skipped": _skipped(ctx),
        **({"data": probe["data"], "key": probe["key"]} if _has_effect(ctx) else {}),
        **({"fails": probe["fails"]} if topic and "fails" in probe else {}),
        **more,
    }
    return await run_with_sidecar(
        ctx,
        app_id=f"{app}-probe",
        mark=str(more["nonce"]),
        image=ctx.images["app"].ref,
        command=["python3", "-c", PROBE, work],
        env={"GIVEN": json.dumps(given)},
        annotations=WITHOUT_SECRET_STORE,
        timeout=timeout,
    )


def _has_effect(ctx: Context) -> bool:
    return bool(
        ctx.inputs["subscribe"] and ctx.outputs["state_store"] and ctx.inputs["probe"].get("key")
    )


def _skipped(ctx: Context) -> list[str]:
    """What is not proven, and what it would take."""
    inputs, said = ctx.inputs, []
    if inputs["subscribe"] and not _has_effect(ctx):
        said.append("an event's effect was not looked for (probe.data and probe.key are not given)")
    if inputs["subscribe"] and "fails" not in inputs["probe"]:
        said.append("no dead letter was looked for (probe.fails is not given)")
    return said


def _said(result: PodResult) -> str:
    """The probe's last line; GiveUp with it when the probe failed."""
    lines = [line for line in result.logs.splitlines() if line.strip()]
    last = lines[-1] if lines else "it said nothing"
    if result.exit_code == 0:
        return last
    raise GiveUp("\n".join([f"the probe failed: {excerpt(last)}", *lines[-6:-1]]))


def _labels(ctx: Context) -> str:
    name = ctx.installation.name
    return f"app.kubernetes.io/name={name},app.kubernetes.io/instance={name}"


def _nonce() -> str:
    return f"proof-{secrets.token_hex(6)}"


async def ensure_gateway_key(ctx: Context) -> str:
    """Generate the credential that the gateway asks for; one that is there stays."""
    return await fill_credential(ctx)


async def prove_front_door(ctx: Context) -> str:
    """The application through its gateway: refused without the credential, answered with it."""
    path = str(ctx.let["way"]["path"])
    return await prove_door(ctx, f"{path.rstrip('/')}{ctx.inputs['health']}")
