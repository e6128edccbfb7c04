"""What an event does: a lesson is added to its learner's progress, once, however often it comes.

Dapr delivers at least once, so the same event may come again, also while it is being handled.
Who it is (its source and id) is kept in the entry that it changes: one write holds both the effect
and the memory of it, and the ETag lets only one of two writers through. There is no moment in which
one is kept and the other lost.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.dapr import Conflict, Dapr

PROBE = "dev.skill-runner.probe"  # the type of a proof's events; `subject` is whom they are for
REMEMBERED = 500  # events of each learner; one that comes again does so within minutes
TRIES = 5  # against others that write the same learner

Name = Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]*$")


class Completed(BaseModel):
    """A learner completed a lesson."""

    # Closed: a property that is added later allows more than before, and breaks nobody.
    model_config = ConfigDict(extra="forbid")

    learner: str = Name
    lesson: str = Name


class Event(BaseModel):
    """A CloudEvent 1.0 with that data; other attributes are left alone."""

    id: str = Field(min_length=1, max_length=200)
    source: str = Field(min_length=1, max_length=200)
    specversion: Literal["1.0"]
    data: Completed

    @property
    def identity(self) -> str:
        """Two sources may give the same id to two events, says CloudEvents."""
        return f"{self.source} {self.id}"


def is_proof_of_another(body: Any, group: str) -> bool:
    """Tell whether an event proves another service that listens to the same topic."""
    if not group or not isinstance(body, dict) or body.get("type") != PROBE:
        return False
    return body.get("subject", group) != group


class Progress(BaseModel):
    """An entry of the state store."""

    learner: str
    lessons: list[str] = []
    events: list[str] = []


def key_of(learner: str) -> str:
    return f"learner-{learner}"


async def find_progress(dapr: Dapr, learner: str) -> Progress | None:
    value, _ = await dapr.read(key_of(learner))
    return None if value is None else Progress.model_validate(value)


async def record(dapr: Dapr, event: Event) -> bool:
    """Keep what the event says; False when it was kept before. DaprError when it cannot be now."""
    learner, lesson = event.data.learner, event.data.lesson
    for _ in range(TRIES):
        value, etag = await dapr.read(key_of(learner))
        before = Progress.model_validate(value or {"learner": learner})
        if event.identity in before.events:
            return False
        after: dict[str, Any] = {
            "learner": learner,
            "lessons": [*before.lessons, *([] if lesson in before.lessons else [lesson])],
            "events": [*before.events, event.identity][-REMEMBERED:],
        }
        try:
            await dapr.write(key_of(learner), after, etag)
        except Conflict:
            continue
        return True
    raise Conflict(f"{key_of(learner)} was changed {TRIES} times while {event.id} was handled")
