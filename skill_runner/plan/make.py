"""Skill and inputs in, ordered steps out, without asking a cluster."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from skill_runner.errors import SkillFileError, UsageError
from skill_runner.objects import is_cluster_scoped
from skill_runner.plan.digest import _content, digest_of
from skill_runner.plan.names import context
from skill_runner.plan.placement import fault_of, flatten, placed
from skill_runner.plan.types import (
    ImageChoice,
    Installation,
    Manifest,
    Plan,
    PlannedAdmits,
    PlannedApply,
    PlannedHook,
    PlannedImage,
    PlannedRelease,
    PlannedStep,
    PlannedWait,
)
from skill_runner.plan.wanted import filled
from skill_runner.policy.makes import Makes
from skill_runner.skill.model import (
    EXACT_VERSION,
    Admission,
    AdmitsStep,
    ApplyStep,
    Check,
    HookRight,
    ImageStep,
    Proof,
    ReleaseStep,
    Skill,
    Step,
    WaitRule,
    WaitStep,
    WebPages,
)
from skill_runner.skill.shipped import shared_chart
from skill_runner.skill.templating import evaluate, read_yaml, render_data, render_yaml

# A StatefulSet's pods carry a label of its name and an 11-character hash, in 63 characters; a
# chart adds a word of its own to the name.
MAX_NAME: Final = 40
_MAX_RELEASE: Final = 53  # Helm's own bound
_DNS_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def make_plan(
    skill: Skill,
    installation: Installation,
    inputs: Mapping[str, Any],
    images: Mapping[str, ImageChoice],
    requires: Mapping[str, Mapping[str, Any]],
    edges: Mapping[str, str] | None = None,
    key: str = "",
) -> Plan:
    """The plan of a run. `requires` are the outputs of required installations, by alias, and
    `edges` which installations these are (namespace/name). `key` makes digests that tell nothing
    of secret inputs.

    Raises UsageError for an installation's name, SkillFileError for what does not render.
    """
    check_installation(installation)
    scope = context(skill, installation, inputs, images, requires)
    steps = _Steps(skill, installation, images, scope, key)
    planned = tuple(steps.plan(step) for step in skill.steps if steps.wanted(step))
    planned = (*_implicit_images(steps, planned), *planned)
    proofs = tuple(steps.proof(p) for p in skill.prove if steps.applies(p, "proof"))
    outputs = render_data(skill.outputs, scope, f"{steps.file}: outputs")
    let = {name: scope[name] for name in skill.let}
    return Plan(
        skill=skill,
        installation=installation,
        inputs=inputs,
        images=images,
        steps=planned,
        checks=tuple(steps.check(c) for c in skill.preflight if steps.applies(c, "check")),
        proofs=proofs,
        outputs=outputs,
        requires=requires,
        edges=edges or {},
        let=let,
        digest=digest_of(skill, installation, inputs, planned, proofs, outputs, requires, let, key),
        key=key,
        makes=_makes(skill, scope),
        rights=_rights(skill, scope),
    )


def _makes(skill: Skill, scope: Mapping[str, Any]) -> Makes | None:
    """The kinds that the skill declares to make, with the other namespaces that these inputs
    name."""
    if skill.declared is None:
        return None
    where = f"{skill.folder / 'skill.yaml'}: makes"
    rendered = [
        replace(each, namespaces=_names(each.namespaces, scope, where))
        for each in skill.declared.elsewhere
    ]
    return replace(skill.declared, elsewhere=tuple(rendered))


def _rights(skill: Skill, scope: Mapping[str, Any]) -> tuple[HookRight, ...]:
    """The rights of the skill's hooks, in the namespaces that these inputs name."""
    where, own = f"{skill.folder / 'skill.yaml'}: rights", scope["installation"]["namespace"]
    return tuple(
        replace(
            each,
            namespaces=_names(own if each.namespaces is None else each.namespaces, scope, where),
        )
        for each in skill.rights
    )


