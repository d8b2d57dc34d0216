"""The connection under the application, where aiohttp would speak to callers and to the log in its own words.

What is no HTTP is answered with a problem document like any other error. None of it is logged: a header that could not
be read may hold a key. Bodies are never decompressed, so that nobody can make a small one large. A caller that hangs up
ends its call: an agent that is gone is not held. What a connection waits for is told to `Connections`, which bounds it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable
from contextlib import suppress
from itertools import chain
from typing import Any, Protocol, cast

from aiohttp import StreamReader, web
from aiohttp.http import HttpProcessingError

from sayso_bot.errors import BadHttp, Internal, SaysoError, Unavailable
from sayso_bot.http import problems
from sayso_bot.http.answer import Answer
from sayso_bot.http.app import Entrance
from sayso_bot.http.leaving import Leaving
from sayso_bot.http.limits import BACKLOG, TAKEN_AT_ONCE, Closed, Connections, Wait
from sayso_bot.http.table import Handler

LOOK_SECONDS = 1.0
SYSTEM_HOLDS_BYTES = 64 * 1024
"""Of an answer that is not read the system would take megabytes, which nobody counts."""
LINGER_SECONDS = 5.0
"""So long a body is taken in that nobody wants, so that its sender sees the answer."""
UNWANTED_BYTES = 16 * 1024
"""So much of an unwanted body is still read, so that its connection can be used again. A longer one ends it, and is
dropped as it comes, so that it takes little of anybody's time.
"""
_OF_THE_CALLER = (HttpProcessingError, web.RequestPayloadError, ConnectionError)


class Counts(Protocol):
    """What the metrics are told."""

    def refused(self, code: str) -> None: ...

    def closed(self, why: str) -> None: ...


class Runner(web.AppRunner):
    """Runs ``entrance`` on such connections. ``counts`` is told of each problem and of each connection we end."""

    def __init__(
        self, entrance: Entrance, counts: Counts, connections: Connections, *, shutdown_timeout: float
    ) -> None:
        super().__init__(entrance.app, handle_signals=False, shutdown_timeout=shutdown_timeout)
        self._entrance = entrance
        self._counts = counts
        self._connections = connections
        self._looking: asyncio.Task[None] | None = None

    async def setup(self) -> None:
        await super().setup()
        self._looking = asyncio.create_task(self._look())

    async def cleanup(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
        await super().cleanup()

    async def _look(self) -> None:
        while True:
            more = self._connections.close_late()
            await asyncio.sleep(0 if more else LOOK_SECONDS)

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made, self._entrance.opened(), self._counts, self._connections)


class Site(web.TCPSite):
    """Where callers come in. `BACKLOG` of them may wait, of which asyncio takes `TAKEN_AT_ONCE`: to it both are one."""

    def __init__(self, runner: Runner, host: str, port: int) -> None:
        super().__init__(runner, host, port, backlog=TAKEN_AT_ONCE)

    async def start(self) -> None:
        """Raises `OSError`."""
        await super().start()
        for listening in cast(asyncio.Server, self._server).sockets:
            with listening.dup() as same:
                same.listen(BACKLOG)


class _Server(web.Server):
    def __init__(self, made: web.Server, handler: Handler, counts: Counts, connections: Connections) -> None:
        handler = _within(connections.limits.head_bytes, handler)
        super().__init__(cast(Any, handler), request_factory=made.request_factory, handler_cancellation=True)
        self._counts = counts
        self._bounds = connections
        self._leaving = Leaving()

    def __call__(self) -> web.RequestHandler:
        loop, headers = asyncio.get_running_loop(), self._bounds.limits.headers
        return _Connection(
            self,
            loop=loop,
            counts=self._counts,
            connections=self._bounds,
            leaving=self._leaving,
            access_log=None,
            auto_decompress=False,
            lingering_time=LINGER_SECONDS,
            max_headers=headers,
        )


def _within(most: int, handler: Handler) -> Handler:
    """``handler`` for calls whose head has ``most`` bytes. One that came whole at once was not bounded on its way."""

    async def refuse(http_request: web.Request) -> web.StreamResponse:
        return cast(_Connection, http_request.protocol).answer(_too_large(most))

    def handle(http_request: web.Request) -> Awaitable[web.StreamResponse]:
        is_bounded = not cast(_Connection, http_request.protocol).reads_much
        if is_bounded or sum(map(len, chain.from_iterable(http_request.raw_headers))) <= most:
            return handler(http_request)
        return refuse(http_request)

    return handle


class _Connection(web.RequestHandler):
    """Waits for its caller, or has a call ``under way``, which waits for us unless its body or its reader is awaited.
    Once it ``reads_much`` at a time, a head may have come whole that is too large.

    A body that is awaited may be that of a call which was sent ``ahead`` of another one's answer: then it waits for us.

    aiohttp does not tell when a head is whole, keeps bodies that nobody needs, and looks again at what it has seen. So
    three parts of its inside are used, here and nowhere else: `_messages`, the queue of what was parsed and not begun,
    a request's `_read_bytes`, and `_reading_paused`. Asyncio's transport holds a method of its own, `_read_ready_cb`:
    so each connection that has ended would lie about until garbage is looked for among all.
    """

    __slots__ = (
        "_ahead", "_body", "_connections", "_counts", "_drops", "_files", "_head", "_leaving", "_spoke", "_under_way",
        "_wire", "reads_much",
    )  # fmt: skip
    _wire: asyncio.Transport

    def __init__(
        self, server: web.Server, *, counts: Counts, connections: Connections, leaving: Leaving, **options: Any
    ) -> None:
        super().__init__(server, **options)
        self._counts = counts
        self._connections = connections
        self._leaving = leaving
        self._under_way = self._spoke = self._ahead = self._files = self._drops = False
        self._body: StreamReader | None = None
        self._head = 0
        self.reads_much = False

    # ------------------------------------------------------------------ what it waits for

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._wire = cast(asyncio.Transport, transport)
        self._wire.set_write_buffer_limits(high=0)  # writing is paused while one byte is unread
        if (opened := self._wire.get_extra_info("socket")) is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SYSTEM_HOLDS_BYTES)
        if not self._connections.opened(self):
            self._counts.closed(Closed.FULL)
            self._end(Unavailable("All connections are in use. Nothing was changed.", retry_after=1))

    def connection_lost(self, exc: BaseException | None) -> None:
        self._connections.closed(self)
        super().connection_lost(exc)
        vars(self._wire).pop("_read_ready_cb", None)

    def data_received(self, data: bytes) -> None:
        """Take in what was sent. What belongs to no body counts as head until all that was asked is answered."""
        if self._drops:
            return
        body, parsed = self._body, len(self._messages)
        had = body.total_bytes if body else 0
        self.reads_much |= len(data) > self._connections.limits.head_bytes - self._head
        super().data_received(data)
        if len(self._messages) > parsed:
            payload = self._messages[-1][1]
            self._body = None if payload.is_eof() else payload
            self._ahead = self._under_way or len(self._messages) > 1
            if self._under_way:
                self._head_goes_on(len(data) - (body.total_bytes - had if body else 0))
            else:
                self._head = 0
            self._under_way = self._spoke = True
            self._note()
        elif body is None:
            if (
                self._under_way or self._head or data.strip(b"\r\n")
            ):  # empty lines between calls mean nothing (RFC 9112)
                self._head_goes_on(len(data))
        elif body.is_eof():
            self._body = None
            self._note()

    def eof_received(self) -> None:
        """Nothing more comes, which ends the connection."""
        self._leaving.all_leave()
        super().eof_received()

    def _head_goes_on(self, more: int) -> None:
        if not more or self._wire.is_closing():
            return
        if not self._head and self._spoke and not self._under_way:
            self._connections.waits(self, Wait.HEAD)
        self._head += more
        if self._head > (most := self._connections.limits.head_bytes):
            self._counts.closed(Closed.TOO_MUCH)
            self._end(None if self._under_way else _too_large(most))

    def resume_reading(self, resume_parser: bool = True) -> None:
        """aiohttp asks for this whenever a body was read, and would look through what came again."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._connections.waits_for_reader(self)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._note()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Answer, and begin no other call before the answer has been read."""
        if type(resp) is web.HTTPExpectationFailed:
            resp = self.answer(BadHttp("Expect may say 100-continue and nothing else. Nothing was changed."))
        if self._body is not None and not self._ahead and _is_long(request, self._body):
            resp.force_close()
            self._drops = True
        answer, lost = await super().finish_response(request, resp, start_time)
        _let_go(request, answer)
        if self.writing_paused:
            try:
                await request.writer.drain()
            except ConnectionError:
                lost = True
        self._answered()
        return answer, lost

    def _answered(self) -> None:
        self._under_way, self._ahead, self._files = bool(self._messages), len(self._messages) > 1, False
        if not self._under_way:
            self._head = 0
        self._note()

    def _note(self) -> None:
        """Say what is waited for from now on."""
        if self.writing_paused:
            return  # for the reader, until writing goes on
        if not self._under_way:
            self._connections.waits(self, Wait.IDLE)
        elif self._body is not None and not self._ahead:
            self._connections.waits(self, Wait.FILES if self._files else Wait.BODY)
        else:
            self._connections.works(self)

    def brings_files(self) -> None:
        """The call that is under way may take as long over its body as files may."""
        self._files = True
        self._note()

    def unread(self) -> int:
        return self._wire.get_write_buffer_size()

    # ------------------------------------------------------------------ ending it

    def close_for(self, why: Closed, wait: Wait) -> None:
        """As `Peer`. Who is late with a head is told; nobody else has asked for anything that could be answered."""
        self._counts.closed(why)
        told = None
        if why is Closed.LATE and self._head and wait in (Wait.FIRST, Wait.HEAD):
            seconds = self._connections.limits.head_seconds
            told = BadHttp(f"The head of the call did not arrive whole within {seconds:.0f} s. Nothing was changed.")
        self._end(told)

    def _end(self, found: SaysoError | None) -> None:
        """Close now. What cannot be sent at once is dropped: closing would wait for its reader."""
        self._leaving.all_leave()
        if found is not None:
            self._counts.refused(found.code)
            self._wire.write(problems.response(found).on_the_wire())
        self.force_close()
        if self.unread():
            self._wire.abort()

    # ------------------------------------------------------------------ what it says

    def leave(self, answer: bytes) -> Awaitable[None]:
        """As `Wire`."""
        return self._leaving.leave(self._wire, answer)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no HTTP (400), and to an error that no middleware saw."""
        if isinstance(exc, ConnectionError):
            raise exc
        if status >= 500:
            self.log_exception("Error handling a call", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer had begun")
        found: SaysoError
        if status < 500:
            found = BadHttp(
                "This is no HTTP, or it has too many headers, or one or the address is longer than 8 KiB."
                " Nothing was changed."
            )
        else:
            found = Internal(problems.OUR_FAULT)
        return self.answer(found)

    def log_exception(self, *args: Any, **details: Any) -> None:
        """Callers' faults are answered, not logged."""
        if not isinstance(details.get("exc_info"), _OF_THE_CALLER):
            super().log_exception(*args, **details)

    def answer(self, found: SaysoError) -> Answer:
        """The problem document, after which the connection ends."""
        self._counts.refused(found.code)
        answer = problems.response(found)
        answer.force_close()
        return answer


def brings_files(http_request: web.BaseRequest) -> None:
    """Bear with this call's body for as long as files may take."""
    cast(_Connection, http_request.protocol).brings_files()


def _let_go(request: web.BaseRequest, answer: web.StreamResponse) -> None:
    """Drop the bodies of a call that is over. aiohttp keeps it until the next one comes, which may be long.

    An `Answer` has let go of its own, and is known without the look at an abstract class, which is slow.
    """
    request._read_bytes = None
    if type(answer) is not Answer and isinstance(answer, web.Response):
        answer.body = None


def _is_long(request: web.BaseRequest, body: StreamReader) -> bool:
    """Whether what is still to come of ``body`` is more than anybody reads who does not want it."""
    whole = request.content_length
    return not body.is_eof() and (whole is None or whole - body.total_bytes > UNWANTED_BYTES)


def _too_large(most: int) -> BadHttp:
    return BadHttp(f"The head of a call has at most {most // 1024} KiB. Nothing was changed.")
