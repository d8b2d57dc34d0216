"""Every error that leaves over HTTP is a problem document (RFC 9457) with a stable code. Nothing else leaves."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from itertools import count as count_from
from typing import Any

from aiohttp import web

from sayso_bot.domain.text import one_line, visible
from sayso_bot.errors import (
    BadHttp,
    BodyTooLarge,
    Internal,
    MethodNotAllowed,
    NotFound,
    PolicyRefused,
    SaysoError,
    Unauthenticated,
    Unavailable,
)
from sayso_bot.ports import Log

CONTENT_TYPE = "application/problem+json"
MAX_FIELD = 200
MAX_DETAIL = 2000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


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


def response(error: SaysoError) -> web.Response:
    headers = {"Cache-Control": "no-store"}
    if error.retry_after is not None or isinstance(error, Unavailable):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after or 1)))
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="sayso"'
    text = json.dumps(problem(error), ensure_ascii=False)
    return web.Response(text=text, status=error.status, content_type=CONTENT_TYPE, headers=headers)


def _bounded(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def middleware(log: Log, count: Callable[[str], None], admit: Callable[[web.Request], None]) -> Any:
    """Turn errors into problem documents; ``count`` is told each code. ``admit`` raises for what no handler may see."""

    unproved = count_from(1)

    @web.middleware
    async def problems(http_request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            admit(http_request)
            return await handler(http_request)
        except SaysoError as error:
            found = error
        except web.HTTPMethodNotAllowed as error:
            allowed = ", ".join(sorted(error.allowed_methods))
            answer = response(MethodNotAllowed(f"Only {allowed} may be used here."))
            answer.headers["Allow"] = allowed
            count(MethodNotAllowed.code)
            return answer
        except web.HTTPRequestEntityTooLarge:
            found = BodyTooLarge("The body is too large. Nothing was changed.")
        except web.HTTPNotFound:
            found = NotFound("There is nothing at this path.")
        except web.RequestPayloadError:
            found = BadHttp("The body ended early or is not encoded as its headers say. Nothing was changed.")
        except (web.HTTPException, ConnectionError):
            raise
        except Exception:
            log.exception("http_failed", path=http_request.path, method=http_request.method)
            found = Internal("Something went wrong inside Sayso. It was logged; whether anything changed is not known.")
        count(found.code)
        if isinstance(found, Unauthenticated) and (so_far := next(unproved)).bit_count() == 1:
            log.warning("caller_not_known", so_far=so_far)  # a flood of bad keys makes ever fewer lines
        return response(found)

    return problems