def _names(template: Any, scope: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """The namespaces of a template: a name, or a list of them."""
    names = render_data(template, scope, where)
    return tuple(str(name) for name in (names if isinstance(names, list) else [names]))


def check_installation(installation: Installation) -> None:
    """UsageError unless both names are DNS labels, short enough for the names made from them."""
    for what, name, longest in (
        ("the installation's name", installation.name, MAX_NAME),
        ("the namespace", installation.namespace, 63),
    ):
        if not _DNS_LABEL.fullmatch(name):
            raise UsageError(
                f"{what} {name!r} is not allowed",
                hint="Lower-case letters, digits and hyphens, beginning and ending with a letter "
                "or digit (RFC 1123).",
            )
        if len(name) > longest:
            raise UsageError(
                f"{what} {name!r} has {len(name)} characters, at most {longest} are allowed",
                hint="Names of releases, pods and labels are made from it.",
            )


@dataclass(frozen=True, slots=True)
class _Steps:
    """Turns the steps of one skill into planned ones, in one scope of names."""

    skill: Skill
    installation: Installation
    images: Mapping[str, ImageChoice]
    scope: Mapping[str, Any]
    key: str

    @property
    def file(self) -> str:
        return str(self.skill.folder / "skill.yaml")

    def wanted(self, step: Step) -> bool:
        return step.when is None or evaluate(step.when, self.scope, self._at(step, "when"))

    def applies(self, hook: Check | Proof, what: str) -> bool:
        where = f"{self.file}: {what} {hook.id}"
        return hook.when is None or bool(evaluate(hook.when, self.scope, where))

    def plan(self, step: Step) -> PlannedStep:
        if isinstance(step, ReleaseStep):
            return self._release(step)
        if isinstance(step, ApplyStep):
            return PlannedApply(
                id=step.id,
                manifests=self._manifests(step.manifest),
                wait=self._wait(step),
                timeout=step.timeout,
            )
        if isinstance(step, ImageStep):
            return self.image(step.id, self.images[step.image])
        if isinstance(step, WaitStep):
            return PlannedWait(id=step.id, wait=self._wait(step), timeout=step.timeout)
        if isinstance(step, AdmitsStep):
            where = self._at(step, "admits")
            return PlannedAdmits(
                id=step.id, admits=self._admission(step.admits, where), timeout=step.timeout
            )
        return PlannedHook(id=step.id, hook=step.hook, timeout=step.timeout, always=step.always)

    def check(self, check: Check) -> Check:
        """The check with its words rendered."""
        where = f"{self.file}: check {check.id}"
        refuse, hint = (render_data(each, self.scope, where) for each in (check.refuse, check.hint))
        return replace(check, refuse=str(refuse), hint=str(hint))

    def proof(self, proof: Proof) -> Proof:
        """The proof with its templates rendered."""
        where = f"{self.file}: proof {proof.id}"
        return replace(
            proof,
            admits=self._admission(proof.admits, f"{where}: admits") if proof.admits else None,
            web=self._pages(proof.web, f"{where}: web") if proof.web else None,
        )

    def _admission(self, asked: Admission, where: str) -> Admission:
        operator = str(render_data(asked.operator, self.scope, where))
        return replace(asked, operator=operator, objects=self._manifests(asked.manifest))

    def _pages(self, asked: WebPages, where: str) -> WebPages:
        pages = WebPages(**render_data(asdict(asked), self.scope, where))
        paths = pages.paths if isinstance(pages.paths, list | tuple) else [pages.paths]
        if not paths or not all(isinstance(path, str) and path[:1] == "/" for path in paths):
            raise SkillFileError(f"{where}: paths must be paths that begin with /; got {paths!r}")
        if not isinstance(pages.port, int):
            raise SkillFileError(f"{where}: port must be a number; got {pages.port!r}")
        return replace(pages, paths=tuple(paths))

    def image(self, step_id: str, choice: ImageChoice) -> PlannedImage:
        image = filled(self.skill.images[choice.name], self.skill, self.scope)
        recipe = str(self.skill.folder / image.recipe) if image.recipe else None
        return PlannedImage(id=step_id, choice=choice, recipe=recipe, application=image.application)

    def _release(self, step: ReleaseStep) -> PlannedRelease:
        name = render_data(step.release, self.scope, self._at(step, "release"))
        if not isinstance(name, str) or not _DNS_LABEL.fullmatch(name) or len(name) > _MAX_RELEASE:
            raise SkillFileError(
                f"{self._at(step, 'release')}: {name!r} is not a valid name for a Helm release: "
                f"a DNS label of at most {_MAX_RELEASE} characters"
            )
        chart = str(render_data(step.chart, self.scope, self._at(step, "chart")))
        if step.repo is None and not chart.startswith("oci://"):
            chart = str(shared_chart(chart) or (self.skill.folder / chart).absolute())
        return PlannedRelease(
            id=step.id,
            release=name,
            namespace=self.installation.namespace,
            chart=chart,
            values=self._values(step),
            repo=step.repo,
            version=self._version(step),
            wait=self._wait(step),
            timeout=step.timeout,
            key=self.key,
        )

    def _version(self, step: ReleaseStep) -> str | None:
        """The chart's version; UsageError when an input makes it a range."""
        if step.version is None:
            return None
        version = str(render_data(step.version, self.scope, self._at(step, "version")))
        if not EXACT_VERSION.fullmatch(version):
            raise UsageError(
                f"the chart version {version!r} of step {step.id} is no exact version",
                hint="A range changes without anyone's doing: name one, such as 1.2.3.",
            )
        return version

    def _values(self, step: ReleaseStep) -> Mapping[str, Any]:
        if step.values is None:
            return {}
        documents = self._documents(step.values)
        if not documents:
            return {}
        if len(documents) > 1 or not isinstance(documents[0], dict):
            raise SkillFileError(
                f"{self.skill.folder / step.values}: expected one mapping of Helm values"
            )
        return documents[0]

    def _manifests(self, file: str) -> tuple[Manifest, ...]:
        made = []
        for number, document in flatten(self._documents(file)):
            fault = fault_of(document)
            if fault:
                path = self.skill.folder / file
                raise SkillFileError(f"{path}: document {number}: {fault}")
            made.append(placed(document, self.installation.namespace, self.installation.name))
        return tuple(made)

    def _documents(self, file: str) -> tuple[Any, ...]:
        where, text = str(self.skill.folder / file), self.skill.texts[file]
        return (
            render_yaml(text, self.scope, where) if file.endswith(".j2") else read_yaml(text, where)
        )

    def _wait(self, step: ReleaseStep | ApplyStep | WaitStep) -> tuple[WaitRule, ...]:
        where = self._at(step, "wait")
        return tuple(
            replace(
                rule,
                name=str(render_data(rule.name, self.scope, where)),
                namespace=_placed_namespace(rule, self.installation, self.scope, where),
                value=render_data(rule.value, self.scope, where),
            )
            for rule in step.wait
        )

    def _at(self, step: Step, field_name: str) -> str:
        return f"{self.file}: step {step.id}: {field_name}"


def _placed_namespace(
    rule: WaitRule, installation: Installation, scope: Mapping[str, Any], where: str
) -> str | None:
    if rule.namespace is not None:
        return str(render_data(rule.namespace, scope, where))
    return None if is_cluster_scoped(rule.kind) else installation.namespace


def _implicit_images(maker: _Steps, steps: Sequence[PlannedStep]) -> tuple[PlannedImage, ...]:
    """Steps for the built images that charts and manifests name, and no step of the skill makes."""
    explicit = {step.choice.name for step in steps if isinstance(step, PlannedImage)}
    made = json.dumps([_content(step) for step in steps], default=str)
    return tuple(
        maker.image(f"image-{name}", choice)
        for name, choice in maker.images.items()
        if choice.source == "build" and name not in explicit and choice.repository in made
    )
