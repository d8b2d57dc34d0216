"""Logs: one line for each change of state, secrets taken out, console for people and JSON for machines."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any, Literal

import orjson
import structlog

from sayso_bot.domain.text import one_line

HIDDEN = "[redacted]"
MAX_DEPTH = 8
_SECRET = re.compile(r"(sk_[a-z0-9-]{1,32}_|xox[a-z]-|xapp-|whsec_)[A-Za-z0-9_=-]{6,}|(?<=#)[A-Za-z0-9_-]{40,}")
_PLAIN = (bool, int, float, type(None))
_FLAT = (str, *_PLAIN)
_SECRET_NAMES = re.compile(r"(token|secret|password|authorization|cookie)", re.IGNORECASE)


def configure_logs(form: Literal["console", "json", "auto"], level: str) -> None:
    """Set up the process's logs, once. Libraries speak from WARNING on; ``auto`` is console on a terminal."""
    if form == "auto":
        form = "console" if sys.stderr.isatty() else "json"
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    ending: list[Any] = (
        [redact, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if form == "console"
        else [_as_json]
    )
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=[
        structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shared, *ending]))  # fmt: skip
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("slack_bolt", "slack_sdk", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.ERROR)
    logging.getLogger("microsoft_agents").setLevel(logging.CRITICAL)  # its errors are raised, and told by us


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take secrets out of an event, however deep they lie, and the power of control characters out of its texts."""
    for name, value in event.items():
        if name == "exception" and isinstance(value, str):
            event[name] = _SECRET.sub(HIDDEN, value)
        elif name not in ("timestamp", "level"):
            event[name] = HIDDEN if _is_secret(name) else _harmless(value, MAX_DEPTH)
    return event


def _harmless(value: Any, deeper: int) -> Any:
    """``value`` without secrets. What is no JSON, or lies too deep, is the text that its class shows of it."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Mapping) and deeper:
        return {
            _text(name): HIDDEN if _is_secret(str(name)) else _harmless(item, deeper - 1)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset) and deeper:
        return [_harmless(item, deeper - 1) for item in value]
    return _text(value)


def _text(value: Any) -> str:
    return _SECRET.sub(HIDDEN, one_line(value if isinstance(value, str) else repr(value)))


@lru_cache(1024)
def _is_secret(name: str) -> bool:
    return _SECRET_NAMES.search(name) is not None


def _as_json(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    """One line of JSON. Most lines hold nothing to take out, which one look at the whole tells."""
    if not any(map(_is_secret, event)) and all(isinstance(value, _FLAT) for value in event.values()):
        line = _encoded(event)
        if line.isascii() and line.isprintable() and "\\" not in line and not _SECRET.search(line):
            return line
    return _SECRET.sub(HIDDEN, _encoded(redact(logger, method, event)))


def _encoded(event: MutableMapping[str, Any]) -> str:
    try:
        return orjson.dumps(event, default=repr, option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()
    except TypeError:  # half of a surrogate pair, a number beyond 64 bits, or a name that is no text
        return json.dumps(event, default=repr)


def logger(name: str) -> Any:
    """A logger whose lines say which part speaks, by the configuration of now.

    It is bound at once: structlog's own are bound anew for each line, those that are not written included.
    """
    return structlog.get_logger(part=name).bind()
