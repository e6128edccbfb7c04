"""Ask Dapr's sidecars which components they have loaded: no status of Kubernetes tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import httpx

from skill_runner.backends.base import Cluster
from skill_runner.errors import NotFound
from skill_runner.objects import Object, at
from skill_runner.readiness.status.dapr import app_id, public_port

COMPONENTS: Final = ("dapr.io/v1alpha1", "Component")
TIMEOUT: Final = 5.0  # seconds for a sidecar's answer


async def ask_metadata(cluster: Cluster, pod: Object) -> Mapping[str, Any]:
    """A sidecar's `/v1.0/metadata`: its id, components and subscriptions, by a port-forward.

    httpx.HTTPError when the sidecar does not answer, SkillError when the pod cannot be reached.
    """
    space, name = at(pod, "metadata.namespace", ""), at(pod, "metadata.name", "")
    async with (
        cluster.port_forward(space, name, public_port(pod)) as local,
        httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) as client,
    ):
        answer = await client.get(f"http://127.0.0.1:{local}/v1.0/metadata")
        answer.raise_for_status()
        found: Mapping[str, Any] = answer.json()
        return found


def loaded_components(metadata: Mapping[str, Any]) -> frozenset[str]:
    """The names of what a sidecar has loaded."""
    return frozenset(str(c.get("name")) for c in metadata.get("components") or ())


def meant_for(components: Iterable[Object], app: str) -> frozenset[str]:
    """Name the Components of its namespace that an application is to have, by their scopes.

    Those with ignoreErrors are left out: their absence is agreed to.
    """
    return frozenset(
        str(at(c, "metadata.name"))
        for c in components
        if app in (c.get("scopes") or [app]) and not at(c, "spec.ignoreErrors")
    )


async def unloaded_components(cluster: Cluster, pod: Object) -> tuple[str, ...]:
    """Components that are meant for the sidecar of a pod, and that it does not have."""
    space = at(pod, "metadata.namespace", "")
    try:
        there = (await cluster.list(*COMPONENTS, namespace=space)).items
    except NotFound:
        return ()  # Dapr is not in this cluster any more
    wanted = meant_for(there, app_id(pod))
    if not wanted:
        return ()
    return tuple(sorted(wanted - loaded_components(await ask_metadata(cluster, pod))))


def unloaded_words(names: Sequence[str]) -> str:
    """ "Dapr component a is not loaded by the sidecar"."""
    one = len(names) == 1
    what = f"component {names[0]} is" if one else f"components {', '.join(names)} are"
    return f"Dapr {what} not loaded by the sidecar"
