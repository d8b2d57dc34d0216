"""What the stand-ins for Slack and Teams have in common: a server that comes and goes, trouble that is scripted, and
waiting for what happens.

`FakeSlack` and `FakeTeams` say which calls they serve, how their platform refuses one, and where they keep what was
said. Trouble is scripted per call's name, in order; each entry is used up by one call.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Protocol, Self, TypeVar

from aiohttp import web

PATIENCE = 10.0

Json = dict[str, Any]
Answer = web.StreamResponse
Do = Callable[[], Answer]
Trouble = Callable[[Do], Awaitable[Answer]]


class Dropped(Exception):
    """The connection ends without an answer."""


class Posted(Protocol):
    """A message as it is now, as far as every chat's is alike: ``version`` counts its updates, ``words`` are what a
    person reads, ``buttons`` what everybody can tap.
    """

    @property
    def version(self) -> int: ...

    @property
    def words(self) -> str: ...

    @property
    def buttons(self) -> list[str]: ...


M = TypeVar("M", bound=Posted)


class StandIn(ABC, Generic[M]):
    """``calls`` are all that were made, refused ones included; ``messages`` the ones that `posted` hands out."""

    messages: list[M]

    def __init__(self, port: int = 0) -> None:
        self.calls: list[tuple[str, Json]] = []
        self.happened = asyncio.Condition()
        self._port = port
        self._awaited = 0
        self._troubles: defaultdict[str, deque[Trouble]] = defaultdict(deque)
        self._released = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """What is served."""

    @abstractmethod
    def thread(self, message: M) -> list[str]:
        """What stands under ``message``."""

    @abstractmethod
    def told(self, user: str) -> list[str]:
        """What ``user`` alone was told."""

    # ----------------------------------------------------------------- life

    async def __aenter__(self) -> Self:
        await self.accept_connections()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._released.set()
        await self.refuse_connections()

    async def accept_connections(self) -> None:
        """Listen, on the same port as before when connections were refused."""
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]

    async def refuse_connections(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    # ----------------------------------------------------------------- trouble

    def break_(self, name: str, *, status: int = 500, body: str = "oops", times: int = 1) -> None:
        """Answer with a status and a body that is no JSON, nothing done."""
        self.script(name, lambda: web.Response(status=status, text=body), times)

    def hang(self, name: str, *, seconds: float, times: int = 1) -> None:
        """Answer only after a while, or when the stand-in ends."""

        async def trouble(do: Do) -> Answer:
            try:
                async with asyncio.timeout(seconds):
                    await self._released.wait()
            except TimeoutError:
                return do()
            return web.Response(status=503)

        self.trouble(name, trouble, times)

    def drop(self, name: str, *, times: int = 1) -> None:
        """Carry the call out, then end the connection without an answer."""

        async def trouble(do: Do) -> Answer:
            do()
            raise Dropped

        self.trouble(name, trouble, times)

    def script(self, name: str, answer: Do, times: int = 1) -> None:
        """Answer so, nothing done."""

        async def trouble(_: Do) -> Answer:
            return answer()

        self.trouble(name, trouble, times)

    def trouble(self, name: str, trouble: Trouble, times: int = 1) -> None:
        """Have the next calls answered by ``trouble``, which is given what would carry the call out."""
        self._troubles[name].extend([trouble] * times)

    # ----------------------------------------------------------------- what happened

    async def posted(self, *, timeout: float = PATIENCE) -> M:
        """The next message, no reply and no word to one person, that no `posted` has returned yet."""
        await self.until(lambda: len(self.messages) > self._awaited, "a message was posted", timeout)
        self._awaited += 1
        return self.messages[self._awaited - 1]

    async def story(self, message: M, count: int, *, timeout: float = PATIENCE) -> list[str]:
        """What stands under ``message``, once there is so much."""
        await self.until(lambda: len(self.thread(message)) >= count, f"{count} replies stood in the thread", timeout)
        return self.thread(message)

    async def changed(self, message: M, *, since: int = 0, timeout: float = PATIENCE) -> M:
        """``message`` once it was updated more often than ``since``."""
        await self.until(lambda: message.version > since, "the message was updated", timeout)
        return message

    async def until_told(self, user: str, *, count: int = 1, timeout: float = PATIENCE) -> list[str]:
        """What ``user`` alone was told, once there are ``count`` such messages."""
        await self.until(lambda: len(self.told(user)) >= count, f"{user} was told something", timeout)
        return self.told(user)

    def called(self, name: str) -> list[Json]:
        """The arguments of every such call so far, refused ones included."""
        return [arguments for called, arguments in self.calls if called == name]

    async def until_called(self, name: str, *, count: int = 1, timeout: float = PATIENCE) -> None:
        await self.until(lambda: len(self.called(name)) >= count, f"{name} was called", timeout)

    async def until(self, true: Callable[[], bool], what: str, timeout: float = PATIENCE) -> None:
        """Until it is ``true``, looked at after every call."""
        try:
            async with asyncio.timeout(timeout), self.happened:
                await self.happened.wait_for(true)
        except TimeoutError:
            raise AssertionError(f"within {timeout} s it did not happen that {what}") from None

    async def notify(self) -> None:
        """Something happened: who waits looks again."""
        async with self.happened:
            self.happened.notify_all()

    # ----------------------------------------------------------------- the wire

    async def serve(self, http_request: web.Request, answering: Awaitable[Answer]) -> Answer:
        """What ``answering`` answers, or a connection that ends; then who waits looks again."""
        try:
            answer = await answering
        except Dropped:
            if http_request.transport is not None:
                http_request.transport.abort()
            answer = web.Response()
        await self.notify()
        return answer

    async def carry_out_with_trouble(self, name: str, do: Do) -> Answer:
        """Carry the call out, or let the trouble that was scripted for it happen. Raises `Dropped`."""
        if self._troubles[name]:
            return await self._troubles[name].popleft()(do)
        return do()
