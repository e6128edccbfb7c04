"""Image references: which are pinned, and which were withdrawn by who published them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# After https://github.com/distribution/reference (reference.go), lower-case repository paths.
_REFERENCE: Final = re.compile(
    r"(?P<repository>(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>[a-z0-9]+:[0-9a-f]{32,}))?"
)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Images that are gone or frozen: a prefix of the repository, why, and what to use."""

    prefix: str
    why: str
    instead: str


# Sources: bitnami/containers#83267 and bitnami/charts#35164 (2025); kubernetes.io/blog/2023/02/06
# (registry freeze); kubebuilder discussion #3907 (kube-rbac-proxy).
WITHDRAWN: Final = (
    Withdrawn(
        "docker.io/bitnami/", "Bitnami withdrew its free images in 2025", "the project's own image"
    ),
    Withdrawn(
        "docker.io/bitnamilegacy/",
        "these images are frozen and get no security updates",
        "the project's own image",
    ),
    Withdrawn(
        "docker.io/bitnamisecure/", "only the moving tag latest is free", "the project's own image"
    ),
    Withdrawn(
        "registry-1.docker.io/bitnamicharts/",
        "its charts name images that were withdrawn",
        "the project's own chart",
    ),
    Withdrawn("k8s.gcr.io/", "the registry is frozen since 2023", "registry.k8s.io/…"),
    Withdrawn(
        "gcr.io/kubebuilder/kube-rbac-proxy",
        "the image was removed in 2025",
        "quay.io/brancz/kube-rbac-proxy",
    ),
)


def repository(reference: str) -> str | None:
    """The repository with its registry, as docker.io/library/nginx; None for no reference."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return None
    name = match["repository"]
    first, _, rest = name.partition("/")
    if rest and ("." in first or ":" in first or first == "localhost"):
        return name.replace("index.docker.io/", "docker.io/", 1)
    return f"docker.io/{name}" if rest else f"docker.io/library/{name}"


def unpinned(reference: str) -> str | None:
    """Say why a reference does not name one image; None when it does."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return f"'{reference}' is no image reference"
    if match["digest"] or match["tag"] not in (None, "latest"):
        return None
    return f"the image {reference} has " + ("the tag latest" if match["tag"] else "no tag")


def withdrawn(reference: str) -> Withdrawn | None:
    """The row of WITHDRAWN that an image belongs to."""
    name = repository(reference) or reference
    return next((row for row in WITHDRAWN if f"{name}/".startswith(row.prefix)), None)
