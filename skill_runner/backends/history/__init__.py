"""What a wait saw of a cluster, kept as a file, and played again without one."""

from skill_runner.backends.history.file import History, Moment, load_history, save_history
from skill_runner.backends.history.helm import RecordingHelm
from skill_runner.backends.history.recorder import RecordingCluster
from skill_runner.backends.history.replay import ReplayCluster

__all__ = [
    "History", "Moment", "RecordingCluster", "RecordingHelm", "ReplayCluster", "load_history",
    "save_history",
]  # fmt: skip
