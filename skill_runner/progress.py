"""The events of a run, as small values handed to whoever shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

StepStatus = Literal[
    "done", "unchanged", "failed", "skipped", "not run", "not ready", "interrupted", "blocked"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """The result of one step. `seconds` is wall time."""

    id: str
    status: StepStatus
    seconds: float = 0.0
    message: str = ""


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run has its folder; `run` is the id by which it can be asked for."""

    run: str
    details: str


@dataclass(frozen=True, slots=True)
class Connected:
    """The cluster that this run is about is chosen."""

    context: str
    server: str


@dataclass(frozen=True, slots=True)
class Concerns:
    """An installation, `namespace/name`, that this run is about, and the skill that made it."""

    installation: str
    skill: str


@dataclass(frozen=True, slots=True)
class Requires:
    """The installations that one of several waits for before it begins."""

    installation: str
    requires: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changing:
    """From here on the run writes to the cluster."""

    installation: str


@dataclass(frozen=True, slots=True)
class StepStarted:
    id: str
    title: str
    kind: Literal["step", "proof"] = "step"


@dataclass(frozen=True, slots=True)
class StepFinished:
    result: StepResult


@dataclass(frozen=True, slots=True)
class ObjectState:
    """One awaited object: its countable state, and a warning as soon as something looks wrong.

    `patience` is how many seconds the warning may last until it is a failure; it runs down by
    itself, so it makes no state another one.
    """

    resource: str
    state: str
    message: str
    warning: str = ""
    patience: float | None = field(default=None, compare=False)

    @property
    def words(self) -> str:
        """The warning with its patience, or the state."""
        if not self.warning or self.patience is None:
            return self.warning or self.message
        return f"{self.warning} (giving up in {self.patience:.0f} s unless it recovers)"


@dataclass(frozen=True, slots=True)
class Awaiting:
    """The objects that a wait still waits for; sent whenever they change."""

    objects: tuple[ObjectState, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of another program's output (Helm, a build), shown with -v."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for the person watching."""

    text: str


@dataclass(frozen=True, slots=True)
class Amount:
    """The progress of a long piece of work, in `unit`; `total` is None where it is not known."""

    what: str
    done: float
    total: float | None
    unit: str = "bytes"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an installation of several stands while no step of it is at work, in a few words."""

    words: str


@dataclass(frozen=True, slots=True)
class Of:
    """An event of one installation, where several are at work at once."""

    installation: str
    event: Event


Event: TypeAlias = (
    "RunStarted | Connected | Concerns | Requires | Changing | StepStarted | StepFinished"
    " | Awaiting | Line | Note | Amount | Standing | Of"
)
Report = Callable[[Event], None]


def silent(event: Event) -> None:
    """A Report that shows nothing."""
