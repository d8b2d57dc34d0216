"""Every error that leaves over HTTP is a problem document (RFC 9457) with a stable code. Nothing else leaves."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count as count_from
from typing import Any, TypeAlias

from aiohttp import web

from sayso_bot.domain.json import dumps
from sayso_bot.domain.text import one_line, visible
from sayso_bot.errors import (
    BadHttp,
    BodyTooLarge,
    MethodNotAllowed,
    NotFound,
    PolicyRefused,
    SaysoError,
    Unauthenticated,
)
from sayso_bot.http.answer import Answer
from sayso_bot.ports import Log

CONTENT_TYPE = "application/problem+json"
OUR_FAULT = "Something went wrong inside Sayso. It was logged; whether anything changed is not known."
MAX_FIELD = 200
MAX_DETAIL = 2000


def problem(error: SaysoError) -> dict[str, Any]:
    """The document of ``error``. ``type`` names the code; what each means is in docs/errors.md.

    A field or detail may quote what was sent, so both are bounded and made visible.
    """
    body: dict[str, Any] = {
        "type": f"urn:sayso:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": _bounded(visible(error.detail), MAX_DETAIL),
        "code": error.code,
    }
    if error.field is not None:
        body["field"] = _bounded(one_line(error.field), MAX_FIELD)
    if isinstance(error, PolicyRefused):
        body["problems"] = [{**each, "sentence": visible(str(each["sentence"]))} for each in error.problems]
    return body


def response(error: SaysoError) -> Answer:
    headers = {}
    if error.retry_after_header is not None:
        headers["Retry-After"] = error.retry_after_header
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="sayso"'
    return Answer(dumps(problem(error)), f"{CONTENT_TYPE}; charset=utf-8", status=error.status, headers=headers)


def _bounded(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


Known: TypeAlias = SaysoError | web.HTTPException | web.RequestPayloadError


class Problems:
    """What becomes of an error that a call meets; ``count`` is told each code."""

    def __init__(self, log: Log, count: Callable[[str], None]) -> None:
        self._log = log
        self._count = count
        self._unproved = count_from(1)

    def told(self, error: Known) -> Answer:
        """The document of ``error``. Raises it again where it is an answer of another kind."""
        match error:
            case SaysoError():
                return self._document(error)
            case web.HTTPMethodNotAllowed():
                allowed = ", ".join(sorted(error.allowed_methods))
                answer = self._document(MethodNotAllowed(f"Only {allowed} may be used here."))
                answer.headers["Allow"] = allowed
                return answer
            case web.HTTPRequestEntityTooLarge():
                return self._document(BodyTooLarge("The body is too large. Nothing was changed."))
            case web.HTTPNotFound():
                return self._document(NotFound("There is nothing at this path."))
            case web.RequestPayloadError():
                why = "The body ended early or is not encoded as its headers say. Nothing was changed."
                return self._document(BadHttp(why))
        raise error

    def _document(self, found: SaysoError) -> Answer:
        self._count(found.code)
        if isinstance(found, Unauthenticated) and (so_far := next(self._unproved)).bit_count() == 1:
            self._log.warning("caller_not_known", so_far=so_far)  # a flood of bad keys makes ever fewer lines
        return response(found)
