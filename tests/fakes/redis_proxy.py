"""A wire between Sayso and a real Redis on which a test can act, call by call.

async with RedisProxy(server) as proxy:
    store = RedisStore(connect(proxy.url), "main")
    proxy.lose("_vote")                         # the next call of it takes effect, then the connection ends unanswered
    proxy.when("_submit", "call", act)          # `act` runs before the next call of it passes, or raises `Cut`
    proxy.when("message:settled", "reply", act) # and before the next thing published on a channel is heard
    proxy.cut()                                 # every connection ends now; `cut_subscriptions` ends only those
    proxy.lead_to(other)                        # who connects from now on reaches another server
    proxy.freeze()                              # nothing passes any more, either way; `thaw` lets it pass again

Calls and replies are read as Redis reads them, and passed on as the bytes that came. A function is named by the end of
its name, another command by that and its first word, what was published by ``message:`` and the end of its channel.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeAlias

import hiredis

from redis_server import RedisServer

_NUMBERS = itertools.count()
_REQUEST = re.compile(rb"req_[0-9a-f-]{36}")
_INCOMPLETE = object()

Moment: TypeAlias = Literal["call", "reply"]
Act: TypeAlias = Callable[[], Awaitable[None]]
Heard: TypeAlias = Callable[[Moment, str, str], None]
"""Told of each call and reply: the moment, the name, and the request that it is about (or "")."""


class Cut(Exception):
    """Raised by an act: what it met does not pass, and its connection ends."""


@dataclass(eq=False, slots=True)
class Snare:
    """One act that waits for its call. ``sprung`` is set when it has acted."""

    name: str
    moment: Moment
    act: Act
    sprung: asyncio.Event = field(default_factory=asyncio.Event)


class RedisProxy:
    """Listens on a Unix socket beside the server's. ``passed`` counts the connections so far."""

    def __init__(self, server: RedisServer, heard: Heard = lambda *_: None) -> None:
        self._server = server
        self._heard = heard
        self._path = server.folder / f"proxy{next(_NUMBERS)}"
        self._open = asyncio.Event()
        self._open.set()
        self._snares: list[Snare] = []
        self._wires: set[_Connection] = set()
        self._listening: asyncio.Server | None = None
        self.lost = 0
        self.passed = 0

    @property
    def url(self) -> str:
        return f"unix://{self._path}"

    def when(self, name: str, moment: Moment, act: Act) -> Snare:
        """Run ``act`` at the next call of ``name``, before the call or its reply passes. `forget` takes it back."""
        snare = Snare(name, moment, act)
        self._snares.append(snare)
        return snare

    def forget(self, snare: Snare) -> None:
        if snare in self._snares:
            self._snares.remove(snare)

    def lose(self, function: str, *, times: int = 1) -> None:
        """Lose the reply to the next calls of a function."""
        for _ in range(times):
            self.when(function, "reply", self._lose)

    async def _lose(self) -> None:
        self.lost += 1
        raise Cut

    def cut(self) -> None:
        for wire in self._wires:
            wire.abort()

    def cut_subscriptions(self) -> None:
        for wire in self._wires:
            if wire.subscribed:
                wire.abort()

    def lead_to(self, server: RedisServer) -> None:
        """From now on, whoever connects reaches another server."""
        self._server = server

    def freeze(self) -> None:
        self._open.clear()

    def thaw(self) -> None:
        self._open.set()

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_unix_server(self._serve, self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listening is not None
        self._listening.close()
        self._open.set()
        self.cut()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.passed += 1
        try:
            there, back = await asyncio.open_unix_connection(self._server.socket)
        except OSError:
            writer.transport.abort()
            return
        wire = _Connection(writer, back)
        self._wires.add(wire)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._commands(reader, wire))
                group.create_task(self._replies(there, wire))
        except* (Cut, OSError):
            pass
        finally:
            self._wires.discard(wire)
            wire.abort()

    async def _commands(self, reader: asyncio.StreamReader, wire: _Connection) -> None:
        while chunk := await reader.read(65536):
            await self._open.wait()
            for name, request in wire.calls(chunk):
                await self._meet("call", name, request)
            wire.back.write(chunk)
        raise Cut

    async def _replies(self, there: asyncio.StreamReader, wire: _Connection) -> None:
        while chunk := await there.read(65536):
            await self._open.wait()
            for name, request in wire.replies(chunk):
                await self._meet("reply", name, request)
            with suppress(ConnectionError):
                wire.writer.write(chunk)
        raise Cut

    async def _meet(self, moment: Moment, name: str, request: str) -> None:
        self._heard(moment, name, request)
        met = (snare for snare in self._snares if snare.moment == moment and name.endswith(snare.name))
        if snare := next(met, None):
            self._snares.remove(snare)
            snare.sprung.set()
            await snare.act()


class _Connection:
    """One connection's two ends, and what was asked on it and is not answered yet."""

    def __init__(self, writer: asyncio.StreamWriter, back: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.back = back
        self.subscribed = False
        self._commands = hiredis.Reader(notEnoughData=_INCOMPLETE)
        self._replies = hiredis.Reader(notEnoughData=_INCOMPLETE)
        self._unanswered: deque[tuple[str, str]] = deque()

    def abort(self) -> None:
        for end in (self.writer, self.back):
            end.transport.abort()

    def calls(self, chunk: bytes) -> Iterator[tuple[str, str]]:
        """The name and the request of each call that is whole with ``chunk``."""
        for words in _whole(self._commands, chunk):
            call = _call(words)
            self.subscribed = self.subscribed or call[0].startswith("SUBSCRIBE ")
            self._unanswered.append(call)
            yield call

    def replies(self, chunk: bytes) -> Iterator[tuple[str, str]]:
        """The same of each reply. A subscription is sent things that were not asked for."""
        for reply in _whole(self._replies, chunk):
            if self.subscribed and isinstance(reply, list) and reply[0] == b"message":
                yield f"message:{reply[1].decode().rpartition(':')[2]}", reply[2].decode()
            elif self._unanswered:
                yield self._unanswered.popleft()


def _whole(reader: hiredis.Reader, chunk: bytes) -> Iterator[Any]:
    reader.feed(chunk)
    while (found := reader.gets()) is not _INCOMPLETE:
        yield found


def _call(words: list[bytes]) -> tuple[str, str]:
    """A function's own name, else the command and its first word; and the first request in its keys."""
    if words[0] == b"FCALL" and len(words) > 3:
        found = _REQUEST.search(b" ".join(words[3 : 3 + int(words[2])]))
        return words[1].decode(), found[0].decode() if found else ""
    return b" ".join(words[:2]).decode("utf-8", "replace"), ""
