"""How long an agent waits for `skill mcp` to offer its tools, beside `skill --help`."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from pathlib import Path

from mcp import Client, StdioServerParameters

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.help import median_seconds

SERVER = StdioServerParameters(command=sys.executable, args=["-m", "skill_runner", "mcp"])


async def seconds_to_tools() -> float:
    """From starting the server to holding its list of tools."""
    began = time.perf_counter()
    async with Client(SERVER) as client:
        await client.list_tools()
        return time.perf_counter() - began


def main() -> None:
    asyncio.run(seconds_to_tools())  # warms the caches
    offered = statistics.median(asyncio.run(seconds_to_tools()) for _ in range(7))
    shown = median_seconds([sys.executable, "-m", "skill_runner", "--help"])
    print(f"skill --help        {shown * 1000:6.0f} ms")
    print(f"skill mcp, tools    {offered * 1000:6.0f} ms   ({offered / shown:.1f} times)")


if __name__ == "__main__":
    main()
