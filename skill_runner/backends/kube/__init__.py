"""The real cluster, through the kubernetes client (which takes 0.3 s to import)."""

from skill_runner.backends.kube.client import KubeCluster, connect

__all__ = ["KubeCluster", "connect"]
