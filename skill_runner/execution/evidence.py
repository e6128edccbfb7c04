"""Collect what a diagnosis and a person need, redacted, before anything is rolled back.

Everything goes into the run's folder; the few lines that matter are returned. All of it is text
from the cluster: data without control characters, ANSI codes and secret values, never instructions.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import yaml

from skill_runner.backends.base import Cluster
from skill_runner.errors import SkillError
from skill_runner.objects import Object, Ref, at
from skill_runner.outcome import Problem
from skill_runner.readiness.diagnosis.text import LOG_OF, bounded, squeeze, telling_line
from skill_runner.readiness.wait import Suspect
from skill_runner.text.redact import Redactor, strip_control

TAIL: Final = 30  # log lines of a container, and of its previous instance
MOST: Final = 8  # suspects
ESSENTIAL: Final = 3  # log lines for the outcome
WIDTH: Final = 300
LINES: Final = 8  # of evidence in an outcome
LONG_VALUE: Final = 12  # characters from which any value of a Secret is taken for a secret
_SENSITIVE: Final = re.compile(r"pass|pwd|token|secret|key|cred|auth|private|dsn|ur[il]|conn", re.I)


async def collect(
    cluster: Cluster, suspects: Sequence[Suspect], folder: Path, redactor: Redactor
) -> tuple[str, ...]:
    """Objects, events and logs of the suspects into `folder`; the last telling log lines of the
    first that has any, each as "log of POD CONTAINER: …"."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    chosen = suspects[:MOST]
    redactor.add(await _secret_values(cluster, chosen))
    essential: list[str] = []
    for suspect in chosen:
        name = f"{suspect.ref.kind}-{suspect.ref.name}".lower()
        await _keep_object(cluster, suspect.ref, folder / f"{name}.yaml", redactor)
        await _keep_events(cluster, suspect.ref, folder / f"{name}.events.txt", redactor)
        if suspect.ref.kind == "Pod" and suspect.container:
            lines = await _keep_logs(cluster, suspect, folder, redactor)
            who = f"{suspect.ref.name} {suspect.container}"
            essential = essential or list(_essential(who, lines))
    return tuple(essential)


def with_words(problem: Problem, lines: Sequence[str]) -> Problem:
    """The problem with log lines in its evidence, where it has none yet."""
    if any(line.startswith(LOG_OF) for line in problem.evidence):
        return problem
    return replace(problem, evidence=(*problem.evidence, *lines)[:LINES])


def _essential(who: str, lines: Sequence[str]) -> Iterator[str]:
    last = list(dict.fromkeys(lines))[-ESSENTIAL:]
    told = telling_line("\n".join(lines))
    for line in last if not told or told in last else (told, *last[1:]):
        yield f"{LOG_OF} {who}: {squeeze(line.strip(), WIDTH)}"


async def _secret_values(cluster: Cluster, suspects: Sequence[Suspect]) -> set[str]:
    """The values of the Secrets that the suspected pods are given: they may have printed them."""
    refs: set[Ref] = set()
    for ref in {s.ref for s in suspects if s.ref.kind == "Pod"}:
        try:
            pod = await cluster.get(ref)
        except SkillError:
            continue
        refs |= {Ref("v1", "Secret", n, ref.namespace) for n in secrets_of(pod)}
    found: set[str] = set()
    for secret in refs:
        try:
            data = (await cluster.get(secret)).get("data") or {}
        except SkillError:
            continue  # who may not read it cannot know it either
        for key, coded in data.items():
            value = _decoded(coded)
            # A user's or a database's name in a Secret is an ordinary word elsewhere.
            if _SENSITIVE.search(key) or len(value) >= LONG_VALUE:
                found |= {value, *(x.strip() for x in value.splitlines()[:50] if len(x) > 7)}
    return found


def secrets_of(pod: Object) -> Iterator[str]:
    """The names of the Secrets that a pod mounts or takes its environment from."""
    for volume in at(pod, "spec.volumes", []):
        yield from filter(None, [at(volume, "secret.secretName")])
        for source in at(volume, "projected.sources", []):
            yield from filter(None, [at(source, "secret.name")])
    for part in ("initContainers", "containers"):
        for container in at(pod, f"spec.{part}", []):
            for source in container.get("envFrom") or []:
                yield from filter(None, [at(source, "secretRef.name")])
            for variable in container.get("env") or []:
                yield from filter(None, [at(variable, "valueFrom.secretKeyRef.name")])


def _decoded(value: Any) -> str:
    """One value of a Secret as text; empty for what is not text, which no log shows."""
    try:
        return base64.b64decode(str(value), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


async def _keep_object(cluster: Cluster, ref: Ref, path: Path, redactor: Redactor) -> None:
    try:
        found = await cluster.get(ref)
    except SkillError as error:
        path.write_text(f"# {error.message}\n")
        return
    shown = {**found, "metadata": {**found["metadata"], "managedFields": None}}
    if ref.kind == "Secret":
        shown = {k: v for k, v in shown.items() if k not in ("data", "stringData")}
    path.write_text(yaml.safe_dump(redactor.data(shown), sort_keys=False))


async def _keep_events(cluster: Cluster, ref: Ref, path: Path, redactor: Redactor) -> None:
    fields = f"involvedObject.kind={ref.kind},involvedObject.name={ref.name}"
    try:
        found = await cluster.list("v1", "Event", namespace=ref.namespace, fields=fields)
    except SkillError as error:
        path.write_text(f"# {error.message}\n")
        return
    lines = [_event_line(event) for event in sorted(found.items, key=_when)]
    path.write_text(redactor.text(strip_control("\n".join(lines))) + "\n")


def _when(event: Object) -> str:
    meta: dict[str, Any] = event.get("metadata") or {}
    return str(
        event.get("lastTimestamp") or event.get("eventTime") or meta.get("creationTimestamp")
    )


def _event_line(event: Object) -> str:
    times = event.get("count") or 1
    message = str(event.get("message", "")).replace("\n", " ")
    return f"{_when(event)} {event.get('type')} {event.get('reason')} (x{times}): {message}"


async def _keep_logs(
    cluster: Cluster, suspect: Suspect, folder: Path, redactor: Redactor
) -> list[str]:
    """The lines of the instance that failed: the previous one where there is one."""
    telling: list[str] = []
    for previous in (False, True):
        try:
            text = await cluster.logs(
                str(suspect.ref.namespace),
                suspect.ref.name,
                suspect.container,
                previous=previous,
                tail=TAIL,
            )
        except SkillError:
            continue
        clean = redactor.text(strip_control(bounded(text)))
        kind = "previous." if previous else ""
        path = folder / f"pod-{suspect.ref.name}.{suspect.container}.{kind}log"
        path.write_text(clean + "\n")
        telling = [line for line in clean.splitlines() if line.strip()] or telling
    return telling
