"""Schemas of a folder, and a registry that keeps them by the rule of their subject.

The registry is Apicurio's: it answers as Confluent's Schema Registry does, and by its own API it
tries a schema without keeping it, and tells every fault by a JSON pointer.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import httpx
import jsonschema

from skill_runner.errors import NotFound
from skill_runner.hooks.context import Context, GiveUp, RetryLater
from skill_runner.objects import Ref
from skill_runner.text.quoting import excerpt

Kind = Literal["JSON", "AVRO"]
KINDS: Final[Mapping[str, Kind]] = {".json": "JSON", ".avsc": "AVRO"}
SUBJECT: Final = re.compile(r"[a-zA-Z0-9._-]{1,249}-(value|key)")
CONFLUENT: Final = "/apis/ccompat/v7"
OWN: Final = "/apis/registry/v3/groups/default/artifacts"
DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
# Parts of a pointer that name no field.
WORDS: Final = {"", "properties", "fields", "type", "required", "items", "propertySchemasAdded"}
OPEN: Final = (
    'A JSON Schema without "additionalProperties": false takes any property already, so a new one'
    " narrows it: close the schema (pydantic: extra='forbid'), or use another subject."
)


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema as the registry gets it; the same document always has the same text."""

    kind: Kind
    text: str


def make_schema(kind: Kind, document: Any, source: str) -> Schema:
    """GiveUp, naming `source`, when the registry could not know it for a schema.

    schema = make_schema("JSON", {"type": "object"}, "subjects.orders-value")
    """
    if kind == "JSON":
        validator = jsonschema.validators.validator_for(
            document, default=jsonschema.Draft202012Validator
        )
        try:
            validator.check_schema(document)
        except jsonschema.SchemaError as error:
            told = excerpt(f"{error.json_path}: {error.message}")
            raise GiveUp(f"{source} is no JSON Schema: {told}") from error
        if not isinstance(document, dict) or not document.keys() & {"$schema", "properties"}:
            raise GiveUp(
                f'{source} has neither "$schema" nor "properties": the registry does not know it'
                " for a JSON Schema",
                hint=f'Add "$schema": "{DRAFT}".',
            )
    return Schema(kind, json.dumps(document))


