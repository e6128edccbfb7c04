"""An error becomes a problem by its fields: nothing is read out of a sentence that we wrote."""

from __future__ import annotations

import pytest

from skill_runner import errors
from skill_runner.outcome import NextAction
from skill_runner.outcome.from_error import cause_of, outcome_of, problem_of

WRONG = ("brokers must be 1 or 3", "topics: expected a list", "size is missing")


def test_the_first_of_a_list_is_the_cause_and_the_rest_the_evidence() -> None:
    error = errors.InputError("the inputs of kafka are wrong", listed=WRONG)
    problem = problem_of(error)
    assert problem.cause == "the inputs of kafka are wrong: brokers must be 1 or 3"
    assert problem.evidence == WRONG[1:]
    assert error.message.splitlines()[0] == "the inputs of kafka are wrong:"


def test_what_a_build_printed_is_quoted_and_stays_evidence() -> None:
    problem = problem_of(errors.BuildFailed("the build of web failed", listed=("a: b", "c")))
    assert problem.cause == "the build of web failed: “a: b”"
    assert problem.evidence == ("a: b", "c")


def test_a_sentence_that_ends_in_a_colon_is_no_list() -> None:
    problem = problem_of(errors.StepFailed("the server said:\nnothing"))
    assert (problem.cause, problem.evidence) == ("the server said:", ("nothing",))


def test_a_hook_says_its_own_words_where_its_name_stands_already() -> None:
    error = errors.HookFailed("psql failed", called="hook prove_rows", listed=("lost",))
    assert error.message == "hook prove_rows: psql failed:\n  lost"
    assert cause_of(error) == "hook prove_rows: psql failed: lost"
    assert cause_of(error, own=True) == "psql failed: lost"


@pytest.mark.parametrize(
    "hint",
    ["skill remove a --cascade --yes removes these first", "skill why NAME   or   skill status"],
)
def test_a_hint_that_begins_like_a_command_is_no_command(hint: str) -> None:
    outcome = outcome_of(errors.Refused("it is required by b", hint=hint))
    assert outcome.problem is not None
    assert outcome.problem.next == ()
    assert outcome.notes == (hint,)


def test_a_next_step_that_is_a_command_is_one_and_is_shown() -> None:
    error = errors.StepFailed("a requires b, and it is gone", run="skill run b")
    assert problem_of(error).next == (NextAction(run="skill run b", safe=True),)
    assert str(error) == "a requires b, and it is gone\nskill run b"
