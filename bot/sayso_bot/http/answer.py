"""Answers that are whole when they are given: all but streams and adapters' pages. Head and body leave in one write."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Mapping
from email.utils import formatdate
from functools import lru_cache
from typing import Protocol, cast

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from sayso_bot.domain.json import dumps

JSON = "application/json; charset=utf-8"


class Wire(Protocol):
    """A connection of the server's."""

    def leave(self, answer: bytes) -> Awaitable[None]:
        """Send the whole of an answer. Raises `ConnectionError` where nobody is there any more."""


class Answer(web.Response):
    """Bytes of one media type that nobody may store. ``headers`` are those beside that; each is one line.

    It has no cookies, and is neither compressed nor sent in chunks: aiohttp's steps for an answer that may be all of
    that cost several times as much, the first of them in ``web.Response.__init__``.
    """

    def __init__(self, body: bytes, media: str = JSON, *, status: int = 200, headers: Mapping[str, str] | None = None):
        web.StreamResponse.__init__(self, status=status, headers=headers)
        self._body = body
        self._media = media
        self._asked: web.BaseRequest | None = None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Nothing leaves yet."""
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        self._asked = request
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """All leaves. Raises `ConnectionError` where nobody is there any more."""
        asked, self._asked = self._asked, None
        if asked is not None:
            leaves = cast(Wire, asked.protocol).leave(self.on_the_wire(asked))
            self._body = None
            await leaves
            self._eof_sent = True

    def on_the_wire(self, asked: web.BaseRequest | None = None) -> bytes:
        """Head and body. Where no call is named that asked, it is the connection's last answer.

        Raises `ValueError` for a header that is not one line.
        """
        minor = 0 if asked is not None and asked.version < (1, 1) else 1  # what names no version reads as 0.9
        further = "".join([f"{name}: {value}\r\n" for name, value in self._headers.items()])
        if len(self._headers) != further.count("\n") or len(self._headers) != further.count("\r"):
            raise ValueError("a header is one line")
        body = self._body if isinstance(self._body, bytes) else b""
        opening = _opening(minor, self._status, self._media, bool(self._keep_alive))
        head = f"{opening}Date: {_date(int(time.time()))}\r\nContent-Length: {len(body)}\r\n{further}\r\n"
        return head.encode() + (b"" if asked is not None and asked.method == "HEAD" else body)


def answer_json(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(dumps(value), status=status, headers=headers)


@lru_cache(256)
def _opening(minor: int, status: int, media: str, keeps_alive: bool) -> str:
    """The lines that many answers share."""
    reason = web.StreamResponse(status=status).reason
    lines = [f"HTTP/1.{minor} {status} {reason}", f"Content-Type: {media}", "Cache-Control: no-store"]
    if not keeps_alive:
        lines.append("Connection: close")
    elif minor == 0:
        lines.append("Connection: keep-alive")
    return "".join(f"{line}\r\n" for line in lines)


@lru_cache(1)
def _date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)
