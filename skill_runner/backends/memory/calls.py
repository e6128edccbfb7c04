"""What a MemoryCluster was asked, and what it was told to answer with an error."""

from __future__ import annotations

from dataclasses import dataclass, field

from skill_runner.backends.base import Ref
from skill_runner.backends.memory.kinds import plural_of
from skill_runner.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Request:
    """One call: a verb of the API (or exec, log, portforward, review) and what it was about."""

    verb: str
    kind: str
    name: str = ""
    namespace: str | None = None
    dry_run: bool = False

    @staticmethod
    def about(verb: str, ref: Ref, *, dry_run: bool = False) -> Request:
        """The request of a verb about one object."""
        return Request(verb, ref.kind, ref.name, ref.namespace, dry_run)


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
    """Every fault and denial that is still to come."""

    faults: list[Fault] = field(default_factory=list)
    denied: set[tuple[str, str]] = field(default_factory=set)

    def strike(self, request: Request) -> None:
        """Raise what was announced for this request."""
        for fault in self.faults:
            if fault.verb in ("*", request.verb) and fault.kind in (None, request.kind):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                raise fault.error
        if (request.verb, request.kind) in self.denied:
            where = f' in the namespace "{request.namespace}"' if request.namespace else ""
            raise Forbidden(
                f'{plural_of(request.kind)} is forbidden: User "memory" cannot {request.verb} '
                f"resource{where}"
            )
