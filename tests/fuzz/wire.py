"""A plain socket to the service, and what came back on it, read strictly."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import h11

BOUND_SECONDS = 10.0
QUIET_SECONDS = 0.25
HELD_SECONDS = 0.5
CHUNK = 1 << 16
VERSIONS = ("HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0")  # aiohttp's parser takes these four, and answers in kind


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0]


@dataclass(slots=True)
class Exchange:
    """``ended``: the service closed; ``silent``: it neither answered nor closed in time. ``left`` is no HTTP."""

    sent: bytes
    answers: list[Answer] = field(default_factory=list)
    left: bytes = b""
    ended: bool = False
    streams: bool = False
    seconds: float = 0.0


async def exchange(port: int, data: bytes, *, whole: bool) -> Exchange:
    """Send ``data`` and read until the service closes, or as long as it may take.

    What may be half a call is ended from this side once the service is quiet; then it has to close.
    """
    found, begun = Exchange(data), time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    try:
        writer.write(data)
        first, after = _patience(data, whole)
        raw = await _read(reader, first, after, found)
        if not (found.ended or found.streams or whole):
            writer.write_eof()
            raw += await _read(reader, BOUND_SECONDS, BOUND_SECONDS, found)
    except OSError:  # closed while we were still sending
        raw, found.ended = b"", True
    finally:
        writer.transport.abort()
    found.seconds = time.monotonic() - begun
    found.answers, found.left = parsed(raw, heads=b"HEAD" in data, cut=found.streams)
    return found


def may_be_held(data: bytes) -> bool:
    """Whether the call may have asked to be held for a decision that nobody will make."""
    return b"wait" in data.lower()


def _patience(data: bytes, whole: bool) -> tuple[float, float]:
    """How long to wait for the first of an answer, and for each next part of it."""
    if may_be_held(data):
        return HELD_SECONDS, HELD_SECONDS
    if whole:
        return BOUND_SECONDS, BOUND_SECONDS
    return (BOUND_SECONDS if is_whole(data) else QUIET_SECONDS), QUIET_SECONDS


async def _read(reader: asyncio.StreamReader, first: float, after: float, found: Exchange) -> bytes:
    raw = bytearray()
    try:
        while chunk := await asyncio.wait_for(reader.read(CHUNK), after if raw else first):
            raw += chunk
            if b"text/event-stream" in raw[:4096]:
                found.streams = True
                return bytes(raw)
        found.ended = True
    except TimeoutError:
        return bytes(raw)
    except ConnectionError:
        found.ended = True
    return bytes(raw)


def parsed(raw: bytes, *, heads: bool = False, cut: bool = False) -> tuple[list[Answer], bytes]:
    """The answers in ``raw``, and what is left of it.

    ``heads``: some answer a HEAD, which tells the length of a body that does not come. ``cut``: the last one's body
    was not read to its end.
    """
    answers: list[Answer] = []
    while raw:
        top, end, rest = raw.partition(b"\r\n\r\n")
        first, *lines = top.decode("latin-1").split("\r\n")
        version, _, status = first.partition(" ")
        if not end or version not in VERSIONS or not status[:3].isdigit():
            return answers, raw
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        code = int(status[:3])
        without = code < 200 or code in (204, 304) or (heads and (not rest or rest.startswith(b"HTTP/1.")))
        length = 0 if without else int(headers.get("content-length", len(rest)))
        if len(rest) < length and not cut:
            return answers, raw
        answers.append(Answer(code, headers, rest[:length]))
        raw = rest[length:]
    return answers, b""


def is_whole(data: bytes) -> bool:
    """Whether ``data`` begins with a complete call in the eyes of another reader of HTTP.

    HTTP/2's preface is none: it looks like one, and goes on.
    """
    if data.startswith(b"PRI "):
        return False
    reader = h11.Connection(h11.SERVER)
    try:
        reader.receive_data(data)
        for _ in range(len(data) + 3):
            event = reader.next_event()
            if isinstance(event, h11.EndOfMessage):
                return True
            if not isinstance(event, (h11.Request, h11.Data)):
                return False
    except h11.RemoteProtocolError:
        return False
    return False
