"""Every regular expression of ours takes 1 MB of its worst text in its stride.

A pattern that is not linear needs hours for it; how fast the others are is not asked: a child
process that does not end within a deadline that no linear one can miss is killed, and fails.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.promises.linear.attacks import attacks
from tests.promises.linear.sources import ALL, Found, files, literal_patterns, loaded_patterns
from tests.support.paths import ROOT

pytestmark = pytest.mark.heavy

CHILD = Path(__file__).with_name("match.py")
DEADLINE = 60.0  # seconds for some 20 texts, each of which takes a linear pattern milliseconds
# Patterns that are put together where they are used, each as it may come out.
MADE = {
    "skill_runner/backends/helm/errors.py: pattern": (),  # those of _KINDS, below
    "skill_runner/images/apps/nextjs.py: f'{PUBLIC}[A-Za-z0-9_]+'": ("NEXT_PUBLIC_[A-Za-z0-9_]+",),
    "skill_runner/images/apps/node.py: entry + '    engines: \\\\{node: ([^}\\\\n]+)\\\\}'": (
        r"(?m)^  '?react@[^\n]+:\n(?:    .+\n)*?    engines: \{node: ([^}\n]+)\}",
    ),
    "skill_runner/images/apps/prepare.py: f'^(FROM(?:\\\\s+--\\\\S+)*\\\\s+){re.escape(official)}"
    "(?=\\\\s|$)'": (r"(?mi)^(FROM(?:\s+--\S+)*\s+)docker\.io/library/node:22(?=\s|$)",),
    "skill_runner/skill/templating.py: self.prefix + 'N([0-9]+)E'": ("abcN([0-9]+)E",),
    # compiled when their module is loaded, where `loaded_patterns` finds them
    "skill_runner/readiness/diagnosis/commands.py: p": (),
    "skill_runner/readiness/diagnosis/creation.py: p": (),
    "skill_runner/readiness/diagnosis/pull.py: p": (),
    "skill_runner/images/apps/failures.py: _LOCATED": (),
    "skill_runner/images/apps/failures.py: pattern": (),
    "skill_runner/skill/plaintext.py: f'[{_ALWAYS}\\t\\n\\r]'": (),
    "skill_runner/skill/plaintext.py: f'[{_ALWAYS}]'": (),
}


def _all() -> list[Found]:
    from skill_runner.backends.helm.errors import _KINDS

    found = [*loaded_patterns(), *(Found(kind[2], kind[0], 0, ALL) for kind in _KINDS)]
    for path in files():
        found += literal_patterns(path)[0]
    found += [Found(at, p, 0, ALL) for at, made in MADE.items() for p in made]
    unique = {(f.pattern, f.flags, f.methods): f for f in found}
    return sorted(unique.values(), key=lambda f: (f.where, f.pattern))


def _ends(found: Found, deadline: float) -> bool:
    """Whether the pattern is done with all its attacks before the deadline."""
    asked = {
        "pattern": found.pattern,
        "flags": found.flags,
        "methods": sorted(found.methods),
        "texts": list(attacks(found.pattern, found.flags)),
    }
    try:
        subprocess.run(
            [sys.executable, "-I", str(CHILD)],
            input=json.dumps(asked),
            text=True,
            check=True,
            timeout=deadline,
        )
    except subprocess.TimeoutExpired:
        return False
    return True


@pytest.mark.timeout(DEADLINE + 60)
@pytest.mark.parametrize("found", _all(), ids=lambda f: f"{f.where} {f.pattern[:20]!r}")
def test_a_pattern_of_ours_is_linear(found: Found) -> None:
    assert _ends(found, DEADLINE), f"{found.where}: {found.pattern!r} is not linear"


def test_no_pattern_is_put_together_without_a_sample_here() -> None:
    made = {name for path in files() for name in literal_patterns(path)[1]}
    assert made == set(MADE)


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"\w*(Error|Exception)\b\s*:", "search"),
        (r"(a+)+$", "search"),
        (r"^\s*x", "search"),
        (r"[0-9]+\.?[0-9]*", "fullmatch"),
        (r"([0-9]+)([hms])", "findall"),
    ],
)
def test_the_attacks_find_what_is_not_linear(pattern: str, method: str) -> None:
    flags = int(re.MULTILINE if pattern.startswith("^") else 0)
    assert not _ends(Found("here", pattern, flags, frozenset({method})), 5.0)


def test_every_file_of_ours_is_read() -> None:
    names = {str(path.relative_to(ROOT)) for path in files()}
    assert {"skill_runner/readiness/diagnosis/text.py", "skills/kafka-k8s-setup/hooks.py"} <= names
