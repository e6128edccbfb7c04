"""What a schema registry needs beyond its chart: schemas from files, and its proof.

A schema is tried against the running registry before anything is touched: its dry run tells the
fields and rules that Confluent's API does not. Nothing is ever deleted.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Final

from skill_runner.hooks import (
    Context,
    GiveUp,
    PodResult,
    Schema,
    app_labels,
    check_claims,
    get_compatibility,
    is_registry_ready,
    lose_pod,
    make_schema,
    open_registry,
    read_schemas,
    register_schemas,
    try_schemas,
)

PROBE: Final = Path(__file__).parent / "scripts" / "probe.py"


async def check_schemas(ctx: Context) -> None:
    """Before anything is touched: the volume, the files, and each schema against the last one."""
    labels = app_labels("schema-registry", ctx.release("registry"))
    if ctx.inputs["storage"] == "file":
        await check_claims(ctx, labels, str(ctx.inputs["size"]))
    wanted = _wanted(ctx)
    if wanted and await is_registry_ready(ctx, ctx.outputs["url"]):
        async with open_registry(ctx, ctx.outputs["url"]) as api:
            # Another rule holds only once the registry runs with it.
            if await get_compatibility(api) == ctx.inputs["compatibility"]:
                await try_schemas(api, wanted)


def _wanted(ctx: Context) -> dict[str, Schema]:
    """The schemas of the folder and of `subjects`, by subject."""
    given = ctx.inputs["subjects"]
    wanted = {name: make_schema("JSON", each, f"subjects.{name}") for name, each in given.items()}
    folder = str(ctx.inputs["schemas"])
    files = read_schemas(Path(folder).expanduser()) if folder else {}
    if twice := sorted(wanted.keys() & files.keys()):
        raise GiveUp(f"subject {twice[0]} is given twice: in {folder}, and in `subjects`")
    return {**wanted, **files}


async def ensure_schemas(ctx: Context) -> str:
    """Register what is new, after every schema was tried; what is there already stays."""
    wanted = _wanted(ctx)
    async with open_registry(ctx, ctx.outputs["url"]) as api:
        await try_schemas(api, wanted)
        new = await register_schemas(api, wanted)
    return f"{len(new)} of {len(wanted)} schemas registered: {', '.join(new)}" if new else ""


async def prove_evolution(ctx: Context) -> str:
    """Subjects of its own: registered, evolved, refused, read back, deleted; and a message."""
    return await _client(ctx, "prove", f"skill-proof-{secrets.token_hex(4)}")


async def prove_journal(ctx: Context) -> str:
    """Kafka deletes nothing from the topics that hold the schemas."""
    pod, asked = f"{ctx.release('registry')}-0", ["bash", "/mnt/files/journal.sh"]
    done = await ctx.exec(pod, asked, container="registry", timeout=90)
    return PodResult(done.exit_code, done.stdout + done.stderr).answer()


async def drill_restart(ctx: Context) -> str:
    """A schema is registered, the pod is deleted, and the schema is still there."""
    topic, pod = f"skill-drill-{secrets.token_hex(4)}", f"{ctx.release('registry')}-0"
    await _client(ctx, "keep", topic)
    await lose_pod(ctx, pod, seconds=300)
    return f"{await _client(ctx, 'find', topic)} after pod {pod} was deleted"


async def _client(ctx: Context, work: str, topic: str) -> str:
    """The last line of our client in a pod of its own; GiveUp with it when it failed."""
    bootstrap = ctx.requires.get("kafka", {}).get("bootstrap_servers", "")
    host = ctx.requires.get("postgres", {}).get("host") or "PostgreSQL"
    kept = {"kafka": f"Kafka ({bootstrap})", "postgres": host, "file": "the volume"}
    given = {
        "url": ctx.outputs["url"],
        "topic": topic,
        "bootstrap": bootstrap,
        "storage": kept[ctx.inputs["storage"]],
        "compatibility": ctx.inputs["compatibility"],
    }
    result = await ctx.run_script(
        PROBE,
        work,
        name="registry-proof",
        image=ctx.images["client"].ref,
        env={"GIVEN": json.dumps(given)},
        timeout=150,
    )
    return result.answer()
