"""A command that runs while a test plays someone else's part, followed by the events it reports."""

from __future__ import annotations

import json
from typing import Any

import jsonschema

from skill_runner.outcome import json_schema
from tests.support.driver import Driver


class Scene:
    """`skill … -o jsonl`, read event by event: what the test does next, the command has to see."""

    def __init__(self, driver: Driver, *arguments: str) -> None:
        self._child = driver.start(*arguments, "-o", "jsonl")
        self._last: dict[str, Any] = {}

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *error: object) -> None:
        """A test that failed leaves no command that goes on waiting."""
        self._child.kill()
        self._child.communicate()

    def until(self, resource: str, words: str) -> str:
        """What is said of an awaited object once it holds these words.

        Nothing ready can be said before: a command that ends first fails the test.
        """
        for event in self._events():
            for one in event.get("objects") or ():
                if one["resource"] == resource and words in one["message"]:
                    assert one["state"] != "ready", one
                    return str(one["message"])
        raise AssertionError(f"it ended before it said {words!r} of {resource}: {self._last}")

    def outcome(self, code: int = 0) -> dict[str, Any]:
        """The document at the end."""
        list(self._events())
        assert self._child.wait() == code, self._last
        jsonschema.validate(self._last, json_schema())
        return self._last

    def _events(self) -> Any:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self._last = json.loads(line)
            yield self._last
