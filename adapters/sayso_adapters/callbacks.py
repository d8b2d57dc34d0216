"""What calls us over HTTP from outside: a body within bounds of size and time, and refusals that fill no log."""

from __future__ import annotations

import asyncio

from aiohttp import web

from sayso_bot.ports import Log

READ_BYTES = 64 * 1024


async def body_of(http_request: web.Request, most_bytes: int, seconds: float) -> bytes | None:
    """The body, or None where it is larger. Raises `TimeoutError`, `ConnectionError` where it does not arrive whole."""
    if (http_request.content_length or 0) > most_bytes:
        return None
    body = bytearray()
    async with asyncio.timeout(seconds):
        async for chunk in http_request.content.iter_chunked(READ_BYTES):
            body += chunk
            if len(body) > most_bytes:
                return None
    return bytes(body)


class Refusals:
    """The answers to what is not believed to be a platform's; ``chat`` is in whose name they are logged.

    Nothing of a body is ever logged, and a flood of forgeries makes ever fewer lines.
    """

    def __init__(self, log: Log, chat: str) -> None:
        self._log = log
        self._chat = chat
        self._so_far = 0

    def answer(self, status: int, what: str) -> web.Response:
        self._so_far += 1
        if self._so_far & (self._so_far - 1) == 0:
            self._log.warning(f"{self._chat}.callback_refused", what=what, so_far=self._so_far)
        return web.Response(status=status)
