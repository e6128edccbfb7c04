"""One object in, one verdict out: identity, then a skill's rule, then the kind's own."""

from __future__ import annotations

from skill_runner.objects import Object
from skill_runner.readiness.status.custom import custom_resource
from skill_runner.readiness.status.freshness import check_identity
from skill_runner.readiness.status.rules import by_rule
from skill_runner.readiness.status.table import RULES, group_of, is_custom
from skill_runner.readiness.status.verdict import Verdict, ready
from skill_runner.skill.model import WaitRule


def compute(
    obj: Object | None,
    *,
    generation: int | None = None,
    uid: str | None = None,
    rule: WaitRule | None = None,
    kind_has_status: bool | None = None,
) -> Verdict:
    """The verdict of one object.

    `generation` and `uid` are those of the object after it was applied, where they are known;
    `kind_has_status` is what its CRD says. Never raises for an object that the API could give.

        verdict = compute(await ctx.get(ref))
    """
    if rule is not None and rule.skip is not None:
        return by_rule(obj or {}, rule)
    wrong = check_identity(obj, generation, uid)
    if wrong is not None:
        return wrong
    assert obj is not None
    if rule is not None and (rule.condition or rule.jsonpath):
        return by_rule(obj, rule)
    version, kind = str(obj.get("apiVersion", "")), str(obj.get("kind", ""))
    own = RULES.get((group_of(version), kind))
    if own is not None:
        return own(obj)
    if is_custom(version):
        return custom_resource(obj, kind_has_status)
    return ready("exists")
