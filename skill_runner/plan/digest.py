"""The digest of a plan: whether a record was made by the same one."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from skill_runner.plan.types import Installation, PlannedRelease, PlannedStep
from skill_runner.skill.model import Proof, Skill


def digest_of(
    skill: Skill,
    installation: Installation,
    inputs: Mapping[str, Any],
    steps: Sequence[PlannedStep],
    proofs: Sequence[Proof],
    outputs: Mapping[str, Any],
    requires: Mapping[str, Mapping[str, Any]],
    let: Mapping[str, Any],
    key: str,
) -> str:
    """A keyed SHA-256 over all that a run depends on, but for where the skill's folder is."""
    parts = [
        skill.name,
        skill.version,
        skill.digests,
        str(installation),
        inputs,
        [_content(step) for step in steps],
        [_of_proof(proof) for proof in proofs],
        outputs,
        requires,
        *([let] if let else []),  # hooks may read it
    ]
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True)
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def _of_proof(proof: Proof) -> dict[str, Any]:
    """A proof as plain data, without the ways that it does not use."""
    data = asdict(proof)
    return {key: data[key] for key in data if data[key] is not None or key == "when"}


def _content(step: PlannedStep) -> dict[str, Any]:
    """A step as plain data, without local paths (the skill's digests stand for those files)."""
    data = asdict(step)
    data.pop("recipe", None)
    data.pop("key", None)
    data.pop("application", None)  # the image's own name has the digest of it
    if isinstance(step, PlannedRelease) and step.repo is None and "://" not in step.chart:
        data["chart"] = "local"
    return {"step": type(step).__name__, **data}
