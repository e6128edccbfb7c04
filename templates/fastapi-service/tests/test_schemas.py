"""The schemas that others rely on are those of the models."""

from __future__ import annotations

import pytest

from service.schemas import EVENTS, FOLDER, schema_of


@pytest.mark.parametrize("name", EVENTS)
def test_the_file_is_what_the_model_says(name: str) -> None:
    """`python -m service.schemas` writes it again."""
    assert (FOLDER / f"{name}.json").read_text() == schema_of(EVENTS[name])
