"""A hundred processes that want one installation at once: never two writers, by the audit log."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from typing import Final

import pytest

from skill_runner.installations.lease import Pace, lease_ref, new_lease
from skill_runner.objects import Ref
from skill_runner.plan import Installation
from tests.integration.runner.conftest import Hands
from tests.integration.runner.crowd import DIES, WRITES
from tests.support.driver import Driver

CROWD: Final = 100
PLACE: Final = Installation("crowd", "vault")
MARK: Final = re.compile(r"/configmaps/mark-of-([0-9]+)")


def written_by(driver: Driver, position: int) -> list[str]:
    """Whose marks were written, in the order in which the API server received them."""
    assert driver.audit_log is not None
    with driver.audit_log.open() as log:
        log.seek(position)
        writes = [
            (event["requestReceivedTimestamp"], found[1])
            for event in map(json.loads, log)
            if (found := MARK.search(event["requestURI"])) and event["verb"] == "patch"
        ]
    return [who for _, who in sorted(writes)]


def test_a_hundred_take_turns(driver: Driver, hands: Hands) -> None:
    """They begin with the lock of a holder elsewhere that is dead; every tenth dies with it."""
    if not driver.audit_log:
        pytest.skip("the API server's audit log is not ours to read")
    space = Ref("v1", "Namespace", driver.make_namespace(PLACE.namespace))
    dead = "elsewhere_7_7_realm_token"
    hands.create(new_lease(lease_ref(PLACE), dead, 0.0, pace=Pace(duration=5)))
    position = driver.audit_position()
    try:
        words = (str(driver.kubeconfig), driver.context, PLACE.namespace, PLACE.name, str(CROWD))
        crowd = (sys.executable, "-m", "tests.integration.runner.crowd", *words)
        done = subprocess.run(crowd, capture_output=True, text=True, check=True)
        died = CROWD // DIES
        assert json.loads(done.stdout) == {"0": CROWD - died, "-9": died}, done.stderr
        turns = [
            (who, len(list(marks)))
            for who, marks in itertools.groupby(written_by(driver, position))
        ]
        assert len(turns) == CROWD, "somebody wrote in another's turn"
        assert sorted(count for _, count in turns) == [2] * died + [WRITES] * (CROWD - died)
    finally:
        hands.delete(space)
