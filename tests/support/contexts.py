"""A hook's Context in memory, whose pods and execs give the answers that a test wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skill_runner.backends.base import ExecResult
from skill_runner.hooks.context import Context, PodResult
from skill_runner.plan import ImageChoice, Installation, make_plan
from skill_runner.plan.inputs import resolve_values
from skill_runner.progress import silent
from skill_runner.skill.model import Skill
from skill_runner.testing import FakeClock, MemoryCluster, MemoryHelm


class Scripted(Context):
    """Answers in order, the last one for ever; what was asked is in `asked`."""

    __slots__ = ()
    answers: list[PodResult | ExecResult]
    asked: list[dict[str, Any]]

    def _next(self, asked: dict[str, Any]) -> Any:
        type(self).asked.append(asked)
        answers = type(self).answers
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def run_pod(self, **asked: Any) -> PodResult:
        answer: PodResult = self._next(asked)
        return answer

    async def exec(self, pod: str, argv: Any, **asked: Any) -> ExecResult:
        answer: ExecResult = self._next({"pod": pod, "argv": argv, **asked})
        return answer


def scripted(
    skill: Skill,
    *answers: PodResult | ExecResult,
    cluster: MemoryCluster | None = None,
    requires: Mapping[str, Mapping[str, Any]] | None = None,
    **inputs: Any,
) -> Scripted:
    """A Context of the skill's own plan, for its default name and these inputs."""
    Scripted.answers, Scripted.asked = list(answers), []
    cluster = cluster or MemoryCluster()
    values = resolve_values(skill, inputs)
    override = values.get("image") or ""
    images = {
        name: ImageChoice(name=name, ref=override or image.ref, source="pull", official=image.ref)
        for name, image in skill.images.items()
    }
    installation = Installation(str(values["namespace"]), skill.name)
    plan = make_plan(skill, installation, values, images, requires or {})
    return Scripted.of(
        plan, cluster=cluster, helm=MemoryHelm(cluster), clock=FakeClock(), report=silent
    )
