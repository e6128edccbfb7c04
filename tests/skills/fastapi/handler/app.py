"""A handler that does what its events say, and writes down each time that one comes.

Its effect is a number in the state store, one more each time: it does not look whether it has seen
an event before, so that the number tells how often it would have had its effect.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI, HTTPException, Request

SIDECAR = f"http://127.0.0.1:{os.environ['DAPR_HTTP_PORT']}/v1.0"
STATE = f"{SIDECAR}/state/{os.environ['STATE_STORE']}"
LEDGER = Path("/tmp/ledger")  # of the pod: it outlives the container
BETTER = Path("/tmp/better")
LONGER_THAN_IT_MAY = 30  # seconds

app = FastAPI()


@app.get("/healthz")
async def alive() -> dict[str, str]:
    return {"status": "alive"}


@app.post("/events")
async def receive(request: Request) -> dict[str, str]:
    event = await request.json()
    name, act = event["id"], event["data"]["act"]
    first = write_down(name) == 1
    match act:
        case "RETRY" | "DROP":
            return {"status": act}
        case "404" | "500":
            raise HTTPException(int(act))
        case "exception":
            raise RuntimeError(act)
        case "time-out":
            await asyncio.sleep(LONGER_THAN_IT_MAY)
        case "RETRY once" if first:
            return {"status": "RETRY"}
        case "RETRY for now" if not BETTER.exists():
            return {"status": "RETRY"}
    await have_effect(name)
    return {"status": "SUCCESS"}


def write_down(name: str) -> int:
    """How often the event has come, this time included."""
    with LEDGER.open("a") as ledger:
        ledger.write(f"{name}\n")
    return LEDGER.read_text().splitlines().count(name)


async def have_effect(name: str) -> None:
    async with httpx2.AsyncClient(timeout=5, trust_env=False) as sidecar:
        found = await sidecar.get(f"{STATE}/{name}")
        found.raise_for_status()
        times: Any = found.json() if found.content else 0
        kept = await sidecar.post(STATE, json=[{"key": name, "value": times + 1}])
        kept.raise_for_status()
