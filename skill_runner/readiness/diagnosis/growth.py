"""A cluster whose nodes come and go: whether others may join, and what an autoscaler says.

What no node of today could ever hold, a node of tomorrow may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from skill_runner.objects import Object, at
from skill_runner.readiness.diagnosis.events import Seen

# Labels and annotations of nodes that a machine pool made: EKS, GKE, AKS, Karpenter, OpenShift's
# machine API, Cluster API, DigitalOcean, Scaleway, Oracle, Linode, Gardener.
_POOLED: Final = frozenset(
    {
        "alpha.eksctl.io/nodegroup-name",
        "cloud.google.com/gke-nodepool",
        "cloud.google.com/gke-provisioning",
        "cluster.x-k8s.io/machine",
        "doks.digitalocean.com/node-pool",
        "eks.amazonaws.com/compute-type",
        "eks.amazonaws.com/nodegroup",
        "k8s.scaleway.com/pool",
        "karpenter.sh/nodepool",
        "karpenter.sh/provisioner-name",
        "kubernetes.azure.com/agentpool",
        "lke.linode.com/pool-id",
        "machine.openshift.io/machine",
        "oci.oraclecloud.com/node-pool-id",
        "worker.gardener.cloud/pool",
    }
)
# Taints of a node that starts or goes: whoever set them takes them away, or the node with them.
_PASSING: Final = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/")
_PASSING_ENDS: Final = (
    *("agent-not-ready", "not-ready", "uninitialized", "unregistered", "outdated-revision"),
    *("disrupted", "disruption", "impending-node-termination"),
)
_PASSING_PARTS: Final = (
    *("startup-taint.", "status-taint.", "ignore-taint."),
    *("ToBeDeletedByClusterAutoscaler", "DeletionCandidateOfClusterAutoscaler"),
)
# Cluster Autoscaler (core/scaleup/…/event), Karpenter (pkg/controllers/provisioning/scheduling
# /events.go): a node is on its way for this pod.
SCALING: Final = frozenset({"TriggeredScaleUp", "Nominated"})
UNABLE: Final = frozenset({"NotTriggerScaleUp"})


def may_grow(nodes: Iterable[Object]) -> bool:
    """Tell whether the nodes are of pools that an autoscaler may enlarge, or fill from nothing."""
    return any(
        not _POOLED.isdisjoint((*at(n, "metadata.labels", {}), *at(n, "metadata.annotations", {})))
        for n in nodes
    )


def is_passing(taint: Mapping[str, Any]) -> bool:
    """Tell whether a taint goes by itself: Kubernetes' own, and those of agents that start."""
    key = str(taint.get("key", ""))
    return (
        key.startswith(_PASSING)
        or key.endswith(_PASSING_ENDS)
        or any(part in key for part in _PASSING_PARTS)
    )


def autoscaler_says(events: Iterable[Seen]) -> Seen | None:
    """The autoscaler's last word on a pod."""
    said = [e for e in events if e.reason in SCALING | UNABLE]
    return said[-1] if said else None
