"""Commands that a caller may run next, with the names that its installation has."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from skill_runner.outcome import Code, NextAction, Problem

PAGES = "docs/reference/problems"
# What stands for the subject in a command until `concrete` names it.
SKILL = "{skill}"
NAME = "{name}"
SPACE = "{namespace}"

WHICH_IMAGE: Final = (f"skill describe {SKILL}", "see which input sets the image")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whose problem it is: an installation of a skill, a plain Helm release, or a namespace.

    `kubeconfig` and `context` are set where a command has to name them to reach this cluster;
    `image_given` where the caller named an image, which no recipe builds.
    """

    namespace: str
    skill: str = ""
    name: str = ""
    release: str = ""
    kubeconfig: str = ""
    context: str = ""
    image_given: bool = False


def page_of(code: Code) -> str:
    """The page that says what a code means and how to fix it."""
    return f"{PAGES}/{code}.md"


def concrete(problem: Problem, subject: Subject) -> Problem:
    """The problem with commands that name their subject and reach its cluster; those that make no
    sense for the subject are left out."""
    return replace(problem, next=tuple(_concrete(problem.next, subject)))


def _concrete(actions: tuple[NextAction, ...], subject: Subject) -> Iterator[NextAction]:
    for action in actions:
        run, why = action.run, action.why
        if subject.image_given and "--images build" in run:
            run, why = WHICH_IMAGE
        if "{" in run and not subject.skill:
            if not (subject.release and run.startswith("skill describe")):
                continue
            run = f"helm get values {subject.release} -n {subject.namespace} --all"
            why = why.replace("which input sets", "which value sets")
        for mark, word in (
            (SKILL, subject.skill),
            (NAME, subject.name),
            (SPACE, subject.namespace),
        ):
            run = run.replace(mark, word)
        yield replace(action, run=_on_cluster(run, subject), why=why)


def _on_cluster(run: str, subject: Subject) -> str:
    """The command with the flags that name the cluster, where they are needed."""
    tool, _, rest = run.partition(" ")
    if rest.startswith(("describe", "validate", "list")) and tool == "skill":
        return run
    if "--context" in run or "--kube-context" in run:
        return run
    flags = []
    if subject.kubeconfig:
        flags += ["--kubeconfig", shlex.quote(subject.kubeconfig)]
    if subject.context:
        name = "--kube-context" if tool == "helm" else "--context"
        flags += [name, shlex.quote(subject.context)]
    if not flags or tool not in ("skill", "kubectl", "helm"):
        return run
    return " ".join([tool, *flags, rest] if tool == "kubectl" else [run, *flags])
