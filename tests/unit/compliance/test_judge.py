"""Answers: pass, fail, unknown, not applicable; exceptions and the checklist."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from skill_runner.compliance.governance import Allowance, Governance, Question, Ruling
from skill_runner.compliance.judge import Verdict, judge
from skill_runner.compliance.kinds import COMPONENT, POD
from skill_runner.compliance.model import INSTALLATION, Answer, Services, Severity
from skill_runner.compliance.rules import TABLE
from tests.support.governed import scene

LATEST = {"deployment": "web", "container": {"image": "ghcr.io/learnflow/service"}}
PINNED = "Deployment learnflow/web container app"


def _set(
    name: str, *exceptions: Allowance, severity: Severity = "error", **parameters: object
) -> Governance:
    rule = TABLE[name]
    ruling = Ruling(
        id=name,
        rule=rule,
        title=name,
        section="",
        severity=severity,
        parameters=rule.with_defaults(parameters),
        exceptions=exceptions,
    )
    question = Question(asks="Is it so?", rules=(name,))
    return Governance(name="test", title="", rulings=(ruling,), checklist=(question,))


def _only(verdict: Verdict) -> Answer:
    (answer,) = verdict.answers
    return answer


def test_a_failure_names_object_field_value_writer_and_time() -> None:
    verdict = judge(_set("pinned-image"), scene([LATEST]))
    answer = _only(verdict)
    assert (answer.status, answer.looked) == ("fail", 4)
    (evidence,) = answer.evidence
    assert evidence.resource == PINNED
    assert evidence.field == "spec.template.spec.containers[name=app].image"
    assert evidence.value == "ghcr.io/learnflow/service"
    assert evidence.message == "the image ghcr.io/learnflow/service has no tag"
    assert (evidence.who, evidence.when) == ("helm", "2027-01-01T00:00:00Z")
    assert answer.remedy.startswith("Name a version")
    assert verdict.checklist == (("Is it so?", "fail"),)


def test_a_deployment_and_its_pods_are_one_piece_of_evidence_for_each_field() -> None:
    answer = _only(judge(_set("resources"), scene([{**LATEST, "container": {"resources": None}}])))
    assert {each.resource for each in answer.evidence} == {PINNED}


def test_a_kind_that_may_not_be_listed_makes_its_rules_unknown() -> None:
    closed = {POD: "pods: listing is forbidden"}
    answer = _only(judge(_set("pinned-image"), replace(scene(), closed=closed)))
    assert (answer.status, answer.why) == ("unknown", "pods: listing is forbidden")
    other = _only(judge(_set("dapr-state"), replace(scene(), closed=closed)))
    assert other.status == "not applicable"


def test_what_is_seen_to_be_wrong_fails_also_where_not_all_is_seen() -> None:
    closed = {POD: "pods of b: listing is forbidden"}
    answer = _only(judge(_set("pinned-image"), replace(scene([LATEST]), closed=closed)))
    assert (answer.status, answer.why) == ("fail", "pods of b: listing is forbidden")


def test_an_exception_excuses_with_its_reason() -> None:
    allowed = Allowance(resource="Deployment learnflow/web", reason="it is retired in spring")
    verdict = judge(_set("pinned-image", allowed), scene([LATEST]))
    answer = _only(verdict)
    assert answer.status == "pass"
    assert {(e.resource, e.reason) for e in answer.excused} == {(PINNED, "it is retired in spring")}
    assert verdict.warnings == ()


def test_an_exception_holds_on_its_last_day_and_fails_on_the_next() -> None:
    def status(until: date) -> Answer:
        allowed = Allowance(resource="Deployment learnflow/web", reason="a while", until=until)
        return _only(judge(_set("pinned-image", allowed), scene([LATEST])))

    assert status(date(2027, 1, 15)).status == "pass"
    late = status(date(2027, 1, 14))
    assert late.status == "fail"
    assert "its exception ended on 2027-01-14" in late.evidence[0].message


def test_an_exception_for_an_object_that_does_not_exist_is_warned_of() -> None:
    gone = Allowance(resource="Deployment learnflow/gone", reason="never", where="g.yaml:7")
    verdict = judge(_set("pinned-image", gone), scene())
    assert verdict.warnings == (
        "g.yaml:7: the exception from pinned-image is for Deployment learnflow/gone, which does "
        "not exist",
    )
    unseen = replace(scene(), closed={("apps/v1", "Deployment"): "forbidden"})
    assert judge(_set("pinned-image", gone), unseen).warnings == ()


def test_an_exception_of_a_skill_counts_for_its_rule_alone() -> None:
    allowed = Allowance(resource="Deployment learnflow/web", reason="the chart has no field")
    granted = [("pinned-image", allowed)]
    assert _only(judge(_set("pinned-image"), scene([LATEST]), granted)).status == "pass"
    granted = [("resources", allowed)]
    assert _only(judge(_set("pinned-image"), scene([LATEST]), granted)).status == "fail"


def test_what_the_api_cannot_tell_is_unknown_with_the_reason() -> None:
    component = {
        "apiVersion": COMPONENT[0],
        "kind": COMPONENT[1],
        "metadata": {"name": "store", "annotations": {"meta.helm.sh/release-name": "other"}},
        "spec": {"type": "state.redis"},
    }
    governance = replace(_set("dapr-components"), services=Services(namespaces=("learnflow",)))
    answer = _only(judge(governance, scene([component])))
    assert answer.status == "unknown"
    assert answer.why == "a Component has no status, and no proof asked a sidecar for it"


def test_without_records_it_is_unknown_who_ran_helm() -> None:
    by_hand = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "annotations": {"meta.helm.sh/release-name": "x"}},
    }
    assert _only(judge(_set("no-manual-kubectl"), scene([by_hand]))).status == "fail"
    blind = replace(scene([by_hand]), installed=(), closed={INSTALLATION: "records: forbidden"})
    answer = _only(judge(_set("no-manual-kubectl"), blind))
    assert answer.status == "unknown"


def test_a_restart_alone_warns() -> None:
    fields = [{"manager": "kubectl-rollout", "operation": "Update", "time": "2027-01-02T00:00:00Z"}]
    restarted = {"deployment": "web", "change": {"metadata": {"managedFields": fields}}}
    verdict = judge(_set("no-manual-kubectl"), scene([restarted]))
    assert _only(verdict).counts == "warning"
    assert not verdict.failed()
    assert verdict.failed(on_warning=True)


def test_a_writer_that_nobody_knows_is_named_and_one_of_a_status_is_none() -> None:
    def judged(**more: str) -> Answer:
        entry = {"manager": "my-thing", "operation": "Update", "time": "2027-01-02T00:00:00Z"}
        fields = [{**entry, **more}]
        written = {"deployment": "web", "change": {"metadata": {"managedFields": fields}}}
        return _only(judge(_set("no-manual-kubectl"), scene([written])))

    answer = judged()
    assert answer.status == "unknown"
    assert answer.why == "nobody knows the writer 'my-thing': add a controller to `writers`"
    assert judged(subresource="status").status == "pass"


def test_an_object_that_is_but_a_name_has_no_writer() -> None:
    """The ServiceAccount that every namespace gets: no field of it could be anybody's."""
    meta = {"name": "default", **dict.fromkeys(("managedFields", "labels", "annotations"))}
    bare = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}
    answer = _only(judge(_set("no-manual-kubectl"), scene([bare])))
    assert answer.status == "pass"


def test_managed_fields_that_were_stripped_tell_nothing() -> None:
    stripped = {"deployment": "web", "change": {"metadata": {"managedFields": None}}}
    answer = _only(judge(_set("no-manual-kubectl"), scene([stripped])))
    assert answer.status == "unknown"
    assert answer.why == "its managedFields were removed: nobody can tell who wrote it"


def test_failures_come_first_and_errors_before_warnings() -> None:
    sets = [_set("topic-names"), _set("resources", severity="warning"), _set("pinned-image")]
    whole = replace(sets[0], rulings=tuple(each.rulings[0] for each in sets))
    broken = {"deployment": "web", "container": {"resources": None, "image": "web"}}
    verdict = judge(whole, scene([broken]))
    assert [each.rule for each in verdict.answers] == ["pinned-image", "resources", "topic-names"]
