"""What the echo skill does beyond its chart."""

from typing import Any


async def seed(ctx: Any) -> None:
    """Nothing, here."""


async def read_greeting(ctx: Any) -> str:
    """The greeting, read back."""
    return "hello"
