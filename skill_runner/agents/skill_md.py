"""A skill's SKILL.md, generated from what its skill.yaml says (agentskills.io, specification)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import jinja2

from skill_runner.actions.describe import change_of, effects, explained, type_of
from skill_runner.skill.model import MISSING, Input, Proof, Skill
from skill_runner.skill.schema import shown
from skill_runner.skill.shipped import shipped

FILE: Final = "SKILL.md"
MAX_DESCRIPTION: Final = 1024  # characters; the specification's
MAX_LINES: Final = 200  # some agents stop reading near line 220

EXITS: Final[Mapping[int, str]] = {
    0: "works",
    1: "failed, see `problem`",
    2: "wrong usage or input",
    3: "refused before anything was touched",
    4: "no cluster answers, or it forbids",
    5: "not ready in time",
    6: "refused",
    7: "another run holds the lock",
    70: "a bug",
    130: "interrupted, run again",
}

# What goes wrong most, for any skill; a skill's own rows (`problems:`) come first.
_COMMON: Final[Mapping[str, str]] = {
    "CAPACITY": "no node has the room; lower the requests by an input, or use a larger cluster.",
    "IMAGE_NOT_FOUND": "correct the image's name or tag, or leave the input out.",
    "REGISTRY_UNREACHABLE": "the nodes reach no registry; `--images build` builds where there is "
    "a recipe.",
    "VOLUME_UNBOUND": "name a StorageClass that exists, or give the cluster a default one.",
    "NOT_READY_IN_TIME": "run the same command again; it goes on waiting.",
    "REFUSED": "what is asked for must be named or changed; `problem.cause` says which.",
    "LOCKED": "another run works on it; wait, then run again.",
}
_MOST: Final = 8


def skill_markdown(skill: Skill) -> str:
    """The whole text of a skill's SKILL.md; the same skill always gives the same text."""
    folder = shipped("templates") / "agents"
    return _template(folder, "SKILL.md.j2").render(
        name=skill.name,
        version=skill.version,
        description=description(skill),
        takes=_lower_first(skill.takes),
        required="".join(f" --set {i.name}=…" for i in skill.inputs.values() if i.required),
        inputs=[_row(each) for each in skill.inputs.values()],
        effects=effects(skill),
        requires=", ".join(
            each.skill + (f" (when {explained(skill, each.when)})" if each.when else "")
            for each in skill.requires
        ),
        proofs=[_proof(each, skill) for each in skill.prove if each.kind != "drill"],
        outputs=", ".join(f"`{name}`" for name in skill.outputs),
        exits="; ".join(f"{code} {words}" for code, words in EXITS.items()),
        problems=list(_problems(skill)),
    )


def description(skill: Skill) -> str:
    """Say what it does, then when to use it: agents choose by this text, and may cut its end."""
    text = f"{_sentence(skill.summary)} Use when {_lower_first(_sentence(skill.use_when))}"
    if skill.do_not_use_when:
        text += f" Not when {_lower_first(_sentence(skill.do_not_use_when))}"
    text = " ".join(text.replace("<", "(").replace(">", ")").split())
    return text if len(text) <= MAX_DESCRIPTION else text[: MAX_DESCRIPTION - 1] + "…"


def _template(folder: Path, name: str) -> jinja2.Template:
    environment = jinja2.Environment(  # Markdown, of our own template and no one's input
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701
    )
    return environment.get_template(name)


def _row(each: Input) -> dict[str, str]:
    plain = isinstance(each.default, str) and each.default
    given = f"`{each.default if plain else shown(each.default)}`"
    default = "required" if each.default is MISSING else given
    meaning = each.description
    if each.change != "free":
        meaning = f"{_sentence(meaning)} {change_of(each).capitalize()}."
    kind = "secret" if each.secret else type_of(each.schema)
    row = {"name": f"`{each.name}`", "type": kind, "default": default, "meaning": meaning}
    return {key: " ".join(text.replace("|", "\\|").split()) for key, text in row.items()}


def _proof(proof: Proof, skill: Skill) -> str:
    says = skill.says(proof)
    return f"proves ({proof.id}): {says.rstrip('.')}" if says else f"proves: {proof.id}"


def _problems(skill: Skill) -> Iterator[dict[str, str]]:
    rows = {**skill.problems, **{c: r for c, r in _COMMON.items() if c not in skill.problems}}
    for code, remedy in list(rows.items())[:_MOST]:
        yield {"code": code, "remedy": remedy}


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _lower_first(text: str) -> str:
    """A sentence as the rest of another; an abbreviation keeps its capitals."""
    if len(text) > 1 and text[1].isupper():
        return text
    return text[:1].lower() + text[1:]
