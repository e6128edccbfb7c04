"""Turn what the API server or the network answered into one of our errors.

Everything that aiohttp raises and every status of the API ends here, so that nothing of the
client libraries gets through.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from typing import Any

import aiohttp

from skill_runner.backends.base import Target
from skill_runner.errors import (
    ApiError,
    ClusterUnreachable,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    SkillError,
)

# RBAC's own words (k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go). Admission
# answers 403 as well (quota, Pod Security, webhooks), and that is a fault of the object.
_RBAC = re.compile(r'User "[^"]*" cannot ')


def api_error(status: int, body: bytes | str, target: Target) -> SkillError:
    """The error of an HTTP status and its body, which is a Status object or plain text."""
    message, reason = _told(body)
    message = message or f"the API server answered {status}"
    if status == 401:
        return Forbidden(
            f"{target.server} does not accept the credentials of context {target.context} "
            "(401 Unauthorized)",
            hint=f"They may have expired: log in again, or renew {target.kubeconfig}.",
        )
    if status == 403 and _RBAC.search(message):
        return Forbidden(
            message, hint=f"Context {target.context} needs this permission; ask for the role."
        )
    kinds: dict[int, type[ApiError]] = {404: NotFound, 409: Conflict, 410: Gone}
    return kinds.get(status, ApiError)(message, status=status, reason=reason)


def _told(body: bytes | str) -> tuple[str, str]:
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    try:
        told: Any = json.loads(text)
    except ValueError:
        return text.strip()[:500], ""
    if not isinstance(told, dict):
        return text.strip()[:500], ""
    return str(told.get("message") or ""), str(told.get("reason") or "")


def unreachable(error: BaseException, target: Target) -> ClusterUnreachable:
    """The error of a request that got no answer, with what to do about it."""
    where = f"{target.server} (context {target.context} of {target.kubeconfig})"
    cause, hint = _cause(error)
    return ClusterUnreachable(f"no answer from {where}: {cause}", hint=hint)


def _cause(error: BaseException) -> tuple[str, str]:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _certificate(error.certificate_error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate(error)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its host name is not known", "Is the network, or the VPN, up?"
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return f"no TLS there ({_short(error)})", "Is this the port of an API server?"
    if isinstance(error, aiohttp.ClientConnectorError):
        said = _short(error.os_error)
        if isinstance(error.os_error, ConnectionRefusedError):
            return "connection refused", "Is the cluster running? `skill cluster status` shows it."
        return said, "Is the network, or the VPN, up?"
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return "timed out", "Is the cluster running, and the network up?"
    return _short(error) or type(error).__name__, "Is the cluster running?"


def _certificate(error: BaseException) -> tuple[str, str]:
    said = getattr(error, "verify_message", "") or _short(error)
    return (
        f"its certificate is not trusted ({said})",
        "The kubeconfig may be of an earlier cluster at this address: fetch it anew.",
    )


def _short(error: BaseException) -> str:
    strerror = getattr(error, "strerror", None)
    return str(strerror or error).split("\n", 1)[0][:300]
