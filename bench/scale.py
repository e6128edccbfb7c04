"""What a run of 300 objects costs amid 10,000 pods and 5,000 Secrets of others, beside alone.

Seconds, memory and requests of a process of its own; its API server, here, has no controllers'
work to do, so the seconds are the runner's. Reported as ratios, measured in turn.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from skill_runner.objects import Object
from tests.promises.scale.client import APPLIES
from tests.promises.scale.crowd import crowd, write_skill
from tests.promises.scale.stage import standing
from tests.promises.scale.test_scale import in_a_process

TIMES = 3


async def measure(others: Sequence[Object]) -> tuple[float, float, int]:
    """Seconds, MiB at the peak, and requests of one first run."""
    with tempfile.TemporaryDirectory() as folder:
        async with standing(Path(folder), others) as stage:
            write_skill(stage.folder / "skills", APPLIES, {"id": "all", "apply": "all.yaml.j2"})
            done = await in_a_process(stage)
            assert done["status"] == "ready", done
            return float(str(done["seconds"])), float(str(done["mib"])), stage.asked().total()


def main() -> None:
    everyone = tuple(crowd())
    pairs = [(asyncio.run(measure(())), asyncio.run(measure(everyone))) for _ in range(TIMES)]
    for index, unit in enumerate(("seconds", "MiB", "requests")):
        alone = statistics.median(one[index] for one, _ in pairs)
        amid = statistics.median(other[index] for _, other in pairs)
        print(
            f"{unit:10} alone {alone:8.1f}   amid others {amid:8.1f}   ({amid / alone:.2f} times)"
        )


if __name__ == "__main__":
    main()
