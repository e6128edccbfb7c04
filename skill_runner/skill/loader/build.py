"""A checked skill.yaml into the frozen Skill; nothing here can fail."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from skill_runner.policy.exceptions import PolicyException
from skill_runner.policy.makes import Elsewhere, MadeKind, Makes
from skill_runner.skill.let import in_order
from skill_runner.skill.loader.checks import is_remote
from skill_runner.skill.loader.files import digest, find, read_text
from skill_runner.skill.loader.source import Source, step_kind
from skill_runner.skill.loader.templates import alias_of, template_files
from skill_runner.skill.model import (
    MISSING,
    Admission,
    AdmitsStep,
    Application,
    ApplyStep,
    Check,
    FailureOverride,
    HookRight,
    HookStep,
    Image,
    ImageStep,
    Input,
    Proof,
    ReleaseStep,
    Requirement,
    Skill,
    Step,
    WaitRule,
    WaitStep,
    WebPages,
)
from skill_runner.skill.shipped import shared_chart

_STEP_TIMEOUT: Final = 600.0
_CHECK_TIMEOUT: Final = 60.0
_PROOF_TIMEOUT: Final = 180.0
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0}

Data = Mapping[str, Any]


def build_skill(source: Source) -> Skill:
    """The Skill that a source without problems describes."""
    data = source.data
    return Skill(
        name=data["name"],
        version=data["version"],
        summary=data["summary"],
        use_when=data["use_when"],
        folder=source.folder.absolute(),
        do_not_use_when=data.get("do_not_use_when", ""),
        inputs={name: _input(name, entry) for name, entry in data["inputs"].items()},
        let=in_order(source.let),
        requires=tuple(_requirement(entry) for entry in data.get("requires", ())),
        images={name: _image(name, entry) for name, entry in data.get("images", {}).items()},
        preflight=tuple(_check(entry) for entry in data.get("preflight", ())),
        steps=tuple(_step(entry) for entry in data["steps"]),
        prove=tuple(_proof(entry) for entry in data.get("prove", ())),
        outputs=data.get("outputs", {}),
        on_failure=data.get("on_failure", "keep"),
        policy_exceptions=tuple(PolicyException(**e) for e in data.get("policy_exceptions", ())),
        failure_policy=tuple(
            FailureOverride(reason=e["reason"], budget=seconds(e["budget"]), why=e["why"])
            for e in data.get("failure_policy", ())
        ),
        rights=tuple(_right(entry) for entry in data.get("rights", ())),
        stability=float(data.get("stability", 3.0)),
        takes=data.get("takes", ""),
        problems=data.get("problems", {}),
        hook_says={name: hook.says for name, hook in source.hooks.items() if hook.says},
        makes=_makes(source.folder, data),
        declared=_declared(data["makes"]) if "makes" in data else None,
        texts={name: read_text(source.folder, name) for _, name in template_files(source)},
        digests=_digests(source.folder, data),
    )


def seconds(duration: str | float) -> float:
    """Seconds of a duration such as 90, "90s", "10m", "1h30m"."""
    if isinstance(duration, int | float):
        return float(duration)
    parts = re.findall(r"(?<![0-9])([0-9]+)([hms])", duration)
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


def _input(name: str, entry: Data) -> Input:
    return Input(
        name=name,
        schema={key: value for key, value in entry.items() if key != "change"},
        default=entry.get("default", MISSING),
        description=entry["description"],
        change=entry.get("change", "free"),
    )


def _image(name: str, entry: Data) -> Image:
    if "source" not in entry:
        return Image(name=name, ref=entry["ref"], recipe=entry.get("recipe"))
    application = Application(
        source=entry["source"],
        framework=entry["framework"],
        name=entry.get("name", ""),
        settings=entry.get("settings", {}),
    )
    return Image(name=name, application=application)


def _requirement(entry: Data) -> Requirement:
    return Requirement(
        skill=entry["skill"],
        alias=alias_of(entry),
        when=entry.get("when"),
        inputs=entry.get("with", {}),
    )


def _wait(entry: Data) -> tuple[WaitRule, ...]:
    return tuple(
        WaitRule(
            api_version=rule["apiVersion"],
            kind=rule["kind"],
            name=rule["name"],
            namespace=rule.get("namespace"),
            condition=rule.get("condition"),
            jsonpath=rule.get("jsonpath"),
            value=rule.get("value"),
            skip=rule.get("skip"),
        )
        for rule in entry.get("wait", ())
    )


def _step(entry: Data) -> Step:
    name, when = entry["id"], entry.get("when")
    timeout = seconds(entry.get("timeout", _STEP_TIMEOUT))
    kind = step_kind(entry)
    if kind == "release":
        return ReleaseStep(
            id=name,
            release=entry["release"],
            chart=entry["chart"],
            repo=entry.get("repo"),
            version=entry.get("version"),
            values=entry.get("values"),
            when=when,
            wait=_wait(entry),
            timeout=timeout,
        )
    if kind == "apply":
        return ApplyStep(
            id=name, manifest=entry["apply"], when=when, wait=_wait(entry), timeout=timeout
        )
    if kind == "image":
        return ImageStep(id=name, image=entry["image"], when=when)
    if kind == "admits":
        return AdmitsStep(id=name, admits=_admission(entry), when=when, timeout=timeout)
    if kind == "hook":
        return HookStep(
            id=name,
            hook=entry["hook"],
            when=when,
            timeout=timeout,
            always=entry.get("always", False),
        )
    return WaitStep(id=name, wait=_wait(entry), when=when, timeout=timeout)


def _check(entry: Data) -> Check:
    return Check(
        id=entry["id"],
        hook=entry.get("hook", ""),
        when=entry.get("when"),
        timeout=seconds(entry.get("timeout", _CHECK_TIMEOUT)),
        refuse=entry.get("refuse", ""),
        hint=entry.get("hint", ""),
    )


def _proof(entry: Data) -> Proof:
    return Proof(
        id=entry["id"],
        kind=entry["kind"],
        hook=entry.get("hook", ""),
        when=entry.get("when"),
        timeout=seconds(entry.get("timeout", _PROOF_TIMEOUT)),
        admits=_admission(entry) if "admits" in entry else None,
        web=_pages(entry["web"]) if "web" in entry else None,
    )


def _admission(entry: Data) -> Admission:
    given = entry["admits"]
    return Admission(manifest=given["manifest"], operator=given.get("operator", ""))


def _pages(entry: Data) -> WebPages:
    paths = entry["paths"]
    return WebPages(**{**entry, "paths": paths if isinstance(paths, str) else tuple(paths)})


def _digests(folder: Path, data: Data) -> dict[str, str]:
    names = [image["recipe"] for image in data.get("images", {}).values() if "recipe" in image]
    names.extend(
        step["chart"]
        for step in data["steps"]
        if "chart" in step and not is_remote(step["chart"], step.get("repo"))
    )
    if (folder / "hooks.py").is_file():
        names.append("hooks.py")
    return {name: _digest_of(folder, name) for name in names}


def _declared(entry: Data) -> Makes:
    return Makes(
        here=_kinds(entry.get("here", ())),
        cluster=_kinds(entry.get("cluster", ())),
        elsewhere=tuple(
            Elsewhere(each["namespaces"], _kinds(each["kinds"]))
            for each in entry.get("elsewhere", ())
        ),
    )


def _kinds(texts: Sequence[str]) -> tuple[MadeKind, ...]:
    return tuple(MadeKind.parse(text) for text in texts)


def _right(data: Data) -> HookRight:
    return HookRight(
        group=data.get("group", ""),
        resources=tuple(data["resources"]),
        verbs=tuple(data["verbs"]),
        why=data["why"],
        everywhere=data.get("everywhere", False),
        namespaces=data.get("namespaces"),
        observe=data.get("observe", False),
        remove=data.get("remove", False),
    )


def _makes(folder: Path, data: Data) -> tuple[str, ...]:
    """The kinds in manifests and local charts, as they are written: whatever an input chooses."""
    found: set[str] = set()
    for step in data["steps"]:
        files = [find(folder, step["apply"])] if "apply" in step else []
        if "chart" in step and not is_remote(step["chart"], step.get("repo")):
            chart = shared_chart(step["chart"]) or folder / step["chart"]
            files = sorted((chart / "templates").rglob("*.yaml"))
        for file in files:
            for document in re.split(r"^---", file.read_text("utf-8"), flags=re.M):
                of = dict(
                    re.findall(r"^(apiVersion|kind):[ ]*([A-Za-z0-9./]+)[ ]*$", document, re.M)
                )
                if len(of) == 2:
                    found.add(f"{of['apiVersion']} {of['kind']}")
    return tuple(sorted(found))


def _digest_of(folder: Path, name: str) -> str:
    shared = shared_chart(name)
    return digest(shared.parent, shared.name) if shared else digest(folder, name)
