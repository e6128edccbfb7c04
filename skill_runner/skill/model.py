"""A skill as frozen data: what `skill.yaml` says, once, for everything downstream."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from skill_runner.policy.exceptions import PolicyException
from skill_runner.policy.makes import Makes

SCHEMA_VERSION: Final = 1
EXACT_VERSION: Final = re.compile(r"v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")

Change = Literal["free", "grow", "refuse"]
ProofKind = Literal["observe", "probe", "drill"]
OnFailure = Literal["keep", "rollback", "remove"]


class _Missing:
    """The type of MISSING: an input without a default."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input: a JSON Schema 2020-12 property, and what an existing installation lets you do."""

    name: str
    schema: Mapping[str, Any]
    default: Any = MISSING
    description: str = ""
    change: Change = "free"

    @property
    def required(self) -> bool:
        return self.default is MISSING

    @property
    def secret(self) -> bool:
        """Never shown, logged or recorded: its schema says `writeOnly: true`."""
        return bool(self.schema.get("writeOnly"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A folder of the caller's that an image is built from. Texts may hold templates.

    `name` is what the image is called; `settings` are those of the framework's build.
    """

    source: str
    framework: str
    name: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An official image, and the folder (inside the skill's) of a recipe that makes the same.

    Or, without a `ref`, an application that is built from the caller's source.
    """

    name: str
    ref: str = ""
    recipe: str | None = None
    application: Application | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitRule:
    """A condition that one object must show before it counts as ready, or why nobody waits for it.

    `condition` names a condition that must be True; `jsonpath` and `value` a field and what it
    must equal; `skip` is the reason for leaving the object out. Strings may hold templates.
    """

    api_version: str
    kind: str
    name: str
    namespace: str | None = None
    condition: str | None = None
    jsonpath: str | None = None
    value: Any = None
    skip: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Objects that the API server must admit in a dry run; nothing is made.

    `manifest` is a file in the skill, and `objects` are its documents, in a plan. `operator` is the
    Deployment that looks after such objects, by name or label selector; it must be ready.
    """

    manifest: str
    operator: str = ""
    objects: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPages:
    """The pages that a Service must serve, inside the cluster, outside, and in a browser.

    `service` is the name of Service, Deployment and label; `image` the one of `images` whose pod
    asks from inside; `root` the path below which everything is. Values may be templates until a
    plan renders them.
    """

    image: str
    port: int | str
    paths: tuple[str, ...] | str
    service: str = "{{ installation.name }}"
    text: str = ""
    heading: str = ""
    root: str = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseStep:
    """Install or upgrade one Helm release.

    `chart` is a folder in the skill, a remote name, or a template of either or of an absolute path.
    """

    id: str
    release: str
    chart: str
    repo: str | None = None
    version: str | None = None
    values: str | None = None
    when: str | None = None
    wait: tuple[WaitRule, ...] = ()
    timeout: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyStep:
    """Server-side apply the documents of one manifest template."""

    id: str
    manifest: str
    when: str | None = None
    wait: tuple[WaitRule, ...] = ()
    timeout: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageStep:
    """Make one image of the skill's available to the cluster."""

    id: str
    image: str
    when: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitStep:
    """Wait for objects that this skill did not make."""

    id: str
    wait: tuple[WaitRule, ...]
    when: str | None = None
    timeout: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HookStep:
    """Call a function of the skill's hooks.py.

    With `always` in every run: it looks at the cluster itself, writes only what differs, and
    answers in words when it wrote.
    """

    id: str
    hook: str
    when: str | None = None
    timeout: float = 600.0
    always: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmitsStep:
    """Wait until the API server would admit objects."""

    id: str
    admits: Admission
    when: str | None = None
    timeout: float = 600.0


Step = ReleaseStep | ApplyStep | ImageStep | WaitStep | HookStep | AdmitsStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A hook that only reads, called before the first change; its GiveUp refuses the run.

    Or words that refuse it, and a `hint`, where `when` is true: templates, until a plan renders
    them.
    """

    id: str
    hook: str = ""
    when: str | None = None
    timeout: float = 60.0
    refuse: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A functional proof. observe: only reads; probe: cleans up after itself; drill: disturbs.

    It is exactly one of a hook, an admission, and pages.
    """

    id: str
    kind: ProofKind
    hook: str = ""
    when: str | None = None
    timeout: float = 180.0
    admits: Admission | None = None
    web: WebPages | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """Another skill that must be ready first; its outputs are read as requires.<alias>.<output>.

    `inputs` are what `with:` asks of it: templates, until a plan renders them.
    """

    skill: str
    alias: str
    when: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRight:
    """The rights of hooks.py beyond pods and objects of the installation, in RBAC's words, and why.

    `everywhere`: in all namespaces, or on cluster-scoped resources. `namespaces` is a template that
    gives a name or a list of them, until a plan renders it; without it, the installation's.
    With `observe` nothing is written by them, and proofs of that kind need them. With `remove` no
    hook uses them: they are those to take away what a hook made that no manifest tells of.
    """

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    why: str
    everywhere: bool = False
    namespaces: Any = None
    observe: bool = False
    remove: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureOverride:
    """A row of the failure policy that this skill changes (see diagnose), and why.

    `budget` is in seconds: how long the reason may last before it is terminal.
    """

    reason: str
    budget: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """One folder, read and checked.

    `let` are the templates of the names that it defines, each after those that it reads;
    `problems` are codes of problems with what to do about them in this skill; `hook_says` what the
    functions of hooks.py do, by their docstrings; `makes` the kinds in its manifests and in charts
    that are at hand, as "apps/v1 Deployment"; `declared` those that it says it makes, and nothing
    else may be made (None: it says nothing). `texts` are the files that a plan is made from,
    values and manifests, by their path in the folder; `digests` those of what Helm and builders
    read themselves: charts, recipes, hooks.py.
    """

    name: str
    version: str
    summary: str
    use_when: str
    folder: Path
    do_not_use_when: str = ""
    inputs: Mapping[str, Input] = field(default_factory=dict)
    let: Mapping[str, Any] = field(default_factory=dict)
    requires: tuple[Requirement, ...] = ()
    images: Mapping[str, Image] = field(default_factory=dict)
    preflight: tuple[Check, ...] = ()
    steps: tuple[Step, ...] = ()
    prove: tuple[Proof, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    on_failure: OnFailure = "keep"
    policy_exceptions: tuple[PolicyException, ...] = ()
    failure_policy: tuple[FailureOverride, ...] = ()
    rights: tuple[HookRight, ...] = ()
    stability: float = 3.0
    takes: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)
    hook_says: Mapping[str, str] = field(default_factory=dict)
    makes: tuple[str, ...] = ()
    declared: Makes | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def hooks_file(self) -> Path:
        return self.folder / "hooks.py"

    def says(self, proof: Proof) -> str:
        """Return what a proof does, in a sentence; empty when its hook has no docstring."""
        if proof.admits is not None:
            return f"The API server admits {proof.admits.manifest} in a dry run: nothing is made."
        if proof.web is not None:
            return (
                "Opens the pages inside and outside the cluster, their assets, a missing page, and"
                " a browser, which must show the heading without an error and follow a link."
            )
        return self.hook_says.get(proof.hook, "")