def read_schema(path: Path) -> Schema:
    """The schema of a file; GiveUp names it where it is none.

    schema = read_schema(Path("schemas/orders-value.avsc"))
    """
    if path.suffix not in KINDS:
        raise GiveUp(f"{path} is neither .json (JSON Schema) nor .avsc (Avro)")
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise GiveUp(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise GiveUp(f"{path} is not JSON: {error}") from error
    return make_schema(KINDS[path.suffix], document, str(path))


def read_schemas(folder: Path) -> dict[str, Schema]:
    """The schemas of a folder by subject, TOPIC-value or TOPIC-key; GiveUp names a wrong file.

    wanted = read_schemas(Path(ctx.inputs["schemas"]))
    """
    if not folder.is_dir():
        raise GiveUp(f"schemas: {folder} is not a folder here", hint="--set schemas=FOLDER")
    found: dict[str, Schema] = {}
    for path in sorted(each for each in folder.iterdir() if each.suffix in KINDS):
        if not SUBJECT.fullmatch(path.stem):
            raise GiveUp(
                f"{path} does not say which topic it is for",
                hint=f"Call it TOPIC-value{path.suffix}, or TOPIC-key{path.suffix}.",
            )
        if path.stem in found:
            raise GiveUp(f"subject {path.stem} is given twice, also as {path}")
        found[path.stem] = read_schema(path)
    return found


@asynccontextmanager
async def open_registry(ctx: Context, url: str) -> AsyncIterator[httpx.AsyncClient]:
    """The registry whose Service has this address, through its pod, on any cluster.

    RetryLater where it does not answer.

        async with open_registry(ctx, ctx.outputs["url"]) as api:
            rule = await get_compatibility(api)
    """
    pod = _registry_of(url)
    try:
        async with (
            ctx.cluster.port_forward(str(pod.namespace), f"{pod.name}-0", 8080) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as api,
        ):
            yield api
    except httpx.TransportError as error:
        raise RetryLater(f"the registry does not answer: {excerpt(error)}") from error


async def is_registry_ready(ctx: Context, url: str) -> bool:
    """Tell whether the registry of this address is there, and ready; Forbidden as it comes.

    ready = await is_registry_ready(ctx, ctx.outputs["url"])
    """
    try:
        found = await ctx.get(_registry_of(url))
    except NotFound:
        return False
    return bool((found.get("status") or {}).get("readyReplicas"))


def _registry_of(url: str) -> Ref:
    """The StatefulSet that answers at http://NAME.NAMESPACE.svc:8080/…"""
    name, namespace, *_ = str(urlsplit(url).hostname).split(".")
    return Ref("apps/v1", "StatefulSet", name, namespace)


async def get_compatibility(api: httpx.AsyncClient, subject: str = "") -> str:
    """The rule that holds for a subject, or for all that have none of their own.

    rule = await get_compatibility(api)
    """
    path = f"{CONFLUENT}/config/{subject}".rstrip("/")
    answer = await api.get(path, params={"defaultToGlobal": "true"})
    return str(answer.json().get("compatibilityLevel"))


async def try_schemas(api: httpx.AsyncClient, wanted: Mapping[str, Schema]) -> None:
    """GiveUp with every schema that the registry would refuse: subject, rule and fields.

    await try_schemas(api, wanted)
    """
    found = {subject: await _refusal(api, subject, schema) for subject, schema in wanted.items()}
    broken = {subject: line for subject, line in found.items() if line}
    if broken:
        text = "\n".join(broken.values())
        hint = OPEN if "narrowed" in text else ""  # the registry's word for it
        subject = f"Subject {next(iter(broken))}"
        raise GiveUp(text, hint=hint, code="CHECK_FAILED", resource=subject)


async def _refusal(api: httpx.AsyncClient, subject: str, schema: Schema) -> str:
    content = {"content": {"content": schema.text, "contentType": "application/json"}}
    said = await api.post(f"{OWN}/{subject}/versions", params={"dryRun": "true"}, json=content)
    if said.status_code in (200, 404):  # the first schema of a subject breaks nothing
        return ""
    answer = said.json()
    if answer.get("name") != "RuleViolationException":
        return f"{subject} is no valid schema: {excerpt(answer.get('title', said.text))}"
    last = await api.get(f"{CONFLUENT}/subjects/{subject}/versions/latest")
    old, new = json.loads(last.json()["schema"]), json.loads(schema.text)
    faults = [_fault(each, new, old) for each in answer.get("causes") or ()]
    return f"{subject} breaks {await get_compatibility(api, subject)}: {excerpt('; '.join(faults))}"


def _fault(cause: Mapping[str, str], new: Any, old: Any) -> str:
    """The fields that a cause points to, and what the registry says of them."""
    names: list[str] = []
    before = ""
    for part in cause["context"].strip("/").split("/"):
        key = "properties" if part == "propertySchemasAdded" else part
        new, old = (_member(each, key) for each in (new, old))
        if before == "fields" and isinstance(new, dict):
            names.append(str(new.get("name", part)))  # of a record in Avro
        elif before == "properties" or part not in WORDS:
            names.append(part)
        before = "" if before == "properties" else part
    if before in ("required", "propertySchemasAdded"):
        names.append(" and ".join(str(each) for each in new or () if each not in (old or ())))
    return f"{'.'.join(names) or cause['context']}: {cause['description']}"


def _member(value: Any, key: str) -> Any:
    if isinstance(value, list):
        return value[int(key)] if key.isdigit() and int(key) < len(value) else None
    return value.get(key) if isinstance(value, dict) else None


async def register_schemas(api: httpx.AsyncClient, wanted: Mapping[str, Schema]) -> list[str]:
    """Register what is new; the subjects that got a version. Every schema was tried before.

    new = await register_schemas(api, wanted)
    """
    new: list[str] = []
    for subject, schema in wanted.items():
        body = {"schemaType": schema.kind, "schema": schema.text}
        path = f"{CONFLUENT}/subjects/{subject}"
        if (await api.post(path, json=body)).status_code == 200:
            continue
        made = await api.post(f"{path}/versions", json=body)
        if made.status_code != 200:
            raise GiveUp(f"{subject} was refused: {excerpt(made.text)}")
        new.append(subject)
    return new
