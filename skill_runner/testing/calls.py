"""The requests to a MemoryCluster, and the errors that it was told to answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from skill_runner.backends.base import ExecResult, Right
from skill_runner.errors import Forbidden
from skill_runner.objects import Ref, plural_of

# Our calls in the words of RBAC. Commands and ports come over WebSockets, whose GET takes the verb
# get; since Kubernetes 1.35 create, too.
_VERBS: Final = {
    "apply": ("patch",),
    "replace": ("update",),
    "log": ("get",),
    "exec": ("get", "create"),
    "portforward": ("get", "create"),
}
_SUBRESOURCES: Final = {"log": "/log", "exec": "/exec", "portforward": "/portforward"}
_FREE: Final = ("version", "discover", "review")  # what every account may ask

ExecHandler = Callable[["ExecCall"], ExecResult | Awaitable[ExecResult]]
PortHandler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """One call: a verb of the API (or exec, log, portforward, review) and what it was about."""

    verb: str
    kind: str
    name: str = ""
    namespace: str | None = None
    dry_run: bool = False
    api_version: str = field(default="v1", compare=False)

    @staticmethod
    def about(verb: str, ref: Ref, *, dry_run: bool = False) -> Request:
        """The request of a verb about one object."""
        return Request(verb, ref.kind, ref.name, ref.namespace, dry_run, ref.api_version)

    def rights(self, *, creates: bool) -> tuple[Right, ...]:
        """The verbs that it takes; a server-side apply that `creates` its object takes that as
        well."""
        if self.verb in _FREE:
            return ()
        verbs = _VERBS.get(self.verb, (self.verb,))
        if self.verb == "apply" and creates:
            verbs = ("patch", "create")
        resource = plural_of(self.kind) + _SUBRESOURCES.get(self.verb, "")
        # A namespace itself is asked for in its own, where a Role can grant it.
        space = self.name if self.kind == "Namespace" and self.name else self.namespace
        group = self.api_version.rpartition("/")[0]
        name = "" if self.verb == "create" else self.name
        return tuple(Right(verb, group, resource, space, name) for verb in verbs)


@dataclass(frozen=True, slots=True)
class ExecCall:
    """One command that a container was asked to run."""

    namespace: str
    pod: str
    container: str
    argv: tuple[str, ...]
    stdin: str | None


@dataclass(slots=True)
class Fault:
    """The next `times` calls of a verb ("*" for any) raise `error`."""

    verb: str
    kind: str | None
    error: Exception
    times: int


@dataclass(slots=True)
class Troubles:
    """Every fault and denial that is still to come; `granted` is all that is allowed, None for
    everything that is not denied."""

    faults: list[Fault] = field(default_factory=list)
    denied: set[tuple[str, str]] = field(default_factory=set)
    granted: frozenset[Right] | None = None

    def strike(self, request: Request, *, creates: bool = False) -> None:
        """Raise what was announced for this request."""
        for fault in self.faults:
            if fault.verb in ("*", request.verb) and fault.kind in (None, request.kind):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                raise fault.error
        lacking = [r for r in request.rights(creates=creates) if not self.grants(r)]
        if (request.verb, request.kind) in self.denied or lacking:
            verb = lacking[0].verb if lacking else request.verb
            where = f' in the namespace "{request.namespace}"' if request.namespace else ""
            raise Forbidden(
                f'{plural_of(request.kind)} is forbidden: User "memory" cannot {verb} '
                f"resource{where}"
            )

    def missing(self, rights: Iterable[Right]) -> tuple[Right, ...]:
        """Those that an access review would deny."""
        return tuple(dict.fromkeys(r for r in rights if not self.grants(r) or self._denies(r)))

    def _denies(self, right: Right) -> bool:
        return any(
            (right.verb, right.resource) == (each.verb, each.resource)
            for verb, kind in self.denied
            for each in Request(verb, kind).rights(creates=False)
        )

    def grants(self, right: Right) -> bool:
        """Tell whether a Role or a ClusterRole with what was granted would."""
        if self.granted is None:
            return True
        return any(
            (g.verb, g.group, g.resource) == (right.verb, right.group, right.resource)
            and g.namespace in (None, right.namespace)
            and g.name in ("", right.name)
            for g in self.granted
        )
