"""Serve until SIGTERM, then finish what was begun: `python -m service`."""

from __future__ import annotations

import os

import uvicorn

# Seconds for open requests after SIGTERM. The pod's grace period (40) is longer, and the sidecar
# stays for as long as this may take.
PATIENCE = 20


def main() -> None:
    uvicorn.run(
        "service.app:app",
        host="0.0.0.0",
        port=int(os.environ.get("PORT", "8000")),
        log_config=None,  # service.logs has it
        server_header=False,
        timeout_graceful_shutdown=PATIENCE,
    )


if __name__ == "__main__":
    main()
