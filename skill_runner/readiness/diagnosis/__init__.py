"""Verdicts, statuses and events → one cause, its evidence, and what to do next. Pure."""

from skill_runner.readiness.diagnosis.creation import classify_refusal, explain_refusal
from skill_runner.readiness.diagnosis.diagnose import Judged, as_problem, judge, root_cause
from skill_runner.readiness.diagnosis.events import Seen, read_events
from skill_runner.readiness.diagnosis.failure_policy import (
    DEFAULT_POLICY,
    NEVER,
    FailurePolicy,
    Row,
)
from skill_runner.readiness.diagnosis.pod_view import PodView
from skill_runner.readiness.diagnosis.symptom import Symptom
from skill_runner.readiness.diagnosis.symptoms import Scene, find_symptoms
from skill_runner.readiness.diagnosis.targets import Target
from skill_runner.readiness.diagnosis.timeline import Ledger

__all__ = [
    "DEFAULT_POLICY",
    "NEVER",
    "FailurePolicy",
    "Judged",
    "Ledger",
    "PodView",
    "Row",
    "Scene",
    "Seen",
    "Symptom",
    "Target",
    "as_problem",
    "classify_refusal",
    "explain_refusal",
    "find_symptoms",
    "judge",
    "read_events",
    "root_cause",
]
