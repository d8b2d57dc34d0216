"""A wire between Sayso and a real Redis that a test can break.

async with RedisProxy(server) as proxy:
    store = RedisStore(connect(proxy.url), "main")
    proxy.lose("_vote")         # the next call of it takes effect, then the connection ends without its reply
    proxy.cut()                 # every connection ends now
    proxy.freeze()              # nothing passes any more, either way; `thaw` lets it pass again
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from typing import Self

from redis_server import RedisServer

_NUMBERS = itertools.count()


class RedisProxy:
    """Listens on a Unix socket beside the server's. ``passed`` counts the connections so far."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._path = server.folder / f"proxy{next(_NUMBERS)}"
        self._open = asyncio.Event()
        self._open.set()
        self._to_lose: list[bytes] = []
        self._connections: set[asyncio.StreamWriter] = set()
        self._listening: asyncio.Server | None = None
        self.lost = 0
        self.passed = 0

    @property
    def url(self) -> str:
        return f"unix://{self._path}"

    def lose(self, function: str, *, times: int = 1) -> None:
        """Lose the reply to the next calls of a function, named by the end of its name."""
        self._to_lose.extend([function.encode() + b"\r\n"] * times)

    def cut(self) -> None:
        for writer in self._connections:
            writer.transport.abort()

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
        ends = {writer, back}
        self._connections |= ends
        losing = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._commands(reader, back, losing))
                group.create_task(self._replies(there, writer, losing))
        except* (_Ended, OSError):
            pass
        finally:
            self._connections -= ends
            for end in ends:
                end.transport.abort()

    async def _commands(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        while chunk := await reader.read(65536):
            await self._open.wait()
            for marker in self._to_lose:
                if marker in chunk:
                    self._to_lose.remove(marker)
                    losing.set()
                    break
            back.write(chunk)
        raise _Ended

    async def _replies(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        while chunk := await there.read(65536):
            await self._open.wait()
            if losing.is_set():
                self.lost += 1
                break
            with suppress(ConnectionError):
                writer.write(chunk)
        raise _Ended


class _Ended(Exception):
    """One side has ended, so both do."""
