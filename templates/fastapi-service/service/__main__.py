"""Serve until SIGTERM, then finish what was begun: `python -m service`."""

from __future__ import annotations

import os

from service.serving import serve

if __name__ == "__main__":
    # service.logs has the configuration of logging
    serve("service.app:app", int(os.environ.get("PORT", "8000")), log_config=None)
