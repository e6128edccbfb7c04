"""Prove a platform: its own hooks over its installations, once these are ready and proven."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from skill_runner.actions.platform import Platform
from skill_runner.actions.platform_proofs import PlatformProof
from skill_runner.actions.why import why_installation
from skill_runner.backends.world import World
from skill_runner.errors import HookFailed, SkillError, StepFailed
from skill_runner.execution import wall
from skill_runner.hooks.call import call_in_file
from skill_runner.hooks.context import Context
from skill_runner.hooks.platform import PlatformContext
from skill_runner.installations import store
from skill_runner.outcome import EdgeResult, NextAction, Outcome, Problem, from_error
from skill_runner.outcome.fix import fix_of
from skill_runner.plan import Installation, Plan
from skill_runner.progress import Of
from skill_runner.runs.folder import Run
from skill_runner.skill.library import Library
from skill_runner.skill.model import ProofKind

Plans = Mapping[Installation, Plan]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proving:
    """Everything that the proofs of one platform need; `plans` are those of its installations."""

    platform: Platform
    plans: Plans
    world: World
    run: Run
    library: Library

    def context(self, proof: PlatformProof) -> PlatformContext:
        """The context of a proof, none of whose edges was walked yet."""
        world = replace(self.world, report=lambda e: self.world.report(Of(self.platform.name, e)))
        many = Counter(installation.name for installation in self.plans)
        members = {
            str(installation) if many[installation.name] > 1 else installation.name: Context.of(
                plan,
                cluster=wall.cluster_of(plan, world),
                helm=wall.helm_of(plan, world),
                clock=world.clock,
                report=world.report,
                folder=self.run.folder,
            )
            for installation, plan in self.plans.items()
        }
        return PlatformContext(
            platform=self.platform.name,
            members=members,
            clock=world.clock,
            report=world.report,
            folder=self.run.folder,
            edges=dict(proof.edges),
        )


async def prove(proving: Proving, outcome: Outcome, kinds: Collection[ProofKind]) -> Outcome:
    """The outcome with the platform's proofs of these `kinds`; the first that fails ends it.

    Where the installations themselves are not ready nothing is run, and the outcome says so.
    """
    proof: dict[str, str] = dict(outcome.proof)
    edges: list[EdgeResult] = []
    for each in proving.platform.proofs:
        if each.proof.kind not in kinds:
            continue
        context = proving.context(each)
        if outcome.exit_code:
            proof[each.proof.id] = "not run"
        else:
            began = proving.world.clock.monotonic()
            try:
                proof[each.proof.id] = await _run(proving, each, context)
            except SkillError as error:
                proof[each.proof.id] = "failed"
                outcome = await _failed(proving, each, context, error, outcome)
            took = proving.world.clock.monotonic() - began
            outcome = replace(outcome, seconds=outcome.seconds + took)
        edges += context.edges.values()
    return replace(outcome, proof=proof, edges=tuple(edges))


async def _run(proving: Proving, each: PlatformProof, context: PlatformContext) -> str:
    """What one proof says; HookFailed where it returns without having seen every edge."""
    platform = proving.platform
    said = await call_in_file(
        platform.hooks, platform.name, each.proof.hook, context, timeout=each.proof.timeout
    )
    left = [f"{name} ({edge})" for name, edge in context.edges.items() if edge.status != "seen"]
    if left:
        raise HookFailed(f"hook {each.proof.hook} ended and did not see {', '.join(left)}")
    return f"passed: {said}" if isinstance(said, str) else "passed"


async def _failed(
    proving: Proving,
    each: PlatformProof,
    context: PlatformContext,
    error: SkillError,
    outcome: Outcome,
) -> Outcome:
    status, code = from_error.status_of(error)
    problem = await _problem(proving, each, context, error)
    return replace(outcome, status=status, exit_code=code, problem=problem)


async def _problem(
    proving: Proving, each: PlatformProof, context: PlatformContext, error: SkillError
) -> Problem:
    """The edge that is broken, with the deepest cause that its ends show."""
    carried = error.problem if isinstance(error, HookFailed | StepFailed) else None
    first, *more = error.message.splitlines()
    proof = f"proof {each.proof.id} of {proving.platform.name}"
    broken = next((e for e in context.edges.values() if e.status == "broken"), None)
    if broken is None:
        return carried or Problem(
            code="PROOF_FAILED",
            resource=proof,
            cause=first,
            evidence=tuple(more[:8]),
            retryable=True,
            fix=fix_of("PROOF_FAILED"),
        )
    ends = [end for end in proving.plans if end.name in (broken.target, broken.origin)]
    ends.sort(key=lambda end: end.name != broken.target)
    deeper = carried or await _deeper(proving, ends)
    if deeper is not None:
        said = () if carried else (f"{proof}: {first}",)
        return replace(
            deeper,
            cause=f"{broken} by {broken.by}: {deeper.cause}",
            evidence=(*said, *deeper.evidence)[:10],
        )
    return Problem(
        code="PROOF_FAILED",
        resource=f"edge {broken} of {proving.platform.name}",
        cause=f"{broken} by {broken.by}: {first}",
        evidence=tuple(more[:8]),
        retryable=True,
        fix=fix_of("PROOF_FAILED"),
        next=tuple(
            NextAction(run=f"skill why {end.name} -n {end.namespace}", safe=True) for end in ends
        ),
    )


async def _deeper(proving: Proving, ends: list[Installation]) -> Problem | None:
    """What is wrong with the first of these installations with which something is."""
    for end in ends:
        with suppress(SkillError):  # what cannot be looked at has no deeper cause
            record = await store.read_closed(proving.world.cluster, end)
            if record is not None:
                seen = await why_installation(proving.world, proving.run, record, proving.library)
                if seen.problem is not None:
                    return seen.problem
    return None
