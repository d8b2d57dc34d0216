"""Logs: one line for each change of state, secrets taken out, console for people and JSON for machines."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

from sayso_bot.domain.text import one_line

_SECRET = re.compile(r"(sk_[a-z0-9-]{1,32}_|xox[a-z]-|xapp-|whsec_)[A-Za-z0-9_=-]{6,}|(?<=#)[A-Za-z0-9_-]{40,}")
_SECRET_NAMES = re.compile(r"(token|secret|password|authorization|cookie)", re.IGNORECASE)


def configure_logs(form: Literal["console", "json", "auto"], level: str) -> None:
    """Set up the process's logs, once. Libraries speak from WARNING on; ``auto`` is console on a terminal."""
    if form == "auto":
        form = "console" if sys.stderr.isatty() else "json"
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    ending: list[Any] = [
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if form == "console"
        else structlog.processors.JSONRenderer()
    ]
    structlog.configure(
        processors=[*shared, redact, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=[
        structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shared, redact, *ending]))  # fmt: skip
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("slack_bolt", "slack_sdk", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.ERROR)


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take secrets out of an event, and the power of control characters out of its texts."""
    for name, value in event.items():
        if _SECRET_NAMES.search(name):
            event[name] = "[redacted]"
        elif isinstance(value, str) and name not in ("timestamp", "level"):
            event[name] = _SECRET.sub("[redacted]", value if name == "exception" else one_line(value))
    return event


def logger(name: str) -> Any:
    """A logger whose lines say which part speaks."""
    return structlog.get_logger(part=name)
