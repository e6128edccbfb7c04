"""The kinds of objects that a skill declares to make, and where: its `makes` in skill.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class MadeKind:
    """A kind, and which names of it: `*` stands for any text. Its version does not matter."""

    group: str
    kind: str
    name: str = "*"
    version: str = ""

    @staticmethod
    def parse(text: str) -> MadeKind:
        """The kind of a text such as `apps/v1 Deployment` or `v1 Secret app-*`."""
        api_version, kind, *name = text.split()
        group, _, version = api_version.rpartition("/")
        return MadeKind(group, kind, name[0] if name else "*", version)

    @staticmethod
    def of(manifest: Mapping[str, Any]) -> MadeKind:
        """The kind of one object, whatever its name."""
        group, _, version = str(manifest.get("apiVersion", "")).rpartition("/")
        return MadeKind(group, str(manifest.get("kind", "")), version=version)

    def covers(self, manifest: Mapping[str, Any]) -> bool:
        made = MadeKind.of(manifest)
        name = str((manifest.get("metadata") or {}).get("name", ""))
        same = (made.group, made.kind) == (self.group, self.kind)
        return same and fnmatchcase(name, self.name)

    @property
    def resource(self) -> str:
        """As --allow-kinds names it: `Secret`, `Deployment.apps`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    def __str__(self) -> str:
        api_version = f"{self.group}/{self.version}" if self.group else self.version
        return f"{api_version} {self.kind}" + ("" if self.name == "*" else f" {self.name}")


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Kinds that go into namespaces other than the installation's.

    `namespaces` is a template that gives a name or a list of them, until a plan renders it.
    """

    namespaces: Any
    kinds: tuple[MadeKind, ...]


@dataclass(frozen=True, slots=True)
class Makes:
    """The kinds that a skill declares: `here` in the installation's namespace, `cluster` without
    one."""

    here: tuple[MadeKind, ...] = ()
    cluster: tuple[MadeKind, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()

    def within(self, namespace: str) -> tuple[MadeKind, ...]:
        """The kinds of a rendered declaration that may go into another namespace."""
        return tuple(
            kind for each in self.elsewhere if namespace in each.namespaces for kind in each.kinds
        )

    def as_data(self) -> dict[str, Any]:
        """As skill.yaml says it, for `skill describe`."""
        data: dict[str, Any] = {
            "here": [str(kind) for kind in self.here],
            "cluster": [str(kind) for kind in self.cluster],
            "elsewhere": [
                {"namespaces": each.namespaces, "kinds": [str(kind) for kind in each.kinds]}
                for each in self.elsewhere
            ],
        }
        return {key: value for key, value in data.items() if value}


def is_named(manifest: Mapping[str, Any], kinds: Iterable[str]) -> bool:
    """Tell whether a caller's --allow-kinds (`Secret`, `Deployment.apps`) names an object's
    kind."""
    made = MadeKind.of(manifest)
    return made.resource in kinds or made.kind in kinds
