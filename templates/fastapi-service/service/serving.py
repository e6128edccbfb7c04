"""uvicorn, so that a pod that ends drops nobody: `python serving.py package.module:name PORT`.

Clients keep connections open, past the news that this pod is no endpoint any more. So after SIGTERM
every answer says `Connection: close` for some seconds: who is active comes back on a new connection,
to another pod, and only then does the server shut down.

A client's address and scheme are taken from X-Forwarded-… of those proxies alone that the variable
FORWARDED_ALLOW_IPS names (addresses or networks, as uvicorn reads them); anybody could send them.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

import uvicorn

DRAIN = 6.0  # seconds after SIGTERM in which clients are sent on
# Seconds for open requests after that. The pod's grace period (40) is longer than both.
PATIENCE = 20
KEEP_ALIVE = 75  # seconds; longer than proxies keep theirs (60), so that they close first


class Server(uvicorn.Server):
    """A server that drains before it shuts down; a second signal ends it at once."""

    draining = False

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        config.load()
        config.loaded_app = self._sending_on(config.loaded_app)

    def handle_exit(self, sig: int, frame: Any) -> None:
        if sig != signal.SIGTERM or self.draining:
            super().handle_exit(sig, frame)
            return
        self.draining = True
        timer = threading.Timer(DRAIN, super().handle_exit, (sig, frame))
        timer.daemon = True
        timer.start()

    def _sending_on(self, app: Any) -> Any:
        async def sending_on(scope: Any, receive: Any, send: Any) -> None:
            async def told(message: Any) -> None:
                if self.draining and message["type"] == "http.response.start":
                    headers = [*message.get("headers", ()), (b"connection", b"close")]
                    message = {**message, "headers": headers}
                await send(message)

            await app(scope, receive, told if scope["type"] == "http" else send)

        return sending_on


def serve(app: str, port: int, **options: Any) -> None:
    """Serve package.module:name on every address until SIGTERM, then finish what was begun."""
    given = {
        "host": "0.0.0.0",
        "port": port,
        "server_header": False,
        "timeout_keep_alive": KEEP_ALIVE,
        "timeout_graceful_shutdown": PATIENCE,
    }
    Server(uvicorn.Config(app, **{**given, **options})).run()


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())  # the application's folder, not this file's
    serve(sys.argv[1], int(sys.argv[2]))
