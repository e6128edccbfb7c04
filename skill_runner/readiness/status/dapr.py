"""Read what a pod says of its Dapr sidecar: whether it asks for one, has one, and whose.

Source: Dapr's injector and watchdog (pkg/injector, pkg/operator/watchdog.go of 1.14).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from skill_runner.objects import Object, as_int, at

SIDECAR: Final = "daprd"
ENABLED: Final = "dapr.io/enabled"
APP_ID: Final = "dapr.io/app-id"
PUBLIC_PORT: Final = 3501  # health and metadata, the one API that is not on loopback alone
_TRUE: Final = frozenset({"y", "yes", "true", "t", "on", "1"})


def wants_sidecar(pod: Object) -> bool:
    """Tell whether the `pod`'s annotation asks for a sidecar, by the words that Dapr takes for yes.

    asking = [pod for pod in pods if wants_sidecar(pod)]
    """
    said = at(pod, "metadata.annotations", {}).get(ENABLED)
    return str(said).strip().lower() in _TRUE


def sidecar_of(pod: Object) -> Mapping[str, Any] | None:
    """The container `daprd`, be it a container or a native sidecar; None without one."""
    for part in ("containers", "initContainers"):
        for container in at(pod, f"spec.{part}", []):
            if container.get("name") == SIDECAR:
                found: Mapping[str, Any] = container
                return found
    return None


def lacks_sidecar(pod: Object) -> bool:
    """Tell whether the `pod` asks for a sidecar, has none, and would still need it.

    A pod is injected when it is made or never, so one that ended or is going needs none any more.

        missing = [pod for pod in pods if lacks_sidecar(pod)]
    """
    going = at(pod, "metadata.deletionTimestamp") is not None or has_ended(pod)
    return not going and wants_sidecar(pod) and sidecar_of(pod) is None


def has_ended(pod: Object) -> bool:
    """Tell whether all containers of a `pod` ended for good.

    running = [pod for pod in pods if not has_ended(pod)]
    """
    return at(pod, "status.phase") in ("Succeeded", "Failed")


def app_id(pod: Object) -> str:
    """By which name Dapr knows the application: the sidecar's own word, or the pod's name."""
    named = at(pod, "metadata.annotations", {}).get(APP_ID)
    return str(_argument(pod, "--app-id") or named or at(pod, "metadata.name", ""))


def public_port(pod: Object) -> int:
    """Return where the sidecar answers calls from outside its pod."""
    return as_int(_argument(pod, "--dapr-public-port")) or PUBLIC_PORT


def _argument(pod: Object, name: str) -> str | None:
    words = [str(word) for word in at(sidecar_of(pod), "args", [])]
    return words[words.index(name) + 1] if name in words[:-1] else None
