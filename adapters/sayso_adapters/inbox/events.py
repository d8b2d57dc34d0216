"""Live hints: one subscription of the desk's changes while any page is open, and a stream to each.

A hint names a request and what happened to it; the page then reads what it shows again, under its own session. So a
hint that is lost, doubled or late harms nothing: whoever falls behind is told to read everything again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import web

from sayso_adapters.inbox.looks import HEADERS
from sayso_adapters.inbox.sessions import Session, Sessions
from sayso_bot.errors import SaysoError
from sayso_bot.ports import Change, DeskFace, Log

HEARTBEAT_SECONDS = 15.0
STREAMS_PER_SESSION = 4
_BEHIND = 64
_AGAIN_AFTER_SECONDS = 1.0
_ALIVE = b"event: alive\ndata: 1\n\n"


@dataclass(eq=False, slots=True)
class Listener:
    """One open page. ``behind`` says that hints were dropped; ``closed`` that its stream is to end."""

    session_id: str
    transport: asyncio.BaseTransport | None
    hints: list[Change] = field(default_factory=list)
    behind: bool = False
    closed: bool = False
    stirred: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, change: Change | None) -> None:
        if change is None or len(self.hints) >= _BEHIND:
            self.hints.clear()
            self.behind = True
        elif not self.behind:
            self.hints.append(change)
        self.stirred.set()

    def close(self) -> None:
        self.closed = True
        self.stirred.set()

    @property
    def lost(self) -> bool:
        return self.transport is None or self.transport.is_closing()

    async def next(self, seconds: float) -> list[str]:
        """What to send now, as lines of data; nothing when ``seconds`` passed without news."""
        try:
            async with asyncio.timeout(seconds):
                await self.stirred.wait()
        except TimeoutError:
            return []
        self.stirred.clear()
        hints, behind = self.hints, self.behind
        self.hints, self.behind = [], False
        return [_data("", "again")] if behind else [_data(change.request_id, change.kind) for change in hints]


class Live:
    """All open pages, and the task that feeds them."""

    def __init__(self, desk: DeskFace, sessions: Sessions, log: Log, *, heartbeat: float = HEARTBEAT_SECONDS) -> None:
        self._desk = desk
        self._sessions = sessions
        self._log = log
        self._heartbeat = heartbeat
        self._listeners: set[Listener] = set()
        self._wanted = asyncio.Event()
        self._unwanted = asyncio.Event()
        self._stopped = False

    async def feed(self) -> None:
        """Pass changes on while any page is open, until the service stops."""
        while True:
            await self._wanted.wait()
            if self._stopped:
                return
            try:
                async with self._desk.changes() as changes:
                    self._tell_all(None)
                    await self._pass_on_while_wanted(changes)
            except SaysoError as error:
                self._log.warning("changes_lost", code=error.code)
            if not self._unwanted.is_set():
                await asyncio.sleep(_AGAIN_AFTER_SECONDS)

    def stop(self) -> None:
        """End every stream, and the feed."""
        self._stopped = True
        self._wanted.set()
        self._unwanted.set()
        for listener in self._listeners:
            listener.close()

    def end_session(self, session_id: str) -> None:
        for listener in self._listeners:
            if listener.session_id == session_id:
                listener.close()

    async def stream(self, http_request: web.Request, session: Session) -> web.StreamResponse:
        """``GET /inbox/events``: hints for as long as the session, the page and the service live.

        A session has a few streams at most; one more is answered 429, and that page asks from time to time instead.
        """
        if self._stopped or self._open_streams(session.id) >= STREAMS_PER_SESSION:
            status = 503 if self._stopped else 429
            return web.Response(status=status, headers={**HEADERS, "Retry-After": "15"})
        response = web.StreamResponse(headers={**HEADERS, "X-Accel-Buffering": "no"})
        response.content_type = "text/event-stream"
        response.charset = "utf-8"
        with self._listening(session.id, http_request.transport) as listener:
            await response.prepare(http_request)
            try:
                await self._write(response, listener)
            except ConnectionError:
                return response
        return response

    async def _write(self, response: web.StreamResponse, listener: Listener) -> None:
        """Hints as they come, and by the clock, however busy the book is, a heartbeat that looks after the session."""
        await response.write(b"retry: 2000\n" + _ALIVE)
        clock = asyncio.get_running_loop().time
        due = clock() + self._heartbeat
        while not listener.closed:
            lines = await listener.next(max(0.0, due - clock()))
            late = clock() >= due
            if listener.closed or (late and not await self._sessions.alive(listener.session_id)):
                break
            if late:
                lines.append(_ALIVE.decode())
                due = clock() + self._heartbeat
            await response.write("".join(lines).encode())
        await response.write_eof()

    async def _pass_on_while_wanted(self, changes: AsyncIterator[Change | None]) -> None:
        passing = asyncio.ensure_future(self._pass_on(changes))
        unwanted = asyncio.ensure_future(self._unwanted.wait())
        try:
            await asyncio.wait((passing, unwanted), return_when=asyncio.FIRST_COMPLETED)
            if passing.done():
                passing.result()
        finally:
            passing.cancel()
            unwanted.cancel()
            await asyncio.gather(passing, unwanted, return_exceptions=True)

    async def _pass_on(self, changes: AsyncIterator[Change | None]) -> None:
        async for change in changes:
            self._tell_all(change)

    def _tell_all(self, change: Change | None) -> None:
        for listener in self._listeners:
            listener.tell(change)

    def _open_streams(self, session_id: str) -> int:
        """Streams of this session; ones whose page has gone are let go first."""
        mine = [listener for listener in self._listeners if listener.session_id == session_id]
        for listener in mine:
            if listener.lost:
                listener.close()
        return sum(not listener.closed for listener in mine)

    @contextmanager
    def _listening(self, session_id: str, transport: asyncio.BaseTransport | None) -> Iterator[Listener]:
        listener = Listener(session_id, transport)
        self._listeners.add(listener)
        self._wanted.set()
        self._unwanted.clear()
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners and not self._stopped:
                self._wanted.clear()
                self._unwanted.set()


def _data(request_id: str, kind: str) -> str:
    return f"data: {json.dumps({'id': request_id, 'kind': kind})}\n\n"
