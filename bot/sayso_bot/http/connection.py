"""The connection under the application, where aiohttp would speak to callers and to the log in its own words.

What is no HTTP is answered with a problem document like any other error. None of it is logged: a header that could not
be read may hold a key. Bodies are never decompressed, so that nobody can make a small one large. A caller that hangs up
ends its call: an agent that is gone is not held.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.http import HttpProcessingError

from sayso_bot.errors import BadHttp, Internal, SaysoError
from sayso_bot.http import problems

_OF_THE_CALLER = (HttpProcessingError, web.RequestPayloadError, ConnectionError)


class Runner(web.AppRunner):
    """Runs an application on such connections; ``count`` is told the code of each problem."""

    def __init__(self, app: web.Application, count: Callable[[str], None], *, shutdown_timeout: float) -> None:
        super().__init__(app, handle_signals=False, shutdown_timeout=shutdown_timeout)
        self._count = count

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made, self._count)


class _Server(web.Server):
    def __init__(self, made: web.Server, count: Callable[[str], None]) -> None:
        super().__init__(made.request_handler, request_factory=made.request_factory, handler_cancellation=True)
        self._count = count

    def __call__(self) -> web.RequestHandler:
        loop = asyncio.get_running_loop()
        return _Connection(self, loop=loop, count=self._count, access_log=None, auto_decompress=False)


class _Connection(web.RequestHandler):
    __slots__ = ("_count",)

    def __init__(self, server: web.Server, *, count: Callable[[str], None], **options: Any) -> None:
        super().__init__(server, **options)
        self._count = count

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
            found = BadHttp("This is no HTTP, or a header or the address is longer than 8 KiB. Nothing was changed.")
        else:
            found = Internal("Something went wrong inside Sayso. It was logged; whether anything changed is not known.")
        return self._answer(found)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if isinstance(resp, web.HTTPExpectationFailed):
            resp = self._answer(BadHttp("Expect may say 100-continue and nothing else. Nothing was changed."))
        return await super().finish_response(request, resp, start_time)

    def log_exception(self, *args: Any, **details: Any) -> None:
        """Callers' faults are answered, not logged."""
        if not isinstance(details.get("exc_info"), _OF_THE_CALLER):
            super().log_exception(*args, **details)

    def _answer(self, found: SaysoError) -> web.Response:
        self._count(found.code)
        answer = problems.response(found)
        answer.force_close()
        return answer
