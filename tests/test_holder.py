"""Processes as holders: as text and back, alive and gone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from skill_runner.holder import Holder


def test_as_text_and_back() -> None:
    here = Holder.here()
    assert Holder.parse(str(here)) == here
    odd = replace(here, host="my_host_name")
    assert Holder.parse(str(odd)) == odd


@pytest.mark.parametrize("text", ["", "kubectl", "a_b_c_d_e"])
def test_what_others_wrote_is_all_host(text: str) -> None:
    assert Holder.parse(text) == Holder(text, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_this_process_is_not_gone() -> None:
    assert Holder.here().is_gone() is False


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_process_that_ended_is_gone() -> None:
    with subprocess.Popen(["true"]) as child:
        child.wait()
    assert replace(Holder.here(), pid=child.pid).is_gone() is True


def test_nobody_knows_of_another_machine() -> None:
    assert Holder("far-away", 1, 1, "another-boot").is_gone() is None
