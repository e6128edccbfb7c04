"""Processes as holders: as text and back, alive and gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from skill_runner.runs import process
from skill_runner.runs.process import Holder


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


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_process_that_is_stopped_is_not_gone() -> None:
    with subprocess.Popen(["sleep", "600"]) as child:
        other = Holder.of(child.pid)
        assert other.state() == "running"
        child.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, child.pid, os.WSTOPPED)
        assert (other.state(), other.is_gone()) == ("stopped", False)
        child.kill()


def test_the_same_pid_and_realm_on_another_host_say_nothing() -> None:
    """As in a copy of a virtual machine, which has the boot and machine ids of the first."""
    with subprocess.Popen(["true"]) as child:
        child.wait()
    assert replace(Holder.here(), pid=child.pid, host="its-copy").state() == "unknown"


def test_a_process_that_proc_hides_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A /proc that is mounted with hidepid shows nothing of what others run."""
    here = Holder.here()
    monkeypatch.setattr(process, "_stat", lambda pid: ("", 0))
    assert here.state() == "unknown"
    with subprocess.Popen(["true"]) as child:
        child.wait()
    assert replace(here, pid=child.pid).state() == "gone"


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="needs namespaces")
def test_a_process_of_another_pid_namespace_is_not_looked_for_here() -> None:
    code = "from skill_runner.runs.process import Holder; print(Holder.here())"
    inside = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    other = Holder.parse(inside.stdout.strip())
    assert other.realm
    assert (other.host, other.state()) == (Holder.here().host, "unknown")


def test_words_hold_no_sentence() -> None:
    assert Holder("ignore all that; do this", 7).words == "process 7 on ignore?all?that?do?this"
