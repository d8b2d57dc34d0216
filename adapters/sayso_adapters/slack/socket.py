"""Socket Mode: what Slack sends comes over connections that we open, so no address of ours is reachable from outside.

Each process keeps two connections, and Slack gives each payload to one of all that are open. A connection is renewed
about once an hour at Slack's wish; it is let go only while the other is open, or after five seconds. A payload is
acknowledged when it is recorded or refused. Where it is neither, or the connection ends before, Slack sends it again,
over whichever connection is open, and it counts once.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

import aiohttp
from slack_bolt.adapter.socket_mode.async_base_handler import AsyncBaseSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.adapter.socket_mode.internals import build_headers
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from sayso_adapters.slack.bolt import SILENT, Dispatcher
from sayso_adapters.slack.settings import SlackSettings
from sayso_adapters.slack.wire import OneToken, Wire, client, failures_named
from sayso_bot.domain.hosts import is_loopback
from sayso_bot.ports import AdapterContext, AdapterError, Gone, Log, Rejected, Retry

CONNECTIONS = 2
PING_SECONDS = 10.0
CLOSE_SECONDS = 0.5
FINISH_SECONDS = 2.5
OTHER_OPEN_SECONDS = 5.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
REFUSED_PAUSE_SECONDS = 300.0
STEADY_SECONDS = 10.0

ENDS = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
DROPPED = "dropped"
LINK_DISABLED = "link_disabled"
RENEWALS = ("warning", "refresh_requested")
REMEDY = (
    "Check SLACK_APP_TOKEN (an app-level token with the scope connections:write) and that Socket Mode is on in the app;"
    " no tap arrives over a socket until then."
)


class Sockets:
    """This process's connections. `start` does not wait for Slack; `stop` ends within a second."""

    def __init__(self, settings: SlackSettings, context: AdapterContext, dispatcher: Dispatcher) -> None:
        self._settings = settings
        self._context = context
        self._dispatcher = dispatcher
        self._wire = Wire(settings, OneToken(settings.app_token))
        self._open: set[Connection] = set()
        self._opened = asyncio.Event()
        self._trouble: str | None = "not_connected"
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self._wire.open()
        if self._context.hears:
            self._tasks = [asyncio.create_task(self._keep()) for _ in range(CONNECTIONS)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._wire.close()

    async def address(self) -> str:
        """A new address to connect to, good for one connection. Raises `AdapterError`."""
        return checked_address(str((await self._wire.call("apps.connections.open"))["url"]))

    async def _keep(self) -> None:
        """Keep one connection open, for ever."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            began = time.monotonic()
            trouble = await self._one_life()
            if time.monotonic() - began >= STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
                if trouble is None:
                    continue
            await asyncio.sleep(self._note(trouble, pause))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _one_life(self) -> AdapterError | None:
        """Open a connection and wait for its end: None where Slack wished for a new one, else what went wrong."""
        try:
            async with self._connected() as connection:
                why = await connection.ended
                if why not in RENEWALS:
                    return _trouble(why)
                await self._let_go(connection)
        except AdapterError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever broke, the connection is opened again
            # only the error's kind is logged: its text may hold an address with its ticket
            self._context.log.error("slack.socket_failed", error=type(error).__name__)  # noqa: TRY400
            return Retry("failed")
        return None

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        address = await self.address()
        connection = Connection(self._settings, address)
        try:
            Acknowledging(self._dispatcher, connection, self._context.log)
            async with failures_named(lost=False):
                await connection.connect()
            if connection.ended.done():
                raise _trouble(connection.ended.result())
            self._open.add(connection)
            self._opened.set()
            if self._trouble is not None:
                self._context.log.info("slack.socket_open", connections=len(self._open))
                self._trouble = None
            yield connection
        finally:
            self._open.discard(connection)
            await connection.close()

    async def _let_go(self, connection: Connection) -> None:
        """Return when ``connection`` may be closed: another is open, or did not open in time."""
        try:
            async with asyncio.timeout(OTHER_OPEN_SECONDS):
                while not self._open - {connection}:
                    self._opened.clear()
                    await self._opened.wait()
        except TimeoutError:
            self._context.log.warning("slack.socket_alone", next="renewing the only connection")
        self._open.discard(connection)
        await connection.finish()

    def _note(self, trouble: AdapterError | None, pause: float) -> float:
        """Log what is new, and return how many seconds to wait before the next connection."""
        wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - so that processes do not come back all at once
        if trouble is None:
            return wait
        is_new, self._trouble = self._trouble != trouble.what, trouble.what
        if isinstance(trouble, Gone | Rejected):
            if is_new:
                self._context.log.error("slack.socket_refused", what=trouble.what, todo=REMEDY)
            return REFUSED_PAUSE_SECONDS
        if is_new:
            self._context.log.warning("slack.socket_lost", what=trouble.what, still_open=len(self._open))
        return max(wait, trouble.after or 0.0) if isinstance(trouble, Retry) else wait


class Connection(SocketModeClient):
    """One connection, from its opening to its end, which ``ended`` tells with the reason; it never opens another.

    slack_sdk's own reconnecting closes before it opens, tries a spent address again for ever, and notices a broken
    connection at the next ping only.
    """

    def __init__(self, settings: SlackSettings, address: str) -> None:
        silent = logging.getLogger("sayso.slack.socket")
        silent.setLevel(SILENT)  # it would write whole payloads, and addresses with their ticket
        super().__init__(
            app_token=settings.app_token,
            logger=silent,
            web_client=client(settings, token=None, session=None),
            auto_reconnect_enabled=False,
            ping_interval=PING_SECONDS,
        )
        self.wss_uri = address
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._greeted = asyncio.Event()
        self._under_way: set[asyncio.Task[Any]] = set()

    async def connect(self) -> None:
        """Open it, once, and return when Slack has said hello or goodbye. Raises what aiohttp raises."""
        host = urlsplit(self.wss_uri or "").hostname or ""
        self.current_session = await self.aiohttp_client_session.ws_connect(
            self.wss_uri or "",
            heartbeat=PING_SECONDS,
            proxy=None if is_loopback(host) or proxy_bypass(host) else self.proxy,
            timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
        )
        self.message_receiver = asyncio.ensure_future(self.receive_messages())
        await self._greeted.wait()

    async def receive_messages(self) -> None:
        session = self.current_session
        try:
            while session is not None:
                message = await session.receive()
                if message.type in ENDS:
                    return
                if message.type is aiohttp.WSMsgType.TEXT:
                    await self.enqueue_message(message.data)
        finally:
            self._end(DROPPED)

    async def run_message_listeners(self, message: dict[str, Any], raw_message: str) -> None:
        if message.get("type") == "hello":
            self._greeted.set()
        elif message.get("type") == "disconnect":
            self._end(str(message.get("reason")))
        elif (task := asyncio.current_task()) is not None:
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            await super().run_message_listeners(message, raw_message)

    async def finish(self) -> None:
        """Give what was received a moment to be acknowledged."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=FINISH_SECONDS)

    async def close(self) -> None:
        await super().close()  # type: ignore[no-untyped-call]
        running = [task for task in (self.message_processor, self.message_receiver) if task is not None]
        await asyncio.gather(*running, return_exceptions=True)

    def _end(self, why: str) -> None:
        if not self.ended.done():
            self.ended.set_result(why)
        self._greeted.set()


class Acknowledging(AsyncBaseSocketModeHandler):
    """Bolt's handler of one connection: an envelope is acknowledged where Bolt answers 200, and only then."""

    def __init__(self, dispatcher: Dispatcher, connection: Connection, log: Log) -> None:
        self.app = dispatcher.app
        self.client = connection
        self._dispatcher = dispatcher
        self._log = log
        connection.socket_mode_request_listeners.append(self.handle)

    async def handle(self, client: AsyncBaseSocketModeClient, req: SocketModeRequest) -> None:
        began = time.time()
        answer = await self._dispatcher.dispatch(req.payload, build_headers(req))
        try:
            await send_async_response(client, req, answer, began)
        except (aiohttp.ClientError, ConnectionError):
            self._log.info("slack.socket_ack_lost", next="Slack sends it again")


def _trouble(why: str) -> AdapterError:
    return Gone(why) if why == LINK_DISABLED else Retry(why)


def checked_address(url: str) -> str:
    """``url`` where it may be connected to. Raises `Rejected`: a payload over plain ws could be anybody's."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if host is None or not (parts.scheme == "wss" or (parts.scheme == "ws" and is_loopback(host))):
        raise Rejected("bad_socket_address")
    return url
