"""What the environment says, read once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Settings:
    """`sidecar` is the base address of Dapr's API; `app_token` is what the sidecar must show.

    `pubsub` and `state_store` are names of Dapr components; `dead_letter` is the topic of events
    that are wrong, empty where Dapr alone sends them there. `group` is the service's consumer group,
    NAMESPACE.APP_ID: a proof's events name the one that they are for. `docs` serves /docs and /openapi.json,
    which whoever reaches the service could read.
    """

    sidecar: str
    pubsub: str
    topic: str
    state_store: str
    log_level: str
    dead_letter: str = ""
    group: str = ""
    app_token: str = field(default="", repr=False)
    docs: bool = False

    @staticmethod
    def of(environ: Mapping[str, str] = os.environ) -> Settings:
        return Settings(
            sidecar=f"http://127.0.0.1:{environ.get('DAPR_HTTP_PORT', '3500')}",
            pubsub=environ.get("PUBSUB_NAME", "pubsub"),
            topic=environ.get("TOPIC", "lessons.completed"),
            state_store=environ.get("STATE_STORE", "state"),
            log_level=environ.get("LOG_LEVEL", "INFO"),
            dead_letter=environ.get("DEAD_LETTER", ""),
            group=environ.get("CONSUMER_GROUP", ""),
            app_token=environ.get("APP_API_TOKEN", ""),
            docs=environ.get("DOCS", "") == "true",
        )
