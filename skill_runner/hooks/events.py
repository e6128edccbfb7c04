"""Schemas of a service's events: files of its source, by topic, that a registry is to keep."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from skill_runner.errors import Forbidden
from skill_runner.hooks.context import Context, GiveUp, script_command
from skill_runner.hooks.schemas import (
    Schema,
    is_registry_ready,
    open_registry,
    read_schema,
    try_schemas,
)
from skill_runner.text.quoting import excerpt


def read_event_schemas(
    source: str, events: Mapping[str, str], topics: Collection[str]
) -> dict[str, Schema]:
    """Return the schemas by subject, TOPIC-value, of files beneath `source` by topic.

    None where the source is on another machine: then they are as they were. GiveUp for a topic that
    is not among `topics`, and for a file that is not beneath the source or no schema.

        schemas = read_event_schemas("lessons", {"done": "events/done.json"}, ["done"])
    """
    if unknown := sorted(set(events) - set(topics)):
        names = ", ".join(unknown)
        raise GiveUp(f"events names {names}, which neither `subscribe` nor `publish` does")
    folder = Path(source).expanduser()
    if not folder.is_dir():
        return {}
    for file in events.values():
        if ".." in Path(file).parts:
            raise GiveUp(f"events: {file} is not beneath the source")
    return {f"{topic}-value": read_schema(folder / file) for topic, file in events.items()}


async def check_event_schemas(ctx: Context, url: str, schemas: Mapping[str, Schema]) -> None:
    """Raise GiveUp with every schema that the registry at `url` would refuse.

    A registry that is not there yet, or may not be looked at, is asked by `register_from_pod`.

        await check_event_schemas(ctx, ctx.requires["registry"]["url"], schemas)
    """
    with suppress(Forbidden):
        if schemas and await is_registry_ready(ctx, url):
            async with open_registry(ctx, url) as api:
                await try_schemas(api, schemas)


async def register_from_pod(
    ctx: Context, url: str, schemas: Mapping[str, Schema], *, script: Path, image: str
) -> str:
    """Register schemas from a pod, which the registry's network lets in, by a Python script.

    Return what was registered, "" where every schema was known. GiveUp with the registry's words.

        said = await register_from_pod(ctx, url, schemas, script=REGISTER, image=image)
    """
    if not schemas:
        return ""
    bodies = {name: {"schemaType": s.kind, "schema": s.text} for name, s in schemas.items()}
    result = await ctx.run_pod(
        name="register-events",
        image=image,
        command=script_command(script),
        env={"GIVEN": json.dumps({"url": url, "schemas": bodies})},
    )
    last = result.logs.strip().rpartition("\n")[2]
    if result.exit_code != 0:
        raise GiveUp(excerpt(last), code="CHECK_FAILED", resource=f"Subject {next(iter(schemas))}")
    return last
