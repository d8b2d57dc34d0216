"""Answers held against the OpenAPI document."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import version
from typing import Any

import httpx
import schemathesis

from sayso_bot.http.openapi import document

_PARAMETER = re.compile(r"\\\{\w+\\\}")


@cache
def schema() -> Any:
    return schemathesis.openapi.from_dict(document(version("sayso")))


@cache
def _templates() -> list[tuple[re.Pattern[str], str]]:
    paths = document(version("sayso"))["paths"]
    return [(re.compile(_PARAMETER.sub("[^/]+", re.escape(path))), path) for path in paths]


async def described(answer: httpx.Response) -> None:
    """Fails where the document has no such answer of this call. To be a hook of a client."""
    await answer.aread()
    found = [path for pattern, path in _templates() if pattern.fullmatch(answer.request.url.path)]
    exact = next((path for path in found if "{" not in path), found[0] if found else None)
    assert exact is not None, answer.request.url.path
    schema()[exact][answer.request.method].validate_response(answer)
