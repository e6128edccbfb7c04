"""The failure policy: which reason ends a wait, and how long it may last before it does.

One table, in two files of rows. A skill changes a row by its reason (`failure_policy:` in
skill.yaml), and tests shorten budgets the same way. docs/reference/failure-policy.md is generated
from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from skill_runner.readiness.diagnosis import container_rows, object_rows
from skill_runner.readiness.diagnosis.failure_row import NEVER, Row
from skill_runner.skill.model import FailureOverride

__all__ = ["DEFAULT_POLICY", "NEVER", "FailurePolicy", "Row"]


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """The table by reason. `ResourceFailed:Kafka` is a row of one kind; the plain one the rest."""

    rows: Mapping[str, Row]

    def row(self, reason: str) -> Row:
        """The row of a reason; KeyError for a reason that nothing gives."""
        if reason not in self.rows and ":" in reason:
            return self.rows[reason.partition(":")[0]]
        return self.rows[reason]

    def override(self, overrides: Iterable[FailureOverride]) -> FailurePolicy:
        """The policy with the budgets of a skill. ValueError names an unknown reason."""
        rows = dict(self.rows)
        for change in overrides:
            known = change.reason.partition(":")[0] in rows
            if not known:
                raise ValueError(
                    f"failure_policy: no row {change.reason!r}; rows are {', '.join(sorted(rows))}"
                )
            row = self.row(change.reason)
            # Whoever gives more time means it: a count of restarts must not end it early.
            counts = change.budget <= row.budget
            rows[change.reason] = replace(
                row,
                reason=change.reason,
                budget=change.budget,
                why=change.why or row.why,
                restarts=row.restarts if counts else None,
                repeats=row.repeats if counts else None,
            )
        return FailurePolicy(rows)


DEFAULT_POLICY: Final = FailurePolicy(
    {row.reason: row for row in (*container_rows.ROWS, *object_rows.ROWS)}
)
