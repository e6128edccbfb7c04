"""Reports of one command: its outcome and events as files for pipelines, reviewers and people."""

from skill_runner.reports.files import KINDS, render
from skill_runner.reports.finished import Case, CaseKind, Finished, cases

__all__ = ["KINDS", "Case", "CaseKind", "Finished", "cases", "render"]
