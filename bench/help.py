"""How long `skill --help` takes, beside an empty Python; printed as times and a ratio."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def median_seconds(argv: list[str], runs: int = 15) -> float:
    """The median wall time of a command over `runs` runs, after one that warms caches."""
    times = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        subprocess.run(argv, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def main() -> None:
    empty = median_seconds([sys.executable, "-c", "pass"])
    shown = median_seconds([sys.executable, "-m", "skill_runner", "--help"])
    print(f"python -c pass  {empty * 1000:6.0f} ms")
    print(f"skill --help    {shown * 1000:6.0f} ms   ({shown / empty:.1f} times)")


if __name__ == "__main__":
    main()
