"""Structured logs on stderr (or a run's file), never on stdout, which belongs to the outcome."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

import structlog


def configure(*, verbose: bool = False, stream: TextIO | None = None) -> None:
    """Send log lines to `stream` (stderr by default); debug lines only with `verbose`."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(colors=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.DEBUG if verbose else logging.WARNING
        ),
        logger_factory=lambda *_: structlog.PrintLogger(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    # pyhelm3 logs tokens in clear at INFO (its own behaviour); it must never get there.
    logging.getLogger("pyhelm3").setLevel(logging.WARNING)


def get_logger(name: str) -> Any:
    """A logger bound to the module's name."""
    return structlog.get_logger(name)
