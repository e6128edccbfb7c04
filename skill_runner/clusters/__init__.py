"""Ephemeral clusters: embedded (real binaries, no Docker), kind, minikube. See `base`.

A provider is imported when it is asked for: the first process of an embedded node imports this
package too, and it stays in memory and on the way to the first component.
"""

from __future__ import annotations

from typing import Final

from skill_runner.clusters.base import ClusterInfo, Provider, UpOptions
from skill_runner.errors import UsageError

PROVIDERS: Final = ("embedded", "kind", "minikube")


def provider(name: str = "embedded") -> Provider:
    """A provider by its name. UsageError if there is none."""
    if name == "embedded":
        from skill_runner.clusters.embedded.host.provider import Embedded

        return Embedded()
    if name == "kind":
        from skill_runner.clusters.kind import Kind

        return Kind()
    if name == "minikube":
        from skill_runner.clusters.minikube import Minikube

        return Minikube()
    raise UsageError(f"no provider is called {name!r}; there are: {', '.join(PROVIDERS)}")


def find(name_or_context: str) -> ClusterInfo | None:
    """A cluster of that name or context, without asking it anything.

    An embedded one is found when it runs; one of kind or minikube when the user's kubeconfig has
    its context.
    """
    from skill_runner.clusters.embedded.host.provider import Embedded
    from skill_runner.clusters.kubeconfigs import find_context

    return Embedded().find(name_or_context) or find_context(name_or_context)


__all__ = ["PROVIDERS", "ClusterInfo", "Provider", "UpOptions", "find", "provider"]
