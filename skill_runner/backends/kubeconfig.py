"""Read the contexts that a kubeconfig names, without the Kubernetes client, to choose a cluster.

Credentials are not looked at here. As with kubectl, KUBECONFIG may name several files; of two
entries with one name the first counts (clientcmd's rules of merging).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from skill_runner.backends.base import Target
from skill_runner.errors import ClusterUnreachable, Refused, UsageError


@dataclass(frozen=True, slots=True)
class Context:
    """One context: its cluster's server, and the namespace that it prefers; with the proxy and the
    name in the server's certificate, where the cluster's entry names them."""

    name: str
    server: str
    namespace: str = "default"
    user: str = ""
    proxy: str = ""
    tls_server_name: str = ""


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The content of one or several files together; `path` is as KUBECONFIG would name them."""

    path: str
    contexts: tuple[Context, ...]
    current: str | None

    def context(self, name: str | None = None) -> Context:
        """The context of that name, or the current one. Refused when there is none."""
        wanted = name if name is not None else self.current
        names = [context.name for context in self.contexts]
        known = f"It has: {', '.join(names)}." if names else "It has no contexts at all."
        if not wanted:
            raise Refused(
                f"{self.path} names no current context", hint=f"Name one: --context NAME. {known}"
            )
        for context in self.contexts:
            if context.name == wanted:
                return context
        near = get_close_matches(wanted, names, n=1)
        guess = f"Did you mean {near[0]}? " if near else ""
        raise Refused(f"{self.path} has no context {wanted}", hint=f"{guess}{known}")

    def target(self, name: str | None = None) -> Target:
        """Return where a context leads. Refused as with `context`, or when it names no server."""
        context = self.context(name)
        if not context.server:
            raise Refused(
                f"context {context.name} of {self.path} names no server",
                hint="Its cluster is missing from the file, or has no `server`.",
            )
        return Target(self.path, context.name, context.server)


def default_path(environ: Mapping[str, str] = os.environ) -> str:
    """Return where kubectl would look: KUBECONFIG, otherwise ~/.kube/config."""
    return environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())


def flags_for(target: Target, environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """The kubeconfig and the context that a command has to name to reach this cluster; the file is
    empty where it is the one that kubectl takes anyway."""
    try:
        contexts = read_kubeconfig(None, environ).contexts
    except (ClusterUnreachable, Refused, UsageError):
        return target.kubeconfig, target.context
    known = any((c.name, c.server) == (target.context, target.server) for c in contexts)
    return "" if known else target.kubeconfig, target.context


def read_kubeconfig(path: str | None = None, environ: Mapping[str, str] = os.environ) -> Kubeconfig:
    """The contexts of one file (or several, joined by the path separator).

    ClusterUnreachable when no file is there; UsageError when one cannot be read.
    """
    named = path or default_path(environ)
    # Absolute, since helm is run in another folder.
    files = [Path(part).expanduser().absolute() for part in named.split(os.pathsep) if part]
    present = [file for file in files if file.exists()]
    if not present:
        what = "--kubeconfig" if path else "KUBECONFIG" if environ.get("KUBECONFIG") else ""
        raise ClusterUnreachable(
            f"there is no kubeconfig {named}" + (f" (from {what})" if what else ""),
            hint="Name one with --kubeconfig, or start a cluster: skill cluster up.",
        )
    contents = [_read(file) for file in present]
    contexts: dict[str, Context] = {}
    clusters: dict[str, dict[str, Any]] = {}
    for entry in _entries(contents, "clusters"):
        clusters.setdefault(entry["name"], entry.get("cluster") or {})
    for entry in _entries(contents, "contexts"):
        body = entry.get("context") or {}
        cluster = clusters.get(body.get("cluster", ""), {})
        contexts.setdefault(
            entry["name"],
            Context(
                entry["name"],
                cluster.get("server") or "",
                body.get("namespace") or "default",
                body.get("user") or "",
                str(cluster.get("proxy-url") or ""),
                str(cluster.get("tls-server-name") or ""),
            ),
        )
    currents = (content.get("current-context") for content in contents)
    shown = os.pathsep.join(str(file) for file in present)
    return Kubeconfig(shown, tuple(contexts.values()), next((c for c in currents if c), None))


def _read(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"kubeconfig {file} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f":{where.line + 1}" if where else ""
        raise UsageError(
            f"kubeconfig {file}{line} is not YAML: {getattr(error, 'problem', None) or error}"
        ) from error
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(
        isinstance(content.get(key) or [], list) for key in ("clusters", "contexts", "users")
    ):
        raise UsageError(
            f"{file} is not a kubeconfig",
            hint="Expected a mapping with the lists clusters, contexts and users.",
        )
    return content


def _entries(contents: list[dict[str, Any]], kind: str) -> Iterator[dict[str, Any]]:
    for content in contents:
        for entry in content.get(kind) or ():
            if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                yield entry
