"""What of a submission is checked before the desk sees it: type, size, JSON, fields, idempotency and preference."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from functools import lru_cache

from aiohttp import hdrs, web

from sayso_bot.domain.fingerprint import digest
from sayso_bot.domain.idempotency import HEADER, idempotency_key
from sayso_bot.domain.json import Json, loads
from sayso_bot.errors import BadHttp, BodyTooLarge, InvalidField, UnsupportedMediaType
from sayso_bot.http.schemas import MAX_BODY_BYTES, read_submit
from sayso_bot.ports import Draft

MAX_WAIT_SECONDS = 55
BODY_SECONDS = 30.0
_WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*\"?([0-9]{1,9})\"?\s*(?:;|,|$)", re.IGNORECASE)
_SECONDS = re.compile(r"[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?\Z")


async def read_json(http_request: web.Request, then: str = "Nothing was changed.", most: int = MAX_BODY_BYTES) -> Json:
    """The body, within ``most`` bytes, as JSON on which all readers agree.

    Raises `UnsupportedMediaType`, `BodyTooLarge`, `BadHttp`, `BadJson`, `InvalidField`.
    """
    if not _is_json(http_request.headers.get(hdrs.CONTENT_TYPE, "")):
        raise UnsupportedMediaType(f"Send the request as application/json. {then}")
    if http_request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise UnsupportedMediaType(f"Send the body as it is: Sayso takes no Content-Encoding. {then}")
    large = most > MAX_BODY_BYTES
    return loads(await (_large_body(http_request, most, then) if large else _body(http_request, then)))


def only(query: Mapping[str, str], known: tuple[str, ...]) -> None:
    """Raises `InvalidField` for a parameter that is not ``known``."""
    for name in query:
        if name not in known:
            raise InvalidField("This query parameter is not known here.", field=name[:80])


async def read_draft(http_request: web.Request) -> Draft:
    """Raises as `read_json` does."""
    only(http_request.query, ())
    value = await read_json(http_request, "Nothing was made.")
    return draft_of(value, idempotency_key(http_request.headers.getall(HEADER, [])))


def draft_of(value: Json, key: str | None, *, about: Json = None) -> Draft:
    """What a submission's body says. ``about`` is told apart with it where an Idempotency-Key comes again.

    Raises `InvalidField`.
    """
    submit = read_submit(value)
    return Draft(
        action=submit.action,
        params=submit.params,
        claims=submit.claims(),
        timeout_seconds=submit.timeout_seconds(),
        form=submit.form.form() if submit.form else None,
        body_digest=digest(value if about is None else [value, about]) if key else "",
        idempotency_key=key,
    )


async def read_nothing(http_request: web.Request) -> None:
    """A call that takes no body has none, or an empty object. Raises `InvalidField` and as `read_draft` does."""
    if http_request.can_read_body and loads(await _body(http_request, "Nothing was changed.") or b"{}") != {}:
        raise InvalidField("This call takes no fields. Nothing was changed.", field="")


@lru_cache(256)
def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"


async def _body(http_request: web.Request, then: str) -> bytes:
    """The body, whose length nobody vouches for, within `MAX_BODY_BYTES` and `BODY_SECONDS`."""
    if http_request.content.is_eof():  # it came with the headers: nothing to wait for
        body = http_request.content.read_nowait()
    elif (http_request.content_length or 0) > MAX_BODY_BYTES:
        raise _too_large(then)
    else:
        body = await _slow_body(http_request, then)
    if len(body) > MAX_BODY_BYTES:
        raise _too_large(then)
    return body


def _too_large(then: str) -> BodyTooLarge:
    return BodyTooLarge(f"The body has at most {MAX_BODY_BYTES // 1024} KiB. {then}")


def _too_slow(then: str) -> BadHttp:
    return BadHttp(f"The body did not arrive whole within {BODY_SECONDS:.0f} s. {then}")


async def _large_body(http_request: web.Request, most: int, then: str) -> bytes:
    """A body beyond what the application takes of others; it is read only from who proved that they may send it."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in http_request.content.iter_any():
                body += chunk
                if len(body) > most:
                    raise BodyTooLarge(f"This takes at most {most // 1024**2} MiB. {then}")
    except TimeoutError:
        raise _too_slow(then) from None
    return bytes(body)


async def _slow_body(http_request: web.Request, then: str) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await http_request.read()
    except TimeoutError:
        raise _too_slow(then) from None


def preferred_wait(http_request: web.Request) -> int | None:
    """Seconds of ``Prefer: wait=N`` (RFC 7240), at most `MAX_WAIT_SECONDS`. Other preferences are not understood."""
    preferred = http_request.headers.getall("Prefer", None)
    found = _WAIT.search(", ".join(preferred)) if preferred else None
    return min(int(found[1]), MAX_WAIT_SECONDS) if found else None


def query_wait(text: str) -> float:
    """Seconds of ``?wait=``, at most `MAX_WAIT_SECONDS`. Raises `InvalidField`."""
    if not _SECONDS.match(text):
        raise InvalidField("wait must be a number of seconds.", field="wait")
    return min(float(text), MAX_WAIT_SECONDS)
