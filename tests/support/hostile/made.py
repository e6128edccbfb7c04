"""What inputs make: the identities and the structure of a plan, without its texts."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path as FilePath
from typing import Any

from skill_runner.backends.base import ReleaseSpec
from skill_runner.backends.helm import PyHelm
from skill_runner.errors import SkillError
from skill_runner.objects import Object
from skill_runner.plan import ImageChoice, Installation, Plan, PlannedApply, PlannedRelease
from skill_runner.plan import make_plan as plan_it
from skill_runner.plan.inputs import resolve_values
from skill_runner.skill.model import Skill
from skill_runner.testing import MemoryCluster
from tests.support.charts import HELM
from tests.support.hostile.bases import Base, skill_of
from tests.support.hostile.places import Path, with_text
from tests.support.hostile.texts import HARMLESS


@dataclass(frozen=True)
class Made:
    """What a plan would make: identities, and the structure of all of it without its texts."""

    kinds: Counter[str]
    names: Counter[tuple[str, str, str]]
    shape: str


_cache: dict[str, tuple[Object, ...]] = {}


def make(base: Base, inputs: Mapping[str, Any], text: str | None = None) -> Made:
    """What these inputs make; SkillError with exit code 2 when they are refused.

    `text` is what was put in: as a key it is not part of the structure.
    """
    plan = plan_of(skill_of(base.skill), base, inputs)
    objects, values = asyncio.run(rendered(plan))
    return Made(
        kinds=Counter(f"{o.get('apiVersion')} {o.get('kind')}" for o in objects),
        names=Counter(_identity(o) for o in objects),
        shape=json.dumps([shape(objects, text), shape(values, text)]),
    )


def plan_of(skill: Skill, base: Base, inputs: Mapping[str, Any]) -> Plan:
    resolved = resolve_values(skill, inputs)
    images = {
        image.name: ImageChoice(
            name=image.name,
            source="pull",
            official=image.ref or f"{image.name}:1",
            ref=str(resolved.get("image") or image.ref or f"{image.name}:1"),
        )
        for image in skill.images.values()
    }
    where = Installation(str(resolved["namespace"]), skill.name)
    return plan_it(skill, where, resolved, images, base.requires)


async def rendered(plan: Plan) -> tuple[list[Object], list[Any]]:
    objects: list[Object] = []
    values: list[Any] = []
    for step in plan.steps:
        if isinstance(step, PlannedApply):
            objects.extend(step.manifests)
        elif isinstance(step, PlannedRelease):
            values.append([step.id, step.values])
            if HELM is not None and step.repo is None and FilePath(step.chart).is_dir():
                objects.extend(await _template(step))
    return objects, values


async def _template(step: PlannedRelease) -> tuple[Object, ...]:
    assert HELM is not None
    key = json.dumps([step.chart, step.release, step.namespace, step.values], default=str)
    if key not in _cache:
        spec = ReleaseSpec(
            name=step.release, namespace=step.namespace, chart=step.chart, values=step.values
        )
        _cache[key] = await PyHelm(HELM, MemoryCluster()).template(spec)
    return _cache[key]


def _identity(manifest: Object) -> tuple[str, str, str]:
    meta = manifest.get("metadata") or {}
    return str(manifest.get("kind")), str(meta.get("namespace")), str(meta.get("name"))


def shape(value: Any, key: str | None = None) -> Any:
    """The structure of data: keys, lengths and types, without the texts."""
    if isinstance(value, Mapping):
        pairs = (
            ("<key>" if name == key else str(name), shape(v, key)) for name, v in value.items()
        )
        return sorted(pairs, key=str)
    if isinstance(value, list | tuple):
        return [shape(item, key) for item in value]
    return type(value).__name__


@cache
def harmless(base: Base, path: Path) -> tuple[str, Made] | None:
    """A text that is right at a place, and what it makes; None when no candidate is."""
    for text in HARMLESS:
        try:
            return text, make(base, with_text(base.inputs, path, text), text)
        except SkillError:
            continue
    return None
