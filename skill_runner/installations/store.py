"""Records in the cluster: a ConfigMap for each installation, its secret inputs in a Secret."""

from __future__ import annotations

import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from skill_runner.backends.base import Cluster
from skill_runner.errors import BadRecord, NotFound, Refused, SkillError
from skill_runner.installations.ownership import judge
from skill_runner.installations.record import SCHEMA, Record, given_up
from skill_runner.installations.record_data import from_data, to_data
from skill_runner.installations.record_form import fault_in
from skill_runner.objects import OURS, Object, Ref, delivery_tool
from skill_runner.plan import Installation
from skill_runner.skill.model import Skill
from skill_runner.text.redact import texts_of

KEY: Final = "record.json"
DIGEST_KEY: Final = ".digest-key"  # no input can have this name
GOOD_PREFIX: Final = ".good."  # before the inputs that stood before the change that is going on
LABELS: Final = {
    **OURS,
    "skill-runner.dev/record": "true",
}
SELECTOR: Final = "skill-runner.dev/record=true"
KEPT_LABELS: Final = {**LABELS, "skill-runner.dev/record": "kept"}  # only its data is there
PREFIX: Final = "skill-runner."
LABELED: Final = frozenset({("skill-runner.dev/record", state) for state in ("true", "kept")})


def key_for(
    old: Record | None, skill: Skill, token: Callable[[int], str] = secrets.token_hex
) -> str:
    """The key of an installation's digests, so that they tell nothing of its secret inputs.

    Its own, or a new one; empty for a skill without secret inputs.
    """
    if not any(each.secret for each in skill.inputs.values()):
        return ""
    return (old.key if old else "") or token(32)


async def read(cluster: Cluster, installation: Installation) -> Record | None:
    """The record of an installation, or None.

    BadRecord when what has its name is no record of it, or cannot be read.
    """
    found = await read_closed(cluster, installation)
    return found and await opened(cluster, found)


async def read_closed(cluster: Cluster, installation: Installation) -> Record | None:
    """The record without its secret inputs: enough for whoever uses the installation."""
    found = await _get(cluster, installation)
    return None if found is None or _is_kept(found) else _from_object(found)


async def read_kept(cluster: Cluster, installation: Installation) -> Record | None:
    """Read what a removal that kept data has left: the inputs, and the uids of the data."""
    found = await _get(cluster, installation)
    if found is None or not _is_kept(found):
        return None
    return await opened(cluster, _from_object(found))


async def _get(cluster: Cluster, installation: Installation) -> Object | None:
    try:
        return await cluster.get(_ref(installation))
    except NotFound:
        return None


def _is_kept(found: Object) -> bool:
    return KEPT_LABELS.items() <= (found["metadata"].get("labels") or {}).items()


async def exists(cluster: Cluster, installation: Installation) -> bool:
    """Tell whether an installation is there, readable or not; one that only kept its data is
    not."""
    try:
        meta = (await cluster.get(_ref(installation)))["metadata"]
    except NotFound:
        return False
    return LABELS.items() <= (meta.get("labels") or {}).items()


async def opened(cluster: Cluster, record: Record) -> Record:
    """The record with its secret inputs; those that nobody kept are left out.

    The ConfigMap is written before the Secret: where a process was killed in between, a change
    that the Secret does not know yet finds its good values in the plain ones, and one that was
    given up finds them beside.
    """
    if not record.secret_inputs or record.key:
        return record
    try:
        data = (await cluster.get(_secret_ref(record.installation))).get("data") or {}
    except NotFound:
        return record
    good = record.good
    if good is not None:
        before = _secret_inputs(record, data) | _secret_inputs(record, data, GOOD_PREFIX)
        good = replace(good, inputs={**good.inputs, **before})
    kept = _secret_inputs(record, data)
    if good is None and not record.complete:
        kept |= _secret_inputs(record, data, GOOD_PREFIX)
    key = b64decode(data.get(DIGEST_KEY, "")).decode()
    return replace(record, inputs={**record.inputs, **kept}, good=good, key=key)


def _secret_inputs(record: Record, data: Mapping[str, str], prefix: str = "") -> dict[str, Any]:
    return {
        name: json.loads(b64decode(data[prefix + name]))
        for name in record.secret_inputs
        if prefix + name in data
    }


async def keep(cluster: Cluster, record: Record, data: Mapping[Ref, str]) -> None:
    """Write what a removal leaves in place of the record: the inputs that bring the installation
    back, and the data that is there still. Secret inputs stay in the Secret beside it."""
    good = given_up(record)  # what a run that did not end well tried brings nothing back
    left = replace(
        good,
        releases=(),
        objects=tuple(r for r in record.objects if r in data),
        uids=data,
        requires={},
        proofs={},
        outputs={},
        complete=False,
        good=None,
        leaving={},
    )
    await write(cluster, left, labels=KEPT_LABELS)


