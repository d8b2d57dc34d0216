"""A ``multipart/form-data`` body part by part as it comes: nothing of it is held, and all of it is bounded.

The sender chooses nothing: names are UTF-8, no part is decoded in any other way, heads of parts are short, and a body
has as many bytes and parts as its reader allows. It may be slow, but not stand still.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from aiohttp import web
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from sayso_bot.errors import BadHttp, BodyTooLarge, InvalidField, UnsupportedMediaType

PACE_SECONDS = 10.0
WHOLE_SECONDS = 280.0
MAX_HEAD_LINE = 2048
MAX_HEAD_LINES = 8
MAX_BOUNDARY = 200
READ_BYTES = 64 * 1024


def is_multipart(http_request: web.Request) -> bool:
    return http_request.content_type == "multipart/form-data"


class Part:
    """One part. ``filename`` is None where it is no file, empty where none was chosen. ``content`` is read once."""

    def __init__(self, segment: MultipartSegment, content: AsyncIterator[bytes]) -> None:
        self.name = segment.name or ""
        self.filename = segment.filename
        self.media_type = segment.content_type or ""
        self.content = content

    async def text(self, most: int) -> str:
        """All of it as text. Raises `BodyTooLarge` beyond ``most`` bytes, `InvalidField` for what is no UTF-8."""
        found = bytearray()
        async for piece in self.content:
            found += piece
            if len(found) > most:
                raise BodyTooLarge("A field of the form is too long. Nothing was changed.")
        try:
            return found.decode("utf-8")
        except UnicodeDecodeError:
            raise _no_form() from None


class Parts:
    """The parts of one call's body: ``most_bytes`` in all, ``most_parts`` of them.

    Raises `UnsupportedMediaType`, and while it is read `BodyTooLarge`, `BadHttp` where it stands still or ends early,
    and `InvalidField`.
    """

    def __init__(self, http_request: web.Request, *, most_bytes: int, most_parts: int) -> None:
        kind, options = parse_options_header(http_request.headers.get("Content-Type", ""))
        boundary = options.get("boundary", "")
        if kind != "multipart/form-data" or not 1 <= len(boundary) <= MAX_BOUNDARY:
            raise UnsupportedMediaType("Send a form with files as multipart/form-data. Nothing was changed.")
        if http_request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise UnsupportedMediaType("Send the body as it is: Sayso takes no Content-Encoding. Nothing was changed.")
        self._most, self._left = most_bytes, most_bytes
        if (http_request.content_length or 0) > most_bytes:
            raise self._too_large()
        self._content = http_request.content
        self._clock = asyncio.get_running_loop().time
        self._until = self._clock() + WHOLE_SECONDS
        self._inside = False
        try:
            self._parser = PushMultipartParser(
                boundary,
                max_header_size=MAX_HEAD_LINE,
                max_header_count=MAX_HEAD_LINES,
                max_segment_count=most_parts,
            )  # not strict: that refuses a last line break which comes by itself
        except MultipartError:
            raise _no_form() from None
        self._events: Iterator[Any] = iter(())

    async def next(self) -> Part | None:
        """The next part, or None after the last. What was not read of the one before is passed over."""
        while self._inside:
            await self._piece()
        event = await self._event()
        if event is None:
            return None
        self._inside = True
        return Part(event, self._pieces())

    async def _pieces(self) -> AsyncIterator[bytes]:
        while self._inside:
            if (piece := await self._piece()) is not None:
                yield piece

    async def _piece(self) -> bytes | None:
        event = await self._event()
        if event is None:
            self._inside = False
            return None
        return bytes(event)

    async def _event(self) -> Any:
        """What the parser sees next: a part's head, a piece of it, None for its end; None too when all is read."""
        while True:
            try:
                for event in self._events:
                    return event
                if self._parser.closed:
                    return None
                self._events = self._parser.parse(await self._read())
            except MultipartError:
                raise _no_form() from None

    async def _read(self) -> bytes:
        try:
            async with asyncio.timeout(min(PACE_SECONDS, self._until - self._clock())):
                read = await self._content.read(READ_BYTES)
        except TimeoutError:
            raise BadHttp("The body stands still or takes too long. Nothing was changed.") from None
        except ConnectionError:  # whoever sent it is gone; it is no fault of ours, and nobody reads the answer
            raise BadHttp("The body did not arrive whole. Nothing was changed.") from None
        self._left -= len(read)
        if self._left < 0:
            raise self._too_large()
        return read

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"This takes at most {self._most // 1024:,} KiB at once. Nothing was changed.")


def _no_form() -> InvalidField:
    return InvalidField("The body is no whole form in multipart/form-data and UTF-8. Nothing was changed.", field="")
