"""Registry settings in containerd's form: a folder for each registry, with a hosts.toml.  (pure)"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Registries:
    """The sources of images: mirrors by registry, registries without TLS, a certs.d folder."""

    mirrors: dict[str, str] = field(default_factory=dict)
    insecure: tuple[str, ...] = ()
    config: str = ""


def registry_hosts(registries: Registries) -> dict[str, str]:
    """The text of hosts.toml by registry (github.com/containerd/containerd docs/hosts.md)."""
    files = {registry: _hosts(mirror) for registry, mirror in registries.mirrors.items()}
    for registry in registries.insecure:
        # `server` as well: otherwise containerd turns to https after any failure, and reports that.
        server = f'server = "http://{registry}"\n\n'
        files.setdefault(registry, server + _hosts(f"http://{registry}"))
    return files


def _hosts(address: str) -> str:
    return f'[host."{address.rstrip("/")}"]\n  capabilities = ["pull", "resolve"]\n'
