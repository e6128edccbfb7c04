"""300 objects, 20 installations, 10,000 pods and 5,000 Secrets of others: what is asked is bounded.

Each bound is what a run takes and a little more; a request for each object of others would be
thousands.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from skill_runner.backends.kube.pages import PAGE
from tests.promises.scale.apiserver import Asked
from tests.promises.scale.client import APPLIES
from tests.promises.scale.crowd import INSTALLATIONS, OBJECTS, PODS, crowd, write_skill
from tests.promises.scale.stage import BIG, Stage, standing

pytestmark = pytest.mark.heavy

CONNECTIONS = 3  # of the run, of its lock and of the lock's heart; each asks once for the kinds
OTHERWISE = 45  # requests that do not follow from the number of objects
MOST = 300.0  # MiB


def of_objects(asked: Counter[str]) -> int:
    """How many requests are about single objects of the release."""
    kinds = ("configmaps", "services", "deployments")
    return sum(asked[f"{verb} {kind}"] for verb in ("get", "apply") for kind in kinds)


def assert_bounded(stage: Stage, *, each: int) -> None:
    """At most `each` requests for an object, one review, and few others."""
    asked = stage.asked()
    assert asked["review selfsubjectrulesreviews"] == 1
    assert asked["review selfsubjectaccessreviews"] == 0
    assert asked["discover /apis"] <= CONNECTIONS
    assert of_objects(asked) <= each * OBJECTS + 10
    assert asked.total() - of_objects(asked) <= OTHERWISE, asked
    watches = [one for one in stage.server.asked if one.verb == "watch"]
    assert len(watches) == len(set(watches)), "one for each kind and namespace"


async def test_a_release_of_300_objects(tmp_path: Path) -> None:
    async with standing(tmp_path) as stage:
        first = await stage.run(BIG)
        assert (first.status, first.problem) == ("ready", None)
        assert_bounded(stage, each=3)
        again = await stage.run(BIG)
        assert (again.status, again.changed) == ("unchanged", False)
        assert_bounded(stage, each=2)
        written = {one for one in stage.server.asked if one.verb == "apply" and not one.dry_run}
        assert written == set()


async def test_a_crowd_of_others_costs_its_pages(tmp_path: Path) -> None:
    """The same run, in the same namespace as every tenth of 10,000 pods and 5,000 Secrets."""
    async with standing(tmp_path, crowd()) as stage:
        first = await stage.run(BIG)
        assert (first.status, first.problem) == ("ready", None)
        lists = [one for one in stage.server.asked if one.verb == "list"]
        assert {one.limit for one in lists} == {str(PAGE)}, "no list is read whole"
        around = Counter((one.resource, one.namespace) for one in lists)
        assert around["secrets", ""] == 0, "others are nobody's business"
        pages = PODS // PAGE + 1  # once, for the room that a new installation needs
        assert around["pods", ""] <= pages
        inside = around["pods", "big"]
        stage.server.asked = [one for one in stage.server.asked if not is_a_page_of_pods(one)]
        assert inside <= 4 * (PODS // 10 // PAGE + 1)
        assert_bounded(stage, each=3)


def is_a_page_of_pods(asked: Asked) -> bool:
    return (asked.verb, asked.resource) == ("list", "pods")


async def test_twenty_installations_ask_twenty_times_as_much(tmp_path: Path) -> None:
    """And not four hundred times: none asks again what another has asked."""
    names = [f"app-{number}-setup" for number in range(INSTALLATIONS)]
    for name in names:
        write_skill(tmp_path / "skills", name, {"id": "map", "apply": "map.yaml.j2"})
    async with standing(tmp_path) as stage:
        one = await stage.run(names[0])
        assert (one.status, one.problem) == ("ready", None)
        single = stage.asked()
        every = await stage.run(*names)
        assert every.status == "ready", every.problem
        asked = stage.asked()
        assert asked["review selfsubjectrulesreviews"] <= INSTALLATIONS
        assert asked.total() <= INSTALLATIONS * single.total(), (asked, single)
        again = await stage.run(*names)
        assert again.status == "unchanged"
        assert stage.asked().total() <= asked.total()


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
async def test_memory_is_bounded(tmp_path: Path) -> None:
    async with standing(tmp_path, crowd()) as stage:
        write_skill(tmp_path / "skills", APPLIES, {"id": "all", "apply": "all.yaml.j2"})
        done = await in_a_process(stage)
        assert done["status"] == "ready", done
        assert float(str(done["mib"])) < MOST, done


async def in_a_process(stage: Stage) -> dict[str, object]:
    """What a process of its own came to that did the run."""
    folder = stage.folder / "run"
    folder.mkdir()
    words = (str(stage.folder / "kubeconfig"), str(stage.folder / "skills"), str(folder))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.promises.scale.client", *words, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    found: dict[str, object] = json.loads(out)
    return found
