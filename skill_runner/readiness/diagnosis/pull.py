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
        r"no match for platform|no matching manifest for|no image found in (?:image index|manifest "
        r"list) for|does not match the specified platform",
    ),
    ("NodeDiskFull", r"no space left on device|disk quota exceeded"),
    (
        "InvalidImageName",  # CRI-O (containers/image/pkg/shortnames), and containerd's parser
        r"did not resolve to an alias|short name mode is enforcing|"
        r"invalid reference format|repository name must be lowercase",
    ),
    (
        "ImageUnsupported",
        r"is no longer supported since containerd|schema ?1 (?:manifest|image)\S* (?:is|are) not|"
        r"unsupported manifest media type|unsupported schema version",
    ),
    (
        "ImageUntrusted",  # containers/image/signature
        r"Source image rejected|SignatureValidationFailed|signature (?:was required|validation)",
    ),
    (
        "ImagePullSlow",  # the node's own trouble: its runtime restarts, its store has a gap
        r"parent snapshot|content digest|dial unix|failed to (?:extract layer|prepare extraction)|"
        r"digest mismatch|unexpected (?:commit )?digest|failed size validation|"
        r"error reading from server|transport is closing",
    ),
    (
        "RegistryUnreachable",
        r"no such host|server misbehaving|connection refused|"
        r"network is unreachable|no route to host|x509:|"
        r"server gave HTTP response to HTTPS client|"
        r"Temporary failure in name resolution|proxyconnect|"
        r"407 Proxy Authentication|Proxy Authentication Required",
    ),
    (
        "ImagePullSlow",
        r"i/o timeout|TLS handshake timeout|deadline exceeded|toomanyrequests|"
        r"429 Too Many|rate limit|(?<![\w:.\-])50[0234]\b|\bEOF\b|connection reset|"
        r"QPS exceeded|context canceled|timeout awaiting|Client\.Timeout",
    ),
    (
        "ImagePullDenied",
        r"pull access denied|insufficient_scope|authorization failed|"
        r"(?<![\w:.\-])40[13]\b|unauthorized|denied|no basic auth credentials",
    ),
    (
        "ImageNotFound",
        r"not found|manifest unknown|name unknown|(?<![\w:.\-])404\b|"
        r"does not exist|repository name not known",
    ),
)
_COMPILED: Final = tuple((reason, re.compile(p, re.IGNORECASE)) for reason, p in _PATTERNS)
_HOST: Final = re.compile(r"(?:lookup |dial tcp |https?://)([A-Za-z0-9.\-:\[\]]+?)(?:[/ ,]|: |$)")


# A reference in a message: quoted, or with a host or a folder and a tag, a digest or a domain. Its
# words are its author's: a tag may be 404, and a repository be called denied.
_TAGGED: Final = re.compile(r"[:.@]\S")
_QUOTED: Final = re.compile(r'\\?"[^"\\\s]*\\?"')


def classify_pull(message: str, image: str = "") -> str | None:
    """The policy's reason for a failed pull of an image; None where the message says nothing."""
    said = without_references(message, image)
    return next((reason for reason, p in _COMPILED if p.search(said)), None)


def without_references(message: str, image: str) -> str:
    """The words of the runtime and of the registry alone."""
    said = message.replace(image, "") if image else message
    words = _QUOTED.sub(" ", said).split()
    return " ".join(word for word in words if not ("/" in word and _TAGGED.search(word)))


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
        "InvalidImageName": f"image {shown} is no reference that the node's runtime can resolve: "
        "name its registry in full",
        "ImageUnsupported": f"image {shown} is in a format that the node's runtime no longer "
        f"reads ({excerpt(_telling(message))})",
        "ImageUntrusted": f"the node's policy refuses image {shown}: its signature is missing or "
        "wrong",
        "PullSecretMissing": f"registry {host} refuses image {shown}, and a pull secret of the "
        "pod does not exist",
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
