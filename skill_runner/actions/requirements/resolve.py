"""Requests into a settled set of installations: who needs whom, with which inputs.

An installation's inputs decide what it requires, and what is asked of it decides its inputs; so
each is looked at again when others ask more of it, until nothing changes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from skill_runner.actions.request import Request, locate, resolve
from skill_runner.actions.requirements.choose import Seeker, choose
from skill_runner.actions.requirements.dag import Cycle, in_order
from skill_runner.actions.requirements.merge import Ask, clashing, combine, onto
from skill_runner.errors import InputError, Refused, UsageError
from skill_runner.installations.record import Record
from skill_runner.installations.records import Records
from skill_runner.plan import Installation, wanted_requirements
from skill_runner.skill.library import Library
from skill_runner.skill.model import Requirement, Skill

_LOOKS: Final = 500  # at one installation or another; a graph of sane skills needs a few each


@dataclass(slots=True, kw_only=True)
class Draft:
    """One installation while the graph settles. `satisfied` ones are only read, never run."""

    installation: Installation
    skill: Skill
    old: Record | None
    request: Request | None = None
    asks: dict[tuple[Installation, str], Requirement] = field(default_factory=dict)
    edges: dict[str, Installation] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    needed: Mapping[str, Any] = field(default_factory=dict)
    satisfied: bool = False


async def settle(
    requests: Sequence[Request], library: Library, records: Records
) -> tuple[Draft, ...]:
    """Every installation that the requests need, each after those that it needs itself.

    UsageError for a cycle, an unknown skill or a wrong input; Refused for what cannot hold at once.
    """
    settling = _Settling(library, records)
    for request in requests:
        await settling.add(request)
    await settling.run()
    return settling.ordered()


class _Settling:
    def __init__(self, library: Library, records: Records) -> None:
        self.library = library
        self.records = records
        self.drafts: dict[Installation, Draft] = {}
        self.queue: deque[Installation] = deque()
        self.used: set[str] = set()

    async def add(self, request: Request) -> None:
        installation, old = await locate(request, self.records)
        self.drafts[installation] = Draft(
            installation=installation, skill=request.skill, old=old, request=request
        )
        self.queue.append(installation)

    async def run(self) -> None:
        for _ in range(_LOOKS):
            if not self.queue:
                self._check_names()
                return
            await self._look(self.drafts[self.queue.popleft()])
        raise UsageError(
            "the requirements do not converge: resolving one keeps changing another",
            hint=f"Look at `with:` and `when:` of: {', '.join(map(str, self.drafts))}",
        )

    def ordered(self) -> tuple[Draft, ...]:
        """Those that a request reaches, in the order of the graph."""
        reached: dict[Installation, Draft] = {}
        left = [draft.installation for draft in self.drafts.values() if draft.request]
        while left:
            draft = self.drafts[left.pop(0)]
            if draft.installation not in reached:
                reached[draft.installation] = draft
                left.extend(draft.edges.values())
        try:
            order = in_order({each: tuple(reached[each].edges.values()) for each in reached})
        except Cycle as cycle:
            raise UsageError(
                f"these require each other: {cycle}",
                hint="Take one of the requirements out, or give it a `when:`.",
            ) from None
        return tuple(reached[each] for each in order)

    async def _look(self, draft: Draft) -> None:
        """Settle one draft's inputs, and ask for what these require."""
        if draft.request is None and not draft.asks:
            return  # nobody needs it any more
        await self._inputs(draft)
        wanted: tuple[Requirement, ...] = ()
        if not draft.satisfied:
            wanted = wanted_requirements(draft.skill, draft.installation, draft.inputs)
        edges = {}
        for requirement in wanted:
            edges[requirement.alias] = await self._ask(draft, requirement)
        for alias, target in draft.edges.items():
            if edges.get(alias) != target:
                self.drafts[target].asks.pop((draft.installation, alias), None)
                self.queue.append(target)
        draft.edges = edges

    async def _ask(self, draft: Draft, requirement: Requirement) -> Installation:
        skill = self.library.find(requirement.skill)
        requirement = _with_passed(draft, requirement, skill)
        use = self._uses(draft, requirement)
        seeker = Seeker(installation=draft.installation, old=draft.old, use=use)
        planned = {each: its.skill for each, its in self.drafts.items() if its is not draft}
        target = await choose(seeker, requirement, skill, planned, self.records)
        if target not in self.drafts:
            old = await self.records.look(target) or await self.records.read_kept(target)
            self.drafts[target] = Draft(installation=target, skill=skill, old=old)
        other = self.drafts[target]
        if other.asks.get((draft.installation, requirement.alias)) != requirement:
            other.asks[draft.installation, requirement.alias] = requirement
            self.queue.append(target)
        return target

    def _uses(self, draft: Draft, requirement: Requirement) -> Mapping[str, str]:
        """Return what the caller named: an alias is its request's, a skill's name is everyone's."""
        own = draft.request.use if draft.request else {}
        skills = {
            key: named
            for each in self.drafts.values()
            if each.request
            for key, named in each.request.use.items()
            if key == requirement.skill
        }
        use = {**skills, **own}
        self.used |= {key for key in (requirement.alias, requirement.skill) if key in use}
        return use

    def _check_names(self) -> None:
        for draft in self.drafts.values():
            for key in draft.request.use if draft.request else ():
                if key not in self.used:
                    known = [r.alias for r in draft.skill.requires]
                    raise UsageError(
                        f"--use {key}: {draft.installation} has no requirement of that name",
                        hint=f"It requires: {', '.join(known) or 'nothing'}",
                    )
            for alias in draft.request.passed if draft.request else ():
                if alias not in draft.edges:
                    raise UsageError(
                        f"--with {alias}: with these inputs, {draft.installation} requires no"
                        f" {alias}",
                        hint=f"It requires: {', '.join(draft.edges) or 'nothing'}",
                    )

    async def _inputs(self, draft: Draft) -> None:
        asks = [
            Ask(f"{who} (as {alias})", each.inputs) for (who, alias), each in draft.asks.items()
        ]
        request, old = draft.request, draft.old
        if request is not None:
            own = Ask(request.where or "the caller", request.given)
            wants = combine(draft.skill, draft.installation, [own, *asks])
            kept = onto(draft.skill, old, wants) if old else {}
            given = {k: v if k in request.given else kept.get(k, v) for k, v in wants.items()}
            draft.inputs = resolve(request, old, given)
            return
        wants = combine(draft.skill, draft.installation, asks)
        if old is not None and (not old.complete or onto(draft.skill, old, wants)):
            # It is to be changed, so that its secret inputs count.
            draft.old = old = await self.records.read(draft.installation) or old
        draft.needed = onto(draft.skill, old, wants) if old else wants
        draft.satisfied = old is not None and old.complete and not draft.needed
        if draft.satisfied:
            return
        if old is not None:
            await self._check_sharing(draft, wants)
        draft.inputs = _resolved(draft, draft.needed)

    async def _check_sharing(self, draft: Draft, wants: Mapping[str, Any]) -> None:
        """Refuse changes of what others rely on; additions are fine."""
        assert draft.old is not None
        names = clashing(draft.skill, draft.old, wants)
        asking = {who for who, _ in draft.asks}
        others = [
            str(each.installation)
            for each in (await self.records.users_of(draft.installation) if names else ())
            if each.installation not in asking
        ]
        if others:
            changes = ", ".join(f"{n}={wants[n]!r} (it has {draft.old.inputs[n]!r})" for n in names)
            raise Refused(
                f"{', '.join(map(str, asking))} needs {changes} of {draft.installation}, which "
                f"{', '.join(others)} uses as it is",
                hint="Install another one, and name it with --use ALIAS=NAMESPACE/NAME.",
            )


def _with_passed(draft: Draft, requirement: Requirement, skill: Skill) -> Requirement:
    """The requirement with what the caller passes down to it, where both can hold."""
    passed = draft.request.passed.get(requirement.alias) if draft.request else None
    if not passed:
        return requirement
    asks = (Ask(str(draft.installation), requirement.inputs), Ask("the caller (--with)", passed))
    what = f"{requirement.alias} ({skill.name})"
    return replace(requirement, inputs=combine(skill, what, asks))


def _resolved(draft: Draft, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inputs of an installation that nobody asked for by itself."""
    request = Request(
        skill=draft.skill, name=draft.installation.name, namespace=draft.installation.namespace
    )
    try:
        return resolve(request, draft.old, given)
    except (InputError, Refused) as error:
        who = ", ".join(sorted({str(each) for each, _ in draft.asks}))
        text = f"{draft.installation}, which {who} requires: {error.sentence}"
        raise type(error)(text, hint=error.hint, listed=error.listed) from None
