"""The params of an action as a command line gives them: whole with ``--params``, one by one with ``--param``.

Only JSON on which all readers agree passes; anything else ends the command with a usage error that says what to write.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NoReturn

import typer

from sayso.strict_json import Ambiguous, Json, loads
from sayso.terminal import visible


def content_of(given: list[str], whole: str | None) -> dict[str, Json]:
    """The params of ``--params`` and of every ``--param``. Ends with a usage error where they make no sense."""
    content = _object(whole) if whole is not None else {}
    for item in given:
        name, equals, text = item.partition("=")
        if not equals or not name:
            _usage(f"--param {item}: write it as KEY=JSON.")
        if name in content:
            _usage(f"The parameter {name} is given twice.")
        content[name] = _value(name, text)
    return content


def _value(name: str, text: str) -> Json:
    try:
        return loads(text)
    except Ambiguous as problem:
        _usage(f"--param {name}: {problem}")
    except ValueError:
        quoted = json.dumps(text, ensure_ascii=False).replace("'", "'\\''")
        _usage(f"--param {name}: {text} is not JSON. If it is a text, keep its quotes: --param '{name}={quoted}'")


def _object(source: str) -> dict[str, Json]:
    try:
        value = loads(_text(source))
    except Ambiguous as problem:
        _usage(f"--params: {problem}")
    except ValueError:
        _usage("--params: that is not JSON.")
    if not isinstance(value, dict):
        _usage("--params: that is JSON, but not an object.")
    return value


def _text(source: str) -> str | bytes:
    if source == "-":
        return sys.stdin.buffer.read()
    if not source.startswith("@"):
        return source
    try:
        return Path(source[1:]).read_bytes()
    except OSError:
        _usage(f"--params: the file {source[1:]} cannot be read.")


def _usage(sentence: str) -> NoReturn:
    raise typer.BadParameter(visible(sentence))
