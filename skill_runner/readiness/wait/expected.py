"""The question and the answer of a wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from skill_runner.objects import Object, Ref
from skill_runner.outcome import Problem
from skill_runner.readiness.status import Verdict
from skill_runner.skill.model import WaitRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One awaited object. `generation` and `uid` are those that the API gave when it was applied;
    None where they are not known. `manifest` is what was applied.

    `made` says that it was put there, so that "not there" means "gone"; `changed` that this has
    just happened, so that an old status may still stand; `former` is the UID of an object of the
    same name that is about to be replaced (a Helm hook's of the release before).
    """

    ref: Ref
    generation: int | None = None
    uid: str | None = None
    manifest: Mapping[str, Any] = field(default_factory=dict)
    made: bool = False
    changed: bool = False
    former: str | None = None

    @staticmethod
    def of(
        manifest: Object,
        applied: Object | None = None,
        *,
        made: bool = False,
        changed: bool = False,
        former: str | None = None,
    ) -> Expected:
        """From a manifest, and from the API's answer to applying it where there is one."""
        meta = (applied or {}).get("metadata", {})
        return Expected(
            ref=Ref.of(applied or manifest),
            generation=meta.get("generation"),
            uid=meta.get("uid"),
            manifest=manifest,
            made=made or changed or applied is not None,
            changed=changed or applied is not None,
            former=former,
        )

    @staticmethod
    def of_rule(rule: WaitRule) -> Expected:
        """An object that only a rule names: somebody else makes it, maybe later."""
        return Expected(ref=Ref(rule.api_version, rule.kind, rule.name, rule.namespace))


@dataclass(frozen=True, slots=True)
class Suspect:
    """An object, and a container in it, that evidence should be collected of."""

    ref: Ref
    container: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitResult:
    """`ready`, `failed` (a row of the failure policy is terminal) or `late` (the time is over).

    `notes` are sentences about ready objects that a person wants to know (a paused Deployment, an
    object that was left out). `seconds` is the time waited. `suspects` and `objects` (the last
    state of what was awaited, and of the pods and claims below) are for evidence.
    """

    state: Literal["ready", "failed", "late"]
    problem: Problem | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    verdicts: tuple[tuple[Ref, Verdict], ...] = ()
    suspects: tuple[Suspect, ...] = ()
    objects: tuple[Object, ...] = ()
    events: tuple[Object, ...] = ()
