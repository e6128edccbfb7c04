"""Applications of Argo CD: one for each installation, and one that delivers these."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from skill_runner.objects import Object
from skill_runner.plan import Installation

DEFAULT_NAMESPACE: Final = "argocd"
API: Final = "argoproj.io/v1alpha1"
WAVE: Final = "argocd.argoproj.io/sync-wave"
NAME_LABEL: Final = "skill-runner.dev/installation"
SPACE_LABEL: Final = "skill-runner.dev/installation-namespace"


@dataclass(frozen=True, slots=True)
class Source:
    """The repository that the folder is committed to: its URL, the folder in it, the branch; and
    the namespace of Argo CD."""

    repo: str
    path: str
    branch: str
    argocd: str


def name_of(installation: Installation) -> str:
    """What the Application of an installation is called."""
    return f"{installation.namespace}-{installation.name}"


def application(source: Source, installation: Installation, wave: int) -> Object:
    """The Application that delivers one installation, in its wave."""
    space, name = installation.namespace, installation.name
    meta = {
        "name": name_of(installation),
        "namespace": source.argocd,
        "annotations": {WAVE: str(wave)},
        "labels": {NAME_LABEL: name, SPACE_LABEL: space},
    }
    return _application(source, meta, f"{space}/{name}", space, create=True)


def root(source: Source, platform: str) -> Object:
    """The Application that delivers the others: what `delivers` of argocd-k8s-setup makes."""
    meta = {"name": platform, "namespace": source.argocd}
    return _application(source, meta, "applications", source.argocd, create=False)


def command(source: Source, platform: str) -> str:
    """The command that has Argo CD deliver the folder, for a shell."""
    spec = root(source, platform)["spec"]["source"]
    asked = {
        "name": platform,
        "repo": spec["repoURL"],
        "path": spec["path"],
        "branch": spec["targetRevision"],
    }
    space = "" if source.argocd == DEFAULT_NAMESPACE else f" -n {source.argocd}"
    return (
        f"skill run argocd-k8s-setup{space} --set {shlex.quote('delivers=' + json.dumps([asked]))}"
    )


def _application(
    source: Source, meta: Mapping[str, Any], below: str, namespace: str, *, create: bool
) -> Object:
    path = f"{source.path}/{below}" if source.path not in ("", ".") else below
    # Definitions are too large for the annotation that the other way of applying keeps.
    options = ["ServerSideApply=true", *(["CreateNamespace=true"] if create else [])]
    return {
        "apiVersion": API,
        "kind": "Application",
        "metadata": dict(meta),
        "spec": {
            "project": "default",
            "source": {"repoURL": source.repo, "path": path, "targetRevision": source.branch},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "syncOptions": options,
                # A kind whose definition comes with the same sync, a webhook that is not up yet.
                "retry": {
                    "limit": 5,
                    "backoff": {"duration": "5s", "factor": 2, "maxDuration": "1m"},
                },
            },
        },
    }
