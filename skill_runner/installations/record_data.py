"""A record as its ConfigMap holds it: JSON, without the values of secret inputs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from skill_runner.installations.record import SCHEMA, Good, ProofRecord, Record, ReleaseRecord
from skill_runner.objects import Ref
from skill_runner.plan import ImageChoice, Installation


def to_data(record: Record) -> dict[str, Any]:
    data = {"schema": SCHEMA, **asdict(replace(record, uids={}, leaving={}))}
    del data["key"], data["delivered_by"]
    data["uids"] = _uids_to_data(record.uids)
    data["leaving"] = _uids_to_data(record.leaving)
    data["inputs"] = without_secrets(record, record.inputs)
    if record.good:
        data["good"]["inputs"] = without_secrets(record, record.good.inputs)
    return data


def _uids_to_data(uids: Mapping[Ref, str]) -> list[dict[str, Any]]:
    return [{**asdict(ref), "uid": uid} for ref, uid in sorted(uids.items(), key=repr)]


def _uids_of(data: Iterable[Mapping[str, Any]]) -> dict[Ref, str]:
    return {Ref(**_but(each, "uid")): each["uid"] for each in data}


def without_secrets(record: Record, inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {n: v for n, v in inputs.items() if n not in record.secret_inputs}


def from_data(data: Mapping[str, Any]) -> Record:
    releases = data["releases"]
    return Record(
        installation=Installation(**data["installation"]),
        skill=data["skill"],
        version=data["version"],
        inputs=data["inputs"],
        secret_inputs=tuple(data.get("secret_inputs", ())),
        source=data.get("source", ""),
        images={name: ImageChoice(**choice) for name, choice in data["images"].items()},
        releases=tuple(ReleaseRecord(**r) for r in releases),
        objects=tuple(Ref(**r) for r in data["objects"]),
        requires=dict(data["requires"]),
        asked=data.get("asked", True),
        created_namespace=data["created_namespace"],
        proofs={name: ProofRecord(**p) for name, p in data["proofs"].items()},
        outputs=data["outputs"],
        plan_digest=data["plan_digest"],
        uids=_uids_of(data.get("uids", ())),
        leaving=_uids_of(data.get("leaving", ())),
        complete=data["complete"],
        # Of records from before this was kept, a whole run that ended well tells.
        proven=data.get("proven", data["complete"] or any(r.get("revision") for r in releases)),
        good=_good(data.get("good")),
        created=data["created"],
        updated=data["updated"],
    )


def _good(data: Mapping[str, Any] | None) -> Good | None:
    if data is None:
        return None
    images = {name: ImageChoice(**choice) for name, choice in data["images"].items()}
    return Good(**{**data, "images": images})


def _but(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != key}


def same_but_times(one: Record, other: Record) -> bool:
    """Tell whether two records say the same of the installation, whenever they were written."""
    return _untimed(one) == _untimed(other)


def _untimed(record: Record) -> str:
    data = to_data(record)
    for key in ("created", "updated", "source"):  # the same skill may be in another folder
        data.pop(key)
    return json.dumps(data, sort_keys=True)