def as_manifest(record: Record, labels: Mapping[str, str] = LABELS) -> Object:
    """The ConfigMap that keeps a record."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": _name(record.installation),
            "namespace": record.installation.namespace,
            "labels": {**labels, "app.kubernetes.io/instance": record.installation.name},
        },
        "data": {KEY: json.dumps(to_data(record), sort_keys=True)},
    }


async def write(cluster: Cluster, record: Record, *, labels: Mapping[str, str] = LABELS) -> None:
    """Keep the record; whoever wrote it before, this is what stands now."""
    await cluster.apply(as_manifest(record, labels), force=True)
    if record.key:  # one that was only listed knows no secrets, and must not overwrite them
        await cluster.apply(_secret(record), force=True)


def _secret(record: Record) -> Object:
    kept = {n: json.dumps(record.inputs[n]) for n in record.secret_inputs if n in record.inputs}
    before = record.good.inputs if record.good else {}
    kept |= {GOOD_PREFIX + n: json.dumps(before[n]) for n in record.secret_inputs if n in before}
    kept[DIGEST_KEY] = record.key
    ref = _secret_ref(record.installation)
    return {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "metadata": {
            "name": ref.name,
            "namespace": ref.namespace,
            "labels": {
                **OURS,
                "app.kubernetes.io/instance": record.installation.name,
            },
        },
        "data": {name: b64encode(text.encode()).decode() for name, text in kept.items()},
    }


async def remove(cluster: Cluster, record: Record) -> None:
    """The record, and the Secret beside it where it is ours: a version of the skill without secret
    inputs knows nothing of the one that an older version left."""
    for ref in reversed(record_refs(record.installation)):
        try:
            live = await cluster.get(ref)
        except NotFound:
            continue
        whose = judge({"kind": ref.kind, **live}, record.installation)
        if whose.is_ours:
            await cluster.delete(ref, uid=whose.uid)


@dataclass(frozen=True, slots=True)
class Listing:
    """The records of a namespace, or of all; `bad` says of each that cannot be read which and why:
    one broken ConfigMap is nobody else's trouble."""

    records: tuple[Record, ...]
    bad: tuple[str, ...] = ()


async def list_all(
    cluster: Cluster, namespace: str | None = None, *, kept: bool = False
) -> Listing:
    """Every record of a namespace, or of all, by installation; with `kept`, those of kept data."""
    labels = SELECTOR.replace("=true", "=kept") if kept else SELECTOR
    found = await cluster.list("v1", "ConfigMap", namespace=namespace, labels=labels)
    records, bad = [], []
    for obj in found.items:
        try:
            records.append(_from_object(obj))
        except (SkillError, Refused) as error:
            bad.append(error.message)
    return Listing(tuple(sorted(records, key=lambda r: str(r.installation))), tuple(sorted(bad)))


async def find_all(cluster: Cluster, namespace: str | None = None) -> tuple[Record, ...]:
    """Every record that can be read, of a namespace or of all, by installation."""
    return (await list_all(cluster, namespace)).records


async def find(
    cluster: Cluster, name: str, namespace: str | None = None, *, kept: bool = False
) -> Record | None:
    """The record by name alone, or with `kept` what a removal left of it.

    Refused when several namespaces have one; BadRecord when the one that is named is broken.
    """
    if namespace is not None:
        at = Installation(namespace, name)
        return await (read_kept(cluster, at) if kept else read(cluster, at))
    listed = await list_all(cluster, kept=kept)
    found = [r for r in listed.records if r.installation.name == name]
    if len(found) > 1:
        where = ", ".join(r.installation.namespace for r in found)
        raise Refused(f"{name} is in several namespaces: {where}", hint="Name one with -n.")
    return await opened(cluster, found[0]) if found else None


def secret_texts(record: Record) -> tuple[str, ...]:
    """The values of the secret inputs as texts, for whoever redacts."""
    return texts_of([record.inputs[n] for n in record.secret_inputs if n in record.inputs])


def record_refs(installation: Installation) -> tuple[Ref, Ref]:
    """The objects in which the record of an installation is kept."""
    return _ref(installation), _secret_ref(installation)


def _name(installation: Installation) -> str:
    return f"{PREFIX}{installation.name}"


def _ref(installation: Installation) -> Ref:
    return Ref("v1", "ConfigMap", _name(installation), installation.namespace)


def _secret_ref(installation: Installation) -> Ref:
    return Ref("v1", "Secret", _name(installation), installation.namespace)


def _from_object(obj: Object) -> Record:
    """Fields that a newer runner added are left alone; a newer schema is refused.

    Which installation it is says the object's own name: whoever may write one ConfigMap must not
    speak for another installation.
    """
    meta = obj["metadata"]
    where = f"ConfigMap {meta['namespace']}/{meta['name']}"
    installation = Installation(meta["namespace"], meta["name"].removeprefix(PREFIX))
    if not LABELED & set((meta.get("labels") or {}).items()):
        raise _bad(where, "it does not carry the label of a record")
    try:
        data = json.loads((obj.get("data") or {})[KEY])
        schema = data["schema"]
    except (KeyError, TypeError, ValueError) as error:
        raise _bad(where, f"{type(error).__name__}: {error}") from error
    if not isinstance(schema, int) or schema < 1:
        raise _bad(where, f"schema: {schema!r} is no version")
    if schema > SCHEMA:
        raise Refused(
            f"{where} was written by a newer version of skill (schema {schema})",
            hint="Upgrade: pip install --upgrade kube-skills",
        )
    if fault := fault_in(data):
        raise _bad(where, fault)
    record = from_data(data)
    if not meta["name"].startswith(PREFIX) or record.installation != installation:
        raise _bad(where, f"it names another installation, {record.installation}")
    by = delivery_tool(meta.get("labels") or {}, meta.get("annotations") or {})
    return replace(record, delivered_by=by)


def _bad(where: str, fault: str) -> BadRecord:
    return BadRecord(
        f"{where} is not a record that can be read: {fault}",
        hint="Someone changed it by hand; restore it, or remove what it named by hand.",
    )
