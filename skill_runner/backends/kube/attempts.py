"""One request, tried again while that can help and can do no harm.

A lost connection leaves unknown whether the server did the work, so another attempt is made only
where doing it twice is the same as doing it once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeVar

import tenacity

from skill_runner.errors import SkillError

Sleep = Callable[[float], Awaitable[None]]
# read: changes nothing (GET, access reviews). repeatable: twice is the same as once (dry runs,
# server-side apply, delete by uid). write: neither (create, replace).
Effect = Literal["read", "repeatable", "write"]
T = TypeVar("T")

ATTEMPTS: Final = 6
SECONDS: Final = 20.0  # after which no further attempt begins
LONGEST_PAUSE: Final = 10.0  # seconds; a longer Retry-After is cut to this
NOT_DONE: Final = 429  # the server turned the request away before it did anything
GATEWAY: Final = (502, 503, 504)  # an answer of what stands before the server, or of its end


class Transient(Exception):
    """An answer that asks for another attempt; `after` is the server's Retry-After."""

    def __init__(self, error: SkillError, status: int, after: str | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.status = status
        self.after = after


class Lost(Exception):
    """No answer from a server that has answered before: it restarts, or the network failed."""

    def __init__(self, error: SkillError) -> None:
        super().__init__(str(error))
        self.error = error


async def attempts(
    once: Callable[[], Awaitable[T]], effect: Effect, sleep: Sleep, *, lost: bool = True
) -> T:
    """The answer of `once`, or its last error as it is.

    429 is tried again whatever the effect; lost connections and 502 to 504 unless it is a write;
    other 5xx for reads only. Without `lost` a lost connection is the last error at once.
    """
    retrying = tenacity.AsyncRetrying(
        sleep=sleep,
        stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_after_delay(SECONDS),
        wait=_pause,
        retry=tenacity.retry_if_exception(lambda error: _again(error, effect, lost=lost)),
        reraise=True,
    )
    try:
        return await retrying(once)
    except (Transient, Lost) as last:
        raise last.error from last.__cause__


def _again(error: BaseException, effect: Effect, *, lost: bool) -> bool:
    if isinstance(error, Lost):
        return lost and effect != "write"
    if not isinstance(error, Transient):
        return False
    if error.status == NOT_DONE:
        return True
    return effect == "read" or (effect == "repeatable" and error.status in GATEWAY)


def _pause(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Transient) and error.after is not None:
        try:
            return min(float(error.after), LONGEST_PAUSE)
        except ValueError:
            pass  # a date; few servers give one
    return float(tenacity.wait_random_exponential(multiplier=0.4, max=5.0)(state))
