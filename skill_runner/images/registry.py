"""Ask a registry whether it has an image (OCI distribution specification, manifests)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx

TIMEOUT: Final = httpx.Timeout(5.0, connect=2.0)  # seconds
MANIFESTS: Final = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
CHALLENGE: Final = re.compile(r'\b(\w+)="([^"]*)"')


_PLAIN: Final = frozenset({"localhost", "127.0.0.1"})


@dataclass(frozen=True, slots=True)
class Reference:
    """An image reference in its parts, with Docker Hub's defaults filled in."""

    host: str
    repository: str
    tag: str

    @property
    def is_here(self) -> bool:
        """On this machine's loopback, where container tools speak HTTP without TLS."""
        return (urlsplit(f"//{self.host}").hostname or "") in _PLAIN


def parse_reference(ref: str) -> Reference:
    """docker.io/apache/kafka:4.3.1 → host, repository, tag or digest."""
    bare, _, digest = ref.partition("@")
    first, _, rest = bare.partition("/")
    named = rest and ("." in first or ":" in first or first == "localhost")
    host, path = (first, rest) if named else ("docker.io", bare)
    name, _, tag = path.rpartition(":") if ":" in path else (path, "", "latest")
    if host == "docker.io":
        host, name = "registry-1.docker.io", name if "/" in name else f"library/{name}"
    return Reference(host, name, digest or tag)


async def registry_has(ref: str, *, client: httpx.AsyncClient | None = None) -> bool:
    """Tell whether the image's registry answers, and has it. Never raises: no answer is a no."""
    answer = await _ask(ref, client)
    return answer is not None and answer.status_code == 200


async def registry_digest(ref: str, *, client: httpx.AsyncClient | None = None) -> str:
    """The digest of what a tag names now, of all platforms; empty where no registry tells it."""
    answer = await _ask(ref, client)
    if answer is None or answer.status_code != 200:
        return ""
    digest = answer.headers.get("Docker-Content-Digest", "")
    return digest if DIGEST.fullmatch(digest) else ""


async def _ask(ref: str, client: httpx.AsyncClient | None) -> httpx.Response | None:
    """The answer to HEAD of the image's manifest; None where there is none."""
    where = parse_reference(ref)
    scheme = "http" if where.is_here else "https"
    url = f"{scheme}://{where.host}/v2/{where.repository}/manifests/{where.tag}"
    own = client or httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=True)
    try:
        answer = await own.head(url, headers={"Accept": MANIFESTS})
        if answer.status_code == 401:
            token = await _token(own, answer.headers.get("WWW-Authenticate", ""))
            headers = {"Accept": MANIFESTS, "Authorization": f"Bearer {token}"}
            answer = await own.head(url, headers=headers)
        return answer
    except (httpx.HTTPError, KeyError, ValueError):
        return None
    finally:
        if client is None:
            await own.aclose()


async def _token(client: httpx.AsyncClient, challenge: str) -> str:
    """An anonymous token, as the registry's challenge asks (Docker registry token protocol)."""
    fields = dict(CHALLENGE.findall(challenge))
    wanted = {key: fields[key] for key in ("service", "scope") if key in fields}
    answer = await client.get(fields["realm"], params=wanted)
    body = answer.json()
    return str(body.get("token") or body["access_token"])
