"""The lessons that there are: put your own in their place."""

from __future__ import annotations

from pydantic import BaseModel


class Lesson(BaseModel):
    """What a front end shows of a lesson; `id` is what an event calls it."""

    id: str
    title: str


LESSONS = (
    Lesson(id="pods", title="Pods, and why they die"),
    Lesson(id="probes", title="Probes that tell the truth"),
    Lesson(id="events", title="Events between services"),
)
