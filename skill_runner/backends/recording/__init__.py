"""What a wait saw of a cluster, kept as a file, and played again without one."""

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
