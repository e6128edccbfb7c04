"""A plan as frozen data: what a run would do, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from skill_runner.policy.makes import Makes
from skill_runner.skill.model import (
    Admission,
    Application,
    Check,
    HookRight,
    Proof,
    Skill,
    WaitRule,
)

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Installation:
    """The name and namespace of what a skill makes in a cluster."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @staticmethod
    def parse(text: str) -> Installation:
        """The installation of a text `namespace/name`."""
        namespace, _, name = text.partition("/")
        return Installation(namespace, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageChoice:
    """The image that a run uses: the official one, or one built from the skill's recipe.

    `ref` is what the pods name. `source` is `pull` (the cluster pulls it), or `build` (built from
    the recipe or the application's source, under a name of its own, and loaded or pushed). Of an
    application, `origin` is the folder it was built from, and `bases` the kind of its base images.
    `registry`, with its path, is where what was built is pushed; empty where it is loaded.
    """

    name: str
    ref: str
    source: Literal["pull", "build"]
    official: str
    origin: str = ""
    bases: str = ""
    registry: str = ""

    @property
    def is_given(self) -> bool:
        """Tell whether the caller named this image, in place of the skill's own."""
        return self.source == "pull" and self.ref != self.official

    @property
    def repository(self) -> str:
        """The reference without tag or digest."""
        head, _, tail = self.ref.partition("@")[0].rpartition(":")
        return head if head and "/" not in tail else self.ref.partition("@")[0]

    @property
    def tag(self) -> str:
        return self.ref.partition("@")[0].removeprefix(self.repository).removeprefix(":")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRelease:
    """A Helm release with its values; `chart` is an absolute folder or a remote name."""

    id: str
    release: str
    namespace: str
    chart: str
    values: Mapping[str, Any]
    repo: str | None = None
    version: str | None = None
    wait: tuple[WaitRule, ...] = ()
    timeout: float = 600.0
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedApply:
    id: str
    manifests: tuple[Manifest, ...]
    wait: tuple[WaitRule, ...] = ()
    timeout: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedImage:
    """Make `choice` available: nothing to do for a pull, build and load otherwise."""

    id: str
    choice: ImageChoice
    recipe: str | None
    application: Application | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWait:
    id: str
    wait: tuple[WaitRule, ...]
    timeout: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedHook:
    id: str
    hook: str
    timeout: float = 600.0
    always: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAdmits:
    id: str
    admits: Admission
    timeout: float = 600.0


PlannedStep = (
    PlannedRelease | PlannedApply | PlannedImage | PlannedWait | PlannedHook | PlannedAdmits
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything one run intends. `digest` changes when any of it does.

    `requires` are the outputs of required installations, `edges` their names, both by alias.
    `let` are the values of the names that the skill defines.
    `key` is that of its digests, where inputs are secret. `makes` is what the skill declares to
    make, and `allow_kinds` what the caller allows besides. `rights` are those of the skill's hooks,
    in the namespaces that the inputs name.
    """

    skill: Skill
    installation: Installation
    inputs: Mapping[str, Any]
    images: Mapping[str, ImageChoice]
    steps: tuple[PlannedStep, ...]
    proofs: tuple[Proof, ...]
    outputs: Mapping[str, Any]
    digest: str
    let: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    requires: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    edges: Mapping[str, str] = field(default_factory=dict)
    makes: Makes | None = None
    rights: tuple[HookRight, ...] = ()
    allow_kinds: tuple[str, ...] = ()
    key: str = field(default="", repr=False)

    @property
    def wait_rules(self) -> tuple[WaitRule, ...]:
        """The rules of all steps for what counts as ready."""
        return tuple(rule for step in self.steps for rule in getattr(step, "wait", ()))
