"""Skills that require skills, in memory: who is run, used, blocked, and who is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from skill_runner.errors import InputError, PreflightFailed, Refused, SkillError, UsageError
from skill_runner.execution.state import Options
from skill_runner.installations import store
from skill_runner.objects import Ref
from skill_runner.outcome import LIMIT, to_json
from skill_runner.plan import Installation
from tests.support.graph import Stage, lines

Make = Callable[[Mapping[str, Any]], Stage]
BUS = {"skill": "bus", "with": {"topics": "{{ topics }}"}}
APP: dict[str, Any] = {"bus": [], "app": [BUS]}


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda skills: Stage.of(tmp_path, skills)


async def _data(stage: Stage, name: str, namespace: str) -> dict[str, str]:
    found = await stage.cluster.get(Ref("v1", "ConfigMap", name, namespace))
    data: dict[str, str] = found["data"]
    return data


async def test_from_nothing_everything_is_made_ready_and_outputs_are_read(make: Make) -> None:
    stage = make(APP)
    outcome = await stage.run(stage.request("app", "topics=[a]"))
    assert (outcome.status, outcome.installation) == ("ready", "aaa/app")
    assert lines(outcome) == {"bbb/bus": "ready", "aaa/app": "ready"}
    assert outcome.critical_path == ("bbb/bus", "aaa/app")
    assert (await _data(stage, "bus", "bbb"))["topics"] == '["a"]'
    assert '"address": "bus.bbb.svc"' in (await _data(stage, "app", "aaa"))["read"]
    kept = await store.read(stage.cluster, Installation("bbb", "bus"))
    assert kept is not None
    assert not kept.asked


async def test_again_costs_one_read_for_each_requirement_and_no_write(make: Make) -> None:
    stage = make(APP)
    await stage.run(stage.request("app", "topics=[a]"))
    stage.cluster.requests.clear()
    outcome = await stage.run(stage.request("app"))
    assert (outcome.status, outcome.changed) == ("unchanged", False)
    assert lines(outcome)["bbb/bus"] == "used"
    about = [r for r in stage.cluster.requests if r.namespace == "bbb" or not r.namespace]
    assert [(r.verb, r.name) for r in about if r.kind == "ConfigMap"] == [
        ("get", "skill-runner.bus")
    ]
    assert stage.writes() == []


async def test_more_is_asked_of_what_stands_and_nothing_is_lost(make: Make) -> None:
    stage = make({**APP, "other": [BUS]})
    await stage.run(stage.request("app", "topics=[a]"))
    outcome = await stage.run(stage.request("other", "topics=[b]"))
    assert lines(outcome) == {"bbb/bus": "ready", "ooo/other": "ready"}
    assert (await _data(stage, "bus", "bbb"))["topics"] == '["a", "b"]'
    assert lines(await stage.run(stage.request("app")))["bbb/bus"] == "used"


async def test_two_dependents_of_one_graph_are_put_together(make: Make) -> None:
    stage = make({**APP, "other": [{"skill": "bus", "with": {"topics": ["b"], "size": 3}}]})
    outcome = await stage.run(stage.request("app", "topics=[a]"), stage.request("other"))
    assert lines(outcome) == {"bbb/bus": "ready", "aaa/app": "ready", "ooo/other": "ready"}
    data = await _data(stage, "bus", "bbb")
    assert (data["topics"], data["size"]) == ('["a", "b"]', "3")


async def test_a_failed_requirement_blocks_its_dependents_and_siblings_finish(make: Make) -> None:
    stage = make(
        {
            "bus": [],
            "db": [],
            "page": [{"skill": "db"}],
            "top": [{"skill": "app"}],
            "app": [{"skill": "bus", "with": {"level": 13}}, {"skill": "db"}],
        }
    )
    outcome = await stage.run(stage.request("top"), stage.request("page"))
    assert lines(outcome) == {
        "bbb/bus": "failed",
        "ddd/db": "ready",
        "aaa/app": "blocked",
        "ttt/top": "blocked",
        "ppp/page": "ready",
    }
    assert (outcome.status, outcome.exit_code) == ("failed", 1)
    assert outcome.problem is not None
    assert "level 13 never works" in outcome.problem.cause
    assert await store.read(stage.cluster, Installation("aaa", "app")) is None


async def test_the_one_asked_for_says_that_it_did_not_run(make: Make) -> None:
    stage = make({"bus": [], "app": [{"skill": "bus", "with": {"level": 13}}]})
    outcome = await stage.run(stage.request("app"))
    assert outcome.installation == "aaa/app"
    assert [step.status for step in outcome.steps] == ["not run", "not run"]
    assert outcome.outputs == {}


async def test_a_requirement_left_unfinished_is_gone_on_with(make: Make) -> None:
    stage = make({"bus": [], "app": [{"skill": "bus", "with": {"level": "{{ level }}"}}]})
    await stage.run(stage.request("app", "level=13"))
    outcome = await stage.run(stage.request("app", "level=2"))
    assert lines(outcome) == {"bbb/bus": "ready", "aaa/app": "ready"}


async def test_an_installation_that_is_named_is_used(make: Make) -> None:
    stage = make(APP)
    for name in ("one", "two"):
        await stage.run(stage.request("bus", name=name))
    with pytest.raises(Refused, match=r"several installations would do: bbb/one, bbb/two"):
        await stage.run(stage.request("app"))
    await stage.run(stage.request("app", use={"bus": "bbb/two"}))
    kept = await store.read(stage.cluster, Installation("aaa", "app"))
    assert kept is not None
    assert kept.requires == {"bus": "bbb/two"}
    assert lines(await stage.run(stage.request("app")))["bbb/two"] == "used"
    assert lines(await stage.run(stage.request("app", use={"bus": "one"})))["bbb/one"] == "used"


async def test_the_one_that_fits_is_found_whatever_its_name(make: Make) -> None:
    stage = make({"bus": [], "app": [{"skill": "bus", "with": {"mode": "odd"}}]})
    await stage.run(stage.request("bus", name="plain"))
    await stage.run(stage.request("bus", "mode=odd", name="other"))
    assert lines(await stage.run(stage.request("app")))["bbb/other"] == "used"


@pytest.mark.parametrize(
    ("use", "error", "words"),
    [
        ({"bus": "bbb/none"}, UsageError, "bbb/none as bus, and there is no such installation"),
        ({"bus": "ddd/db"}, Refused, "ddd/db is an installation of db"),
        ({"buss": "bbb/bus"}, UsageError, "has no requirement of that name"),
    ],
)
async def test_a_name_that_cannot_serve_is_refused(
    make: Make, use: dict[str, str], error: type[SkillError], words: str
) -> None:
    stage = make({**APP, "db": []})
    await stage.run(stage.request("db"))
    stage.cluster.requests.clear()
    with pytest.raises(error, match=words):
        await stage.run(stage.request("app", use=use))
    assert stage.writes() == []


async def test_what_cannot_hold_at_once_is_refused_by_name(make: Make) -> None:
    stage = make(
        {
            "bus": [],
            "app": [{"skill": "bus", "with": {"mode": "odd"}}],
            "other": [{"skill": "bus", "with": {"mode": "plain"}}],
        }
    )
    with pytest.raises(Refused, match=r'mode: "odd" for aaa/app \(as bus\), "plain" for ooo/other'):
        await stage.run(stage.request("app"), stage.request("other"))
    assert stage.writes() == []


async def test_what_stands_and_does_not_fit_is_refused_by_name(make: Make) -> None:
    stage = make({"bus": [], "app": [{"skill": "bus", "with": {"mode": "odd"}}]})
    await stage.run(stage.request("bus"))
    with pytest.raises(Refused, match="mode: it has 'plain', wanted is 'odd'"):
        await stage.run(stage.request("app"))


async def test_what_another_relies_on_is_not_changed_under_it(make: Make) -> None:
    stage = make(
        {
            "bus": [],
            "app": [{"skill": "bus", "with": {"level": 2}}],
            "other": [{"skill": "bus", "with": {"level": 3}}],
        }
    )
    await stage.run(stage.request("app"))
    with pytest.raises(Refused, match="which aaa/app uses as it is"):
        await stage.run(stage.request("other"))


async def test_a_cycle_is_named(make: Make) -> None:
    stage = make({"a": [{"skill": "b"}], "b": [{"skill": "c"}], "c": [{"skill": "a"}]})
    with pytest.raises(UsageError, match=r"require each other: .*ccc/c.*→"):
        await stage.run(stage.request("a"))
    assert stage.writes() == []


async def test_a_requirement_depends_on_the_inputs(make: Make) -> None:
    stage = make({"bus": [], "app": [{"skill": "bus", "when": "mode == 'odd'"}]})
    assert (await stage.run(stage.request("app"))).skills == ()
    assert lines(await stage.plan(stage.request("app", "mode=odd", name="o"))) == {
        "bbb/bus": "planned",
        "aaa/o": "planned",
    }


async def test_a_wrong_input_names_who_asks(make: Make) -> None:
    stage = make({"bus": [], "app": [{"skill": "bus", "with": {"size": "{{ mode }}"}}]})
    with pytest.raises(InputError, match=r"bbb/bus, which aaa/app requires: (.|\n)*size"):
        await stage.run(stage.request("app"))


async def test_a_plan_shows_the_whole_graph_and_touches_nothing(make: Make) -> None:
    stage = make(APP)
    planned = await stage.plan(stage.request("app", "topics=[a]"))
    bus, app = planned.skills
    assert (bus.status, bus.message) == ("planned", 'installs, topics=["a"]')
    assert app.requires == ("bus=bbb/bus",)
    assert [step.id for step in planned.steps] == ["map", "act"]
    assert stage.writes() == []


async def test_preflight_looks_at_all_before_the_first_change(make: Make) -> None:
    stage = make(APP)
    for name in ("bbb", "aaa"):
        stage.cluster.put(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": name},
                "status": {"phase": "Terminating"},
            }
        )
    with pytest.raises(PreflightFailed, match=r"bbb/bus: (.|\n)*aaa/app: ") as caught:
        await stage.run(stage.request("app"))
    assert caught.value.problem.code == "NAMESPACE_TERMINATING"
    assert stage.writes() == []


async def test_the_outcome_of_many_skills_keeps_to_its_size(make: Make) -> None:
    names = [f"skill-{number:02}-{'x' * 20}" for number in range(30)]
    stage = make({**{name: [] for name in names}, "app": [{"skill": name} for name in names]})
    outcome = await stage.run(stage.request("app"))
    text = to_json(outcome)
    assert len(text.encode()) < LIMIT
    assert '"truncated": true' in text


async def test_where_changes_are_not_allowed_only_new_installations_are_made(make: Make) -> None:
    stage = make(APP)
    fixed = Options(no_change=True)
    assert (await stage.run(stage.request("app"), options=fixed)).status == "ready"
    assert (await stage.run(stage.request("app"), options=fixed)).status == "unchanged"
    stage.cluster.requests.clear()
    for request in (stage.request("app", "level=2"), stage.request("app", "topics=[a]")):
        with pytest.raises(Refused, match="changes are not allowed"):
            await stage.run(request, options=fixed)
    assert stage.writes() == []
    other = stage.request("app", "level=2", name="other")
    assert (await stage.run(other, options=fixed)).status == "ready"


async def test_what_a_failed_run_made_is_in_its_record(make: Make) -> None:
    stage = make({"bus": []})
    await stage.run(stage.request("bus", "level=13"))
    kept = await store.read(stage.cluster, Installation("bbb", "bus"))
    assert kept is not None
    assert (kept.complete, kept.objects) == (False, (Ref("v1", "ConfigMap", "bus", "bbb"),))


async def test_the_caller_adds_to_what_a_requirement_is_asked_for(make: Make) -> None:
    stage = make({"bus": [], "app": [{"skill": "bus", "with": {"topics": ["own"]}}]})
    passed = {"bus": {"topics": ["more"], "namespace": "else", "level": 2}}
    await stage.run(stage.request("app", passed=passed))
    bus = await store.read(stage.cluster, Installation("else", "bus"))
    assert bus is not None
    assert (bus.inputs["topics"], bus.inputs["level"]) == (["own", "more"], 2)
    again = await stage.run(stage.request("app"))
    assert lines(again) == {"else/bus": "used", "aaa/app": "unchanged"}


@pytest.mark.parametrize(
    ("passed", "error", "words"),
    [
        (
            {"bus": {"mode": "plain"}},
            Refused,
            r"bus \(bus\) is asked for inputs that contradict each other",
        ),
        ({"db": {"level": 2}}, UsageError, "with these inputs, aaa/app requires no db"),
        ({"bus": {"levle": 2}}, InputError, "levle"),
    ],
)
async def test_what_cannot_be_passed_down_is_refused(
    make: Make, passed: dict[str, Any], error: type[SkillError], words: str
) -> None:
    wants = [
        {"skill": "bus", "with": {"mode": "odd"}},
        {"skill": "db", "when": "size == 2"},
    ]
    stage = make({"bus": [], "db": [], "app": wants})
    with pytest.raises(error, match=words):
        await stage.run(stage.request("app", passed=passed))
    assert stage.writes() == []
