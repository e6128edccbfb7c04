"""Images of rendered manifests by digest: what a tag means would change without a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any, Final

from skill_runner.errors import PreflightFailed
from skill_runner.images.recipe import LOCAL_PREFIX
from skill_runner.objects import Object
from skill_runner.outcome import Problem
from skill_runner.policy.pods import pod_of

Digest = Callable[[str], Awaitable[str]]  # of a reference; empty where no registry has it
_LISTS: Final = ("initContainers", "containers")


def images_of(manifests: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The images of every container of every workload, each once."""
    pods = [pod for manifest in manifests if (pod := pod_of(manifest))]
    found = {str(each.spec.get("image", "")) for pod in pods for each in pod.containers()}
    return tuple(sorted(found - {""}))


def is_built(ref: str) -> bool:
    """Tell whether an image was built from a recipe and is in no registry: the end of its tag is
    the digest of what it was built from."""
    return ref.startswith(f"{LOCAL_PREFIX}/")


async def digests_of(images: Iterable[str], ask: Digest) -> dict[str, str]:
    """Each image with its digest; PreflightFailed where a registry does not tell one."""
    wanted = [each for each in images if "@sha256:" not in each and not is_built(each)]
    found = dict(zip(wanted, await asyncio.gather(*map(ask, wanted)), strict=True))
    if missing := [image for image, digest in found.items() if not digest]:
        raise PreflightFailed(
            f"no registry reports the digest of {', '.join(missing)}",
            hint="Render where the registry can be reached, or push what is built: --images build"
            " --registry HOST/PATH.",
            problem=Problem(
                code="REGISTRY_UNREACHABLE",
                resource=f"image {missing[0]}",
                cause=f"no registry reports the digest of {', '.join(missing)}",
            ),
        )
    return {image: f"{image}@{digest}" for image, digest in found.items()}


def pinned(manifest: Mapping[str, Any], digests: Mapping[str, str]) -> Object:
    """The manifest with each image by its digest."""
    made: Object = deepcopy(dict(manifest))
    pod = pod_of(made)
    for key in _LISTS if pod else ():
        for container in (pod.spec if pod else {}).get(key) or ():
            container["image"] = digests.get(container.get("image"), container.get("image"))
    return made
