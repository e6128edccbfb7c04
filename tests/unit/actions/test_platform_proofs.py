"""`prove:` of a platform file: what a good one becomes, and every mistake with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from skill_runner.actions.platform import Platform, read_platform
from skill_runner.errors import SkillFileError
from skill_runner.outcome import EdgeResult
from skill_runner.skill.library import Library
from tests.support.graph import write_skill

HEAD = """\
schema: 1
installations:
  - skill: bus
prove:
"""
GOOD = """\
  - id: lesson
    hook: complete
    kind: probe
    timeout: 1m30s
    edges:
      sent: {from: caller, to: bus, by: HTTP}
"""
HOOKS = """\
from skill_runner.hooks import PlatformContext

async def complete(ctx: PlatformContext) -> str:
    return ""

def wrong() -> None: ...
"""


def read(folder: Path, prove: str, hooks: str | None = HOOKS) -> Platform:
    write_skill(folder / "skills", "bus")
    (folder / "platform.yaml").write_text(HEAD + prove)
    if hooks is not None:
        (folder / "hooks.py").write_text(hooks)
    return read_platform(folder / "platform.yaml", Library((folder / "skills",)))


def test_a_proof_is_its_hook_and_its_edges(tmp_path: Path) -> None:
    platform = read(tmp_path, GOOD)
    (each,) = platform.proofs
    assert (each.proof.id, each.proof.hook, each.proof.kind) == ("lesson", "complete", "probe")
    assert each.proof.timeout == 90
    assert each.edges == {"sent": EdgeResult(origin="caller", target="bus", by="HTTP")}
    assert platform.hooks == tmp_path / "hooks.py"


BAD = [
    (GOOD.replace("complete", "complet"), HOOKS, "6:", "no function 'complet'; did you mean"),
    (GOOD.replace("complete", "wrong"), HOOKS, "6:", "hooks.py:6: wrong must take one argument"),
    (GOOD.replace("probe", "prob"), HOOKS, "7:", "probe"),
    (GOOD.replace("1m30s", "soon"), HOOKS, "8:", "seconds, or text such as 90s"),
    (GOOD.replace("to: bus", "to: buss"), HOOKS, "10:", "caller → buss is an installation; did"),
    (GOOD.replace(", by: HTTP", ""), HOOKS, "10:", "by"),
    (GOOD + GOOD, HOOKS, "11:", "the proof lesson is listed twice"),
    (GOOD, None, "4:", "there is no hooks.py beside this file"),
    (GOOD, "def complete(:\n", "4:", "hooks.py:1:14: not Python"),
    (GOOD, "import skill_runner.errors\n" + HOOKS, "4:", "a skill imports only skill_runner.hooks"),
    (GOOD + "    more: 1\n", HOOKS, "11:", "unknown key 'more'"),
    ("  - {id: a, hook: complete, kind: probe}\n", HOOKS, "5:", "edges"),
]


@pytest.mark.parametrize(("prove", "hooks", "line", "words"), BAD)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, prove: str, hooks: str | None, line: str, words: str
) -> None:
    with pytest.raises(SkillFileError) as caught:
        read(tmp_path, prove, hooks)
    (found,) = [each.removeprefix(f"{tmp_path}/platform.yaml:") for each in caught.value.listed]
    assert found.startswith(line), found
    assert words in found
