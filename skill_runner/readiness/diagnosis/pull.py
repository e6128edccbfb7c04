"""Explain why an image cannot be pulled, from the container runtime's message.

The words are those of containerd 1.7 to 2.4, CRI-O and docker; the registry's own answer is told
from a registry that nobody could ask.
"""

from __future__ import annotations

import re
from typing import Final

from skill_runner.text.quoting import excerpt, named

_PATTERNS: Final = (
    (
        "ImageWrongArch",
        r"no match for platform|no matching manifest for|"
        r"does not match the specified platform",
    ),
    ("NodeDiskFull", r"no space left on device"),
    (
        "RegistryUnreachable",
        r"no such host|server misbehaving|connection refused|"
        r"network is unreachable|no route to host|x509:|"
        r"server gave HTTP response to HTTPS client|"
        r"Temporary failure in name resolution|proxyconnect",
    ),
    (
        "ImagePullSlow",
        r"i/o timeout|TLS handshake timeout|deadline exceeded|toomanyrequests|"
        r"429 Too Many|rate limit|\b50[0234]\b|unexpected EOF|connection reset|"
        r"QPS exceeded|context canceled",
    ),
    (
        "ImagePullDenied",
        r"pull access denied|insufficient_scope|authorization failed|"
        r"\b401\b|\b403\b|unauthorized|denied|no basic auth credentials",
    ),
    (
        "ImageNotFound",
        r"not found|manifest unknown|name unknown|\b404\b|"
        r"does not exist|repository name not known",
    ),
)
_COMPILED: Final = tuple((reason, re.compile(p, re.IGNORECASE)) for reason, p in _PATTERNS)
_HOST: Final = re.compile(r"(?:lookup |dial tcp |https?://)([A-Za-z0-9.\-:\[\]]+?)(?:[/ ,]|: |$)")


def classify_pull(message: str) -> str | None:
    """The policy's reason for a failed pull, or None where the message says nothing."""
    return next((reason for reason, p in _COMPILED if p.search(message)), None)


def registry_of(image: str) -> str:
    """The host that an image reference names; Docker Hub where it names none."""
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first
    return "docker.io"


def host_of(message: str, image: str) -> str:
    """The host that could not be reached, as the message has it."""
    found = _HOST.search(message)
    return found.group(1) if found else registry_of(image)


def explain_pull(reason: str, image: str, message: str) -> str:
    """One sentence for a person."""
    shown = named(image) if image else "its image"
    host = named(registry_of(image))
    return {
        "ImageNotFound": f"image {shown} does not exist",
        "ImagePullDenied": f"registry {host} refuses image {shown}: it does not exist or needs "
        "credentials",
        "ImageWrongArch": f"image {shown} is not made for this node's processor",
        "NodeDiskFull": f"the node has no disk space left for image {shown}",
        "RegistryUnreachable": f"the node cannot reach registry {host} for image {shown} "
        f"({excerpt(_telling(message))})",
        "ImagePullSlow": f"the pull of image {shown} does not succeed "
        f"({excerpt(_telling(message))})",
    }.get(reason, f"image {shown} cannot be pulled")


def _telling(message: str) -> str:
    """The last clause of Go's chained errors: the one that says what happened."""
    clauses = [c for c in message.strip().rstrip(".").split(": ") if c]
    return ": ".join(clauses[-2:])[-160:] if clauses else "no answer"
