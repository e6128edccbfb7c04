"""The user's kubeconfig: a cluster's context put in, taken out, or found; nothing else touched."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import yaml
from filelock import FileLock

from skill_runner.clusters.base import ClusterInfo
from skill_runner.errors import ClusterLifecycleError

KINDS: Final = ("clusters", "users", "contexts")
KIND_PREFIX: Final = "kind-"
MINIKUBE: Final = "minikube.sigs.k8s.io"
"""Who wrote a cluster entry, in an extension of that entry."""


def user_kubeconfig() -> Path:
    """The first file of KUBECONFIG, or ~/.kube/config."""
    named = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(named) if named else Path.home() / ".kube" / "config"


def find_context(name_or_context: str) -> ClusterInfo | None:
    """A cluster of kind (`NAME` or `kind-NAME`) or minikube that a kubeconfig of the user's has.

    Both put their context there when they make a cluster, and take it out when they delete it.
    """
    named = os.environ.get("KUBECONFIG", "").split(os.pathsep)
    files = [Path(file) for file in named if file] or [user_kubeconfig()]
    for file in files:
        try:
            config = _read(file)
        except (ClusterLifecycleError, OSError):
            continue  # whoever uses that file is told
        clusters = {e.get("name"): e.get("cluster") or {} for e in config.get("clusters") or []}
        for entry in config.get("contexts") or []:
            context = str(entry.get("name"))
            cluster = clusters.get((entry.get("context") or {}).get("cluster"), {})
            provider = _provider_of(context, cluster)
            name = context.removeprefix(KIND_PREFIX) if provider == "kind" else context
            if provider and name_or_context in (name, context):
                server = str(cluster.get("server", ""))
                return ClusterInfo(
                    name=name, provider=provider, context=context, kubeconfig=file, server=server
                )
    return None


def _provider_of(context: str, cluster: dict[str, Any]) -> str:
    extensions = [each.get("extension") for each in cluster.get("extensions") or []]
    if any(isinstance(each, dict) and each.get("provider") == MINIKUBE for each in extensions):
        return "minikube"
    return "kind" if context.startswith(KIND_PREFIX) else ""


def merge_context(text: str, target: Path) -> None:
    """Add the one context of the kubeconfig `text`, make it current; the file stays 0600."""
    added = yaml.safe_load(text)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(f"{target}.lock"):
        config = _read(target)
        for kind in KINDS:
            names = {entry["name"] for entry in added[kind]}
            kept = [entry for entry in config.get(kind) or [] if entry.get("name") not in names]
            config[kind] = kept + added[kind]
        config["current-context"] = added["current-context"]
        _write(target, config)


def remove_context(name: str, server: str, target: Path) -> bool:
    """Remove a context, if it is there and leads to that server. Whether it was."""
    if not target.exists():
        return False
    with FileLock(f"{target}.lock"):
        config = _read(target)
        entries = {
            entry.get("name"): entry.get("cluster") for entry in config.get("clusters") or []
        }
        if (entries.get(name) or {}).get("server") != server:
            return False
        for kind in KINDS:
            config[kind] = [e for e in config.get(kind) or [] if e.get("name") != name]
        if config.get("current-context") == name:
            config["current-context"] = ""
        _write(target, config)
    return True


def _read(path: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(path.read_text()) if path.exists() else None
    except yaml.YAMLError as error:
        raise ClusterLifecycleError(
            f"{path} is not YAML, so it is left as it is: {error}"
        ) from None
    if config is None:
        config = {"apiVersion": "v1", "kind": "Config", "preferences": {}}
    if not isinstance(config, dict):
        raise ClusterLifecycleError(f"{path} is not a kubeconfig, so it is left as it is")
    return config


def _write(path: Path, config: dict[str, Any]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        yaml.safe_dump(config, file, sort_keys=False)
    temporary.replace(path)
