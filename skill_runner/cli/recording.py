"""A recorder between a command and its cluster: `skill debug record` puts it there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from skill_runner.backends.base import Clock, Cluster, Helm
from skill_runner.runs.folder import Run
from skill_runner.text.redact import Redactor

if TYPE_CHECKING:  # else imported by who records
    from skill_runner.backends.recording import RecordingCluster

TAPE: Final = "skill_runner.tape"  # keys of click's context, which nested commands share
RUN: Final = "skill_runner.run"


@dataclass(slots=True)
class Tape:
    """The recording of one command's cluster; empty until the command has connected."""

    recording: RecordingCluster | None = None


def taped(cluster: Cluster, clock: Clock) -> Cluster:
    """The cluster, or a recording one around it where the command is being recorded."""
    tape = _tape()
    if tape is None:
        return cluster
    from skill_runner.backends.recording import RecordingCluster

    tape.recording = RecordingCluster(cluster, clock)
    return tape.recording


def taped_helm(helm: Helm, seen: Cluster) -> Helm:
    """Helm, noting its refusals where the cluster is recorded."""
    tape = _tape()
    if tape is None or tape.recording is not seen:
        return helm
    from skill_runner.backends.recording import RecordingHelm

    return RecordingHelm(helm, tape.recording)


def _tape() -> Tape | None:
    context = click.get_current_context(silent=True)
    tape = context.meta.get(TAPE) if context else None
    return tape if isinstance(tape, Tape) else None


def redactor_of(context: click.Context) -> Redactor:
    """Knows the secrets of the run that a command has begun."""
    run = context.meta.get(RUN)
    return run.redactor if isinstance(run, Run) else Redactor(())
