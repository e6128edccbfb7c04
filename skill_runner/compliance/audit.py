"""The API server's audit log into the requests that people sent by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from skill_runner.compliance.managed import writer_of
from skill_runner.compliance.model import ACT
from skill_runner.objects import Object
from skill_runner.policy.pods import mapping

_WRITES: Final = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_REVIEWS: Final = ("authorization.k8s.io", "authentication.k8s.io")  # questions, no changes
_KEPT: Final = ("verb", "userAgent", "objectRef", "user", "requestReceivedTimestamp")


def acts(lines: Iterable[str], concerns: Callable[[str], bool]) -> Iterator[Object]:
    """The writes by programs with a person in front of them, to namespaces that are of concern.

    Requests that were refused, and dry runs, changed nothing. A line that is cut short by the
    log's rotation is passed over.
    """
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and _is_act(event, concerns):
            kept = {key: event[key] for key in _KEPT if key in event}
            yield {"apiVersion": ACT[0], "kind": ACT[1], "metadata": {"name": ""}, **kept}


def _is_act(event: dict[str, Any], concerns: Callable[[str], bool]) -> bool:
    about = mapping(event.get("objectRef"))
    code = mapping(event.get("responseStatus")).get("code")
    agent = str(event.get("userAgent", "")).partition("/")[0]
    return (
        event.get("verb") in _WRITES
        and about.get("apiGroup") not in _REVIEWS
        and "dryRun=All" not in str(event.get("requestURI"))
        and isinstance(code, int)
        and code < 400
        and writer_of(agent) in ("kubectl", "restart", "tool")
        and concerns(str(about.get("namespace", "")))
    )
