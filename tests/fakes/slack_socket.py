"""A stand-in for Slack in Socket Mode: `FakeSlack`, which also gives what people do to WebSockets that apps open.

    async with SocketSlack() as slack:
        settings = slack.settings()                        # SLACK_APP_TOKEN instead of a signing secret
        await slack.connected(2)                           # until so many connections are open
        await slack.tap_over_socket(message, "approve", user="U0ANA")      # the payload of the acknowledgement
        await slack.renew(slack.links[0])                  # ask the app for a new connection, then close this one
        slack.cut(slack.links[0])                          # end it without a word
        slack.cut_at_next_ack = True                       # carry nothing over: the next acknowledgement finds no one
        await slack.refuse_sockets()                       # nobody listens; `slack.accept_sockets()` ends that

Envelopes go to one connection after the other. One that is not acknowledged in ``ack_seconds``, or whose connection
ends, is given to the next one. A ticket opens one connection, and an app has ten at most.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import WSMsgType, web

from fakes.slack import FakeSlack
from fakes.slack_views import Dialog, submission
from fakes.slack_workspace import Json
from fakes.stand_in import PATIENCE, Answer

MOST_CONNECTIONS = 10


@dataclass(eq=False)
class Link:
    """One open connection, of the ``caller`` of `FakeSlack.settings`. ``waiting`` are the envelopes that it has not
    acknowledged.
    """

    socket: web.WebSocketResponse
    http_request: web.Request
    caller: str = ""
    waiting: dict[str, asyncio.Future[Json | None]] = field(default_factory=dict)

    def end(self) -> None:
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(ConnectionResetError())


class SocketSlack(FakeSlack):
    """See the module's docstring."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.app_token = "xapp-1-stand-in"
        self.links: list[Link] = []
        self.deliveries: list[tuple[Link, Json]] = []
        self.opened = 0
        self.ack_seconds = 3.0
        self.cut_at_next_ack = False
        self.hands_out: str | None = None
        self._tickets: dict[str, str] = {}
        self._opener = ""
        self._turn = itertools.count()
        self._socket_port = 0
        self._sockets: web.AppRunner | None = None
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        await self.accept_sockets()
        return await super().__aenter__()

    async def __aexit__(self, *_: object) -> None:
        await self.refuse_sockets()
        await super().__aexit__(*_)

    def settings(self, caller: str = "") -> dict[str, str]:
        """The variables for Socket Mode alone."""
        given = super().settings(caller)
        del given["SLACK_SIGNING_SECRET"]
        return {**given, "SLACK_APP_TOKEN": self.app_token}

    # ----------------------------------------------------------------- life of connections

    async def accept_sockets(self) -> None:
        app = web.Application()
        app.router.add_get("/link", self._take_connection)
        self._sockets = web.AppRunner(app, shutdown_timeout=0.1)
        await self._sockets.setup()
        await web.TCPSite(self._sockets, "127.0.0.1", self._socket_port).start()
        self._socket_port = self._sockets.addresses[0][1]

    async def refuse_sockets(self) -> None:
        for link in list(self.links):
            self.cut(link)
        if self._sockets is not None:
            await self._sockets.cleanup()
            self._sockets = None

    async def connected(self, count: int, *, timeout: float = PATIENCE) -> list[Link]:
        """The open connections, once there are exactly ``count``."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: len(self.links) == count)
        return list(self.links)

    async def renewed(self, opened: int, count: int, *, timeout: float = PATIENCE) -> None:
        """Until ``opened`` connections were ever opened, and ``count`` are open."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: self.opened >= opened and len(self.links) == count)

    async def renew(self, link: Link, reason: str = "refresh_requested") -> None:
        """Tell the app to open another connection for this one, which still works until the app closes it. One that was
        killed just now is told nothing.
        """
        with suppress(ConnectionError):
            await link.socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "stand-in"}})

    def cut(self, link: Link) -> None:
        """End a connection without closing it."""
        if link.http_request.transport is not None:
            link.http_request.transport.abort()

    async def _answer(self, http_request: web.Request, method: str, arguments: Json) -> Answer:
        if method != "apps.connections.open":
            return await super()._answer(http_request, method, arguments)
        if http_request.headers.get("Authorization") != f"Bearer {self.app_token}":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        self._opener = http_request.match_info.get("caller", "")
        return await self.carry_out(self._opener, method, arguments)

    def perform(self, method: str, arguments: Json) -> Json:
        if method != "apps.connections.open":
            return super().perform(method, arguments)
        ticket = secrets.token_hex(8)
        self._tickets[ticket] = self._opener
        return {"ok": True, "url": self.hands_out or f"ws://127.0.0.1:{self._socket_port}/link?ticket={ticket}"}

    async def _take_connection(self, http_request: web.Request) -> web.StreamResponse:
        ticket = http_request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403)
        caller = self._tickets.pop(ticket)
        socket = web.WebSocketResponse(autoping=True)
        link = Link(socket, http_request, caller)
        try:
            await socket.prepare(http_request)
            if len(self.links) >= MOST_CONNECTIONS:
                await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
                await socket.close()
                return socket
            await socket.send_json({"type": "hello", "num_connections": len(self.links) + 1, "connection_info": {}})
        except ConnectionError:  # who asked was killed meanwhile
            return socket if socket.prepared else web.Response(status=400)
        await self._noted(link, open_now=True)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and not self._acknowledged(link, json.loads(message.data)):
                    break
        finally:
            link.end()
            await self._noted(link, open_now=False)
        return socket

    async def _noted(self, link: Link, *, open_now: bool) -> None:
        async with self._changed:
            if open_now:
                self.links.append(link)
                self.opened += 1
            else:
                self.links.remove(link)
            self._changed.notify_all()

    def _acknowledged(self, link: Link, answer: Json) -> bool:
        """Note an acknowledgement; False where the connection ended just before it came."""
        if self.cut_at_next_ack:
            self.cut_at_next_ack = False
            self.cut(link)
            return False
        future = link.waiting.get(answer["envelope_id"])
        if future is not None and not future.done():
            future.set_result(answer.get("payload"))
        return True

    # ----------------------------------------------------------------- envelopes

    async def deliver(
        self, kind: str, payload: Mapping[str, Any], *, answerable: bool = False, timeout: float = PATIENCE
    ) -> Json | None:
        """Give a payload to an app until it is acknowledged; what the acknowledgement carries."""
        attempt = 0
        async with asyncio.timeout(timeout):
            while True:
                link = await self._next_link()
                envelope = {
                    "type": kind,
                    "envelope_id": secrets.token_hex(16),
                    "payload": payload,
                    "accepts_response_payload": answerable,
                    **({"retry_attempt": attempt, "retry_reason": "timeout"} if attempt else {}),
                }
                attempt += 1
                try:
                    return await self._handed(link, envelope)
                except (ConnectionError, TimeoutError):
                    await asyncio.sleep(0.01)

    async def _handed(self, link: Link, envelope: Json) -> Json | None:
        acknowledged: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        link.waiting[envelope["envelope_id"]] = acknowledged
        self.deliveries.append((link, envelope))
        try:
            await link.socket.send_json(envelope)
            await self.sent(link, envelope)
            async with asyncio.timeout(self.ack_seconds):
                return await acknowledged
        finally:
            del link.waiting[envelope["envelope_id"]]

    async def sent(self, link: Link, envelope: Json) -> None:
        """An envelope is on its way, and not acknowledged yet: for who wants to act just then."""

    async def _next_link(self) -> Link:
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self.links))
        return self.links[next(self._turn) % len(self.links)]

    async def tap_over_socket(self, message: Any, action: str, *, user: str, **other: Any) -> Json | None:
        return await self.deliver("interactive", self.payload(message, action, user=user, **other))

    async def submit_over_socket(self, dialog: Dialog, values: Json | None = None) -> Json | None:
        """Submit a dialog as who opened it, and carry out what the acknowledgement says."""
        shown = self.shown(dialog)
        payload = submission(dialog, values or {}, team=self.team, user=dialog.user, shown=shown)
        told = await self.deliver("interactive", payload, answerable=True)
        self.carry_out_answer(dialog, told)
        return told

    async def command_over_socket(self, text: str, *, user: str) -> Json | None:
        form = {
            "command": "/sayso",
            "text": text,
            "user_id": user,
            "team_id": self.team,
            "channel_id": "C0PAYMENTS",
            "trigger_id": self.trigger(user),
            "response_url": f"{self.url}response",
        }
        return await self.deliver("slash_commands", form, answerable=True)
