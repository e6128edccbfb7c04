"""The interface of a provider of ephemeral clusters, and the values that go in and out.

    from skill_runner import clusters
    info = await clusters.provider("embedded").up(UpOptions(name="embedded"))
    await clusters.provider(info.provider).load(info.name, Path("kafka.tar"))   # OCI or Docker
    cluster = clusters.find("embedded")        # by name or context; None if it is none of ours

`ClusterInfo` carries all that a caller needs: the kubeconfig file and the context in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from skill_runner.progress import Report, silent


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """The options of `up`. Providers refuse what they cannot do, by name."""

    name: str
    timeout: float = 180.0
    """Seconds to wait until the node is ready and pods can be made."""
    mirrors: dict[str, str] = field(default_factory=dict)
    """Registry mirrors by registry: {"docker.io": "http://192.0.2.2:5000"}."""
    insecure_registries: tuple[str, ...] = ()
    """Registries that speak plain HTTP, as host:port."""
    registry_config: Path | None = None
    """A folder in the form of containerd's certs.d, instead of the two above."""
    image: str | None = None
    """The node image of kind, or the Kubernetes version of minikube."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentInfo:
    """One process of a cluster. `memory` is resident bytes, `since` is ISO 8601."""

    name: str
    running: bool
    pid: int | None = None
    memory: int | None = None
    since: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterInfo:
    """A cluster as it is now."""

    name: str
    provider: str
    context: str
    kubeconfig: Path | None
    """The file that has the context; None where it is the user's own ~/.kube/config."""
    server: str = ""
    running: bool = True
    ready: bool | None = None
    """Tell whether the node is Ready; None where nobody asked."""
    since: str = ""
    memory: int | None = None
    components: tuple[ComponentInfo, ...] = ()
    folder: Path | None = None
    audit_log: Path | None = None
    """The API server's log of every write, as JSON lines; embedded only."""
    note: str = ""


class Provider(Protocol):
    """A way to run ephemeral clusters, each known by its name."""

    name: str

    async def up(self, options: UpOptions, report: Report = silent) -> ClusterInfo:
        """Start the cluster, or find it running; return when pods can be made."""

    async def down(self, name: str, report: Report = silent) -> bool:
        """End the cluster and remove everything of it. False if there was none."""

    async def status(self, name: str) -> ClusterInfo | None:
        """Report what runs, since when, with how much memory; None if there is no such cluster."""

    async def clusters(self) -> tuple[ClusterInfo, ...]:
        """The clusters of this provider on this machine."""

    async def load(self, name: str, image: str | Path, report: Report = silent) -> None:
        """Put an image into the cluster: an archive (OCI or Docker), or a local engine's image."""

    async def has_image(self, name: str, ref: str) -> bool:
        """Tell whether the cluster's nodes have this very reference."""

    async def logs(self, name: str, component: str) -> str:
        """Return what a component of the cluster has logged."""

    async def kubeconfig(self, name: str) -> str:
        """The text of a kubeconfig for this cluster alone."""
