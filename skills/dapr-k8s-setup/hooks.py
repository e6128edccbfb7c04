"""What Dapr needs beyond its chart: checks, pods that missed their sidecar, and the proofs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from string import Template
from typing import Any, Final

import yaml

from skill_runner.hooks import (
    PROBING,
    Context,
    GiveUp,
    NotFound,
    Ref,
    await_webhook,
    check_all_sidecars,
    check_literal_secrets,
    not_loaded,
    objects_for_proof,
    ready_pods,
    remake_without_sidecar,
    run_with_sidecar,
    script_command,
    until,
)

SCRIPTS: Final = Path(__file__).parent / "scripts"
BUNDLED: Final = "dapr-bundled"  # the chart of this skill
INJECTOR: Final = "dapr-sidecar-injector"
WEBHOOK: Final = Ref("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", INJECTOR)
CALLER: Final = "skill-probe-caller"
CALLEE: Final = "skill-probe-callee"
BROKER: Final = "app=skill-probe-broker"


async def check_version(ctx: Context) -> None:
    """The bundled chart and the recipe are of one version."""
    image, inputs = ctx.images["runtime"], ctx.inputs
    bundled, known = ctx.outputs["mode"] == "bundled", image.official.rpartition(":")[2]
    if (bundled or image.ref != image.official) and inputs["version"] not in ("", known):
        why = "its chart is bundled" if bundled else "its images are built here"
        raise GiveUp(
            f"version is {inputs['version']}, and {why}, which is there for Dapr {known} alone",
            hint=f"--set version={known}; with a registry: --set mode=official --images pull.",
        )


async def check_only_one(ctx: Context) -> None:
    """The injector's webhook is for the whole cluster, and one chart cannot upgrade the other's
    StatefulSets."""
    try:
        notes = (await ctx.get(WEBHOOK))["metadata"].get("annotations") or {}
    except NotFound:
        return
    owner = notes.get("meta.helm.sh/release-namespace")
    if owner != ctx.namespace:
        raise GiveUp(
            f"Dapr is in this cluster already, in namespace {owner or 'unknown'}",
            hint="Use that one: a control plane serves every namespace.",
        )
    release = await ctx.helm.get("dapr", ctx.namespace)
    there = "bundled" if release and release.chart == BUNDLED else "official"
    if there != ctx.outputs["mode"]:
        raise GiveUp(
            f"Dapr was installed by the {there} chart, and this run would take the other one",
            hint="Remove Dapr first to change it: its Components stay. Or leave out --images.",
        )


async def check_literals(ctx: Context) -> None:
    """Secrets of components are named, not written."""
    check_literal_secrets(ctx.inputs["components"])


async def ensure_injector(ctx: Context) -> str:
    """The API server reaches the injector, and trusts it."""
    return await await_webhook(ctx, WEBHOOK)


async def prove_sidecars(ctx: Context) -> str:
    """Every pod that asks for a sidecar has one."""
    return await check_all_sidecars(ctx)


async def ensure_sidecars(ctx: Context) -> str:
    """Pods that were made before the injector served are made again."""
    return await remake_without_sidecar(ctx)


async def prove_building_blocks(ctx: Context) -> Mapping[str, Any]:
    """Two applications with sidecars, in two namespaces, use each building block."""
    nonce, there = token_hex(8), ctx.inputs["probe_namespace"]
    words = {
        "here": ctx.namespace,
        "there": there,
        "nonce": nonce,
        "image": ctx.images["probe"].ref,
        "broker": json.dumps(script_command(SCRIPTS / "broker.py")),
        "callee": json.dumps(script_command(SCRIPTS / "probe.py", "callee")),
        "annotations": json.dumps({**PROBING, "dapr.io/app-id": CALLEE}),
    }
    text = Template((SCRIPTS / "probe-objects.yaml").read_text()).substitute(words)
    *objects, callee = yaml.safe_load_all(text)
    async with objects_for_proof(ctx, objects):
        await until(ctx, lambda: ready_pods(ctx, BROKER), "the proof's broker is not ready")
        async with objects_for_proof(ctx, [callee]):
            env = {"SPACE": there, "OWN_SPACE": ctx.namespace}
            beside = (there, f"app={CALLEE}")
            report = await _probe(ctx, "caller", nonce, env, "skill-probe", beside=beside)
    return {name: each.get("seen") or GiveUp(each["failed"]) for name, each in report.items()}


async def prove_components(ctx: Context) -> str:
    """In each namespace with components, a sidecar loads them all, and the state stores keep."""
    by_namespace: dict[str, list[Mapping[str, Any]]] = {}
    for component in ctx.inputs["components"]:
        by_namespace.setdefault(component["namespace"], []).append(component)
    said = []
    for space, components in by_namespace.items():
        stores = [c["name"] for c in components if c["type"].startswith("state.")]
        env = {"EXPECTED": ",".join(c["name"] for c in components), "STORES": ",".join(stores)}
        report = await _probe(ctx, "loader", token_hex(8), env, "default", namespace=space)
        if report["missing"]:
            raise not_loaded(report["missing"], f"{space}/{CALLER}", report["loaded"])
        said.append(f"{space}: {', '.join(report['seen'])}")
    return "; ".join(said)


async def _probe(
    ctx: Context, role: str, nonce: str, env: Mapping[str, str], account: str, **more: Any
) -> dict[str, Any]:
    """The report of the probe in this role."""
    said = await run_with_sidecar(
        ctx,
        app_id=CALLER,
        mark=nonce,
        image=ctx.images["probe"].ref,
        command=script_command(SCRIPTS / "probe.py", role),
        env={"NONCE": nonce, **env},
        pod={"serviceAccountName": account, "automountServiceAccountToken": True},
        **more,
    )
    return dict(json.loads(said.answer()))
