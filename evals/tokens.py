"""What the contract costs an agent, in tokens: python -m evals.tokens [RUN…]

RUN is the id of a run on this machine (`skill run … -o json` says it): its outcome is counted, too.
Needs Node.js and npm; the tokenizer is installed by its lock file.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

from mcp import Client

from evals.contracts import SKILL, count_tokens, install_client
from skill_runner.agents.permissions import Permits
from skill_runner.agents.server import Agents, make_server
from skill_runner.agents.skill_md import skill_markdown
from skill_runner.backends.clock import SystemClock
from skill_runner.runs.folder import OUTCOME, open_run
from skill_runner.skill.library import default_library


def texts(runs: list[str]) -> dict[str, str]:
    """Everything that an agent may read, by name."""
    library = default_library()
    listed = subprocess.run(
        [*SKILL, "list", "-o", "json"], check=True, capture_output=True, text=True
    ).stdout
    guides = {f"{n}/SKILL.md": skill_markdown(library.find(n)) for n in library.names()}
    outcomes = {f"outcome of {run}": (open_run(run).folder / OUTCOME).read_text() for run in runs}
    return {"skill list": listed, "MCP tools": asyncio.run(_tools()), **guides, **outcomes}


async def _tools() -> str:
    """What a client hands to its model: names, descriptions, input schemas."""

    async def none(context: str | None) -> list[dict[str, object]]:
        return []

    agents = Agents(library=default_library(), permits=Permits(), clock=SystemClock(), records=none)
    async with Client(make_server(agents)) as client:
        offered = (await client.list_tools()).tools
    return json.dumps(
        [{"name": t.name, "description": t.description, "input": t.input_schema} for t in offered]
    )


def main() -> None:
    """Print one line for each text."""
    install_client()
    for name, count in count_tokens(texts(sys.argv[1:])).items():
        sys.stdout.write(f"{count:6}  {name}\n")


if __name__ == "__main__":
    main()
