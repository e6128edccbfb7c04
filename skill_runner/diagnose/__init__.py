"""Verdicts, statuses and events → one cause, its evidence, and what to do next. Pure."""

from skill_runner.diagnose.containers import PodView
from skill_runner.diagnose.creation import classify_refusal, explain_refusal
from skill_runner.diagnose.events import Seen, read_events
from skill_runner.diagnose.ledger import Ledger
from skill_runner.diagnose.policy import DEFAULT_POLICY, NEVER, FailurePolicy, Row
from skill_runner.diagnose.root import Judged, as_problem, judge, root_cause
from skill_runner.diagnose.scene import Scene, find_symptoms
from skill_runner.diagnose.symptom import Symptom
from skill_runner.diagnose.targets import Target

__all__ = [
    "DEFAULT_POLICY", "NEVER", "FailurePolicy", "Judged", "Ledger", "PodView", "Row", "Scene",
    "Seen", "Symptom", "Target", "as_problem", "classify_refusal", "explain_refusal",
    "find_symptoms", "judge", "read_events", "root_cause",
]  # fmt: skip
