"""The outcome of a command, as one small document for programs, people and exit codes."""

from skill_runner.outcome.document import LIMIT, redacted, to_dict, to_json
from skill_runner.outcome.schema import json_schema
from skill_runner.outcome.types import (
    SCHEMA,
    Code,
    EdgeResult,
    EdgeStatus,
    NextAction,
    Outcome,
    Problem,
    Recovery,
    RecoveryStatus,
    SkillResult,
    SkillStatus,
    Status,
)

__all__ = [
    "LIMIT",
    "SCHEMA",
    "Code",
    "EdgeResult",
    "EdgeStatus",
    "NextAction",
    "Outcome",
    "Problem",
    "Recovery",
    "RecoveryStatus",
    "SkillResult",
    "SkillStatus",
    "Status",
    "json_schema",
    "redacted",
    "to_dict",
    "to_json",
]
