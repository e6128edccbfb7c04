"""A recording of what a wait saw of a cluster, and its replay without one."""

from skill_runner.backends.recording.file import History, Moment, load_history, save_history
from skill_runner.backends.recording.helm import RecordingHelm
from skill_runner.backends.recording.recorder import RecordingCluster
from skill_runner.backends.recording.replay import ReplayCluster

__all__ = [
    "History",
    "Moment",
    "RecordingCluster",
    "RecordingHelm",
    "ReplayCluster",
    "load_history",
    "save_history",
]
