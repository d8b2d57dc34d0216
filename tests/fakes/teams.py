"""A stand-in for Teams: a real HTTP server that speaks the Bot Connector's API and Entra's, with Teams' limits.

    async with FakeTeams() as teams:
        teams.add_user("29:ana", name="Ana", email="ana@example.com")
        teams.add_channel("19:payments@thread.tacv2", ["29:ana"])
        settings = teams.settings()                     # TEAMS_APP_ID, TEAMS_APP_PASSWORD, TEAMS_AUTHORITY_URL, …
        await teams.install(service_url, "19:payments@thread.tacv2", user="29:ana")
        message = await teams.posted()                  # the next card that was not awaited yet
        await teams.tap(service_url, message, "approve", user="29:ana")
        await teams.changed(message)                    # until the card is updated
        teams.told("29:ana")                            # what this person alone was told

Trouble is scripted per operation, in order, one call each (``times`` for more). The operations are ``send``, ``reply``,
``update``, ``delete``, ``create``, ``members``, ``member``, ``team``, ``token``, ``openid`` and ``keys``:

    teams.fail("send", 403, "BotNotInConversationRoster")   teams.break_("send", status=502)
    teams.limit_rate("send", after=2)                       teams.hang("member", seconds=30)
    teams.drop("send")                      # carried out, but the connection ends before an answer
    teams.refuse_connections()              # nobody listens; `teams.accept_connections()` ends that

``teams.anonymous = True`` asks for no token and sends none, as Microsoft's emulator does.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from typing import Any, Self

from aiohttp import web

from fakes.teams_limits import Json
from fakes.teams_people import People
from fakes.teams_tenant import APP, TENANT, Message, Refused

PATIENCE = 10.0

Reply = web.StreamResponse
Do = Callable[[], Reply]
Trouble = Callable[[Do], Awaitable[Reply]]


class FakeTeams(People):
    """One tenant. See the module's docstring."""

    def __init__(self, *, tenant: str = TENANT, app: str = APP) -> None:
        super().__init__(tenant, app)
        self.calls: list[tuple[str, Json]] = []
        self._port = 0
        self._awaited = 0
        self._troubles: defaultdict[str, deque[Trouble]] = defaultdict(deque)
        self._released = asyncio.Event()
        self._runner: web.AppRunner | None = None

    # ----------------------------------------------------------------- life

    async def __aenter__(self) -> Self:
        await self.accept_connections()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._released.set()
        await self.refuse_connections()

    async def accept_connections(self) -> None:
        app = web.Application(client_max_size=4 * 1024 * 1024)
        at = "/{region}/v3/conversations"
        app.router.add_post(at, self._on("create"))
        app.router.add_post(at + "/{conversation}/activities", self._on("send"))
        app.router.add_post(at + "/{conversation}/activities/{activity}", self._on("reply"))
        app.router.add_put(at + "/{conversation}/activities/{activity}", self._on("update"))
        app.router.add_delete(at + "/{conversation}/activities/{activity}", self._on("delete"))
        app.router.add_get(at + "/{conversation}/members", self._on("members"))
        app.router.add_get(at + "/{conversation}/{paged:pagedmembers|pagedMembers}", self._on("members"))
        app.router.add_get(at + "/{conversation}/members/{member}", self._on("member"))
        app.router.add_get("/{region}/v3/teams/{team}", self._on("team"))
        app.router.add_get("/{region}/v3/teams/{team}/{conversations:conversations}", self._on("team"))
        app.router.add_get("/v1/.well-known/openidconfiguration", self._on("openid"))
        app.router.add_get("/v1/.well-known/keys", self._on("keys"))
        app.router.add_get("/common/discovery/instance", self._on("discovery"))
        app.router.add_get("/{tenant}/v2.0/.well-known/openid-configuration", self._on("discovery"))
        app.router.add_post("/{tenant}/oauth2/v2.0/token", self._on("token"))
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

    def settings(self) -> dict[str, str]:
        """The variables that make a service talk to this stand-in."""
        return {
            "TEAMS_APP_ID": self.app,
            "TEAMS_APP_PASSWORD": self.password,
            "TEAMS_TENANT_ID": self.tenant,
            "TEAMS_AUTHORITY_URL": self.root,
            "TEAMS_OPENID_URL": f"{self.root}/v1/.well-known/openidconfiguration",
        }

    # ----------------------------------------------------------------- trouble

    def fail(self, operation: str, status: int, code: str = "ServiceError", *, times: int = 1) -> None:
        """Answer with Teams' own error, nothing done."""
        self._script(operation, lambda: _error(status, code), times)

    def break_(self, operation: str, *, status: int = 500, body: str = "oops", times: int = 1) -> None:
        """Answer with a status and a body that is no JSON, nothing done."""
        self._script(operation, lambda: web.Response(status=status, text=body), times)

    def limit_rate(self, operation: str, *, after: float, times: int = 1) -> None:
        """429 with ``Retry-After``."""
        self._script(operation, lambda: _error(429, "TooManyRequests", after), times)

    def hang(self, operation: str, *, seconds: float, times: int = 1) -> None:
        """Answer only after a while, or when the stand-in ends."""

        async def trouble(do: Do) -> Reply:
            try:
                async with asyncio.timeout(seconds):
                    await self._released.wait()
            except TimeoutError:
                return do()
            return web.Response(status=503)

        self._troubles[operation].extend([trouble] * times)

    def drop(self, operation: str, *, times: int = 1) -> None:
        """Carry the call out, then end the connection without an answer."""

        async def trouble(do: Do) -> Reply:
            do()
            raise Dropped

        self._troubles[operation].extend([trouble] * times)

    def _script(self, operation: str, answer: Do, times: int) -> None:
        async def trouble(_: Do) -> Reply:
            return answer()

        self._troubles[operation].extend([trouble] * times)

    # ----------------------------------------------------------------- what happened

    async def posted(self, *, timeout: float = PATIENCE) -> Message:
        """The next message of the bot, no reply and no word to one person, that no `posted` has returned yet."""
        await self._until(lambda: len(self.messages) > self._awaited, "a message was posted", timeout)
        self._awaited += 1
        return self.messages[self._awaited - 1]

    async def story(self, message: Message, count: int, *, timeout: float = PATIENCE) -> list[str]:
        """What stands under ``message``, once there is so much."""
        await self._until(lambda: len(self.thread(message)) >= count, f"{count} replies stood in the thread", timeout)
        return self.thread(message)

    def thread(self, message: Message | str) -> list[str]:
        """The words of each reply under a message, which may be a person's: then its id."""
        root = message if isinstance(message, str) else message.id
        return [reply.words for reply in self.replies if reply.thread == root and not reply.deleted]

    async def answered(self, message: str, *, timeout: float = PATIENCE) -> str:
        """The first answer under a person's message."""
        await self._until(lambda: bool(self.thread(message)), "the bot answered", timeout)
        return self.thread(message)[0]

    async def changed(self, message: Message, *, since: int = 0, timeout: float = PATIENCE) -> Message:
        """``message`` once it was updated more often than ``since``."""
        await self._until(lambda: message.version > since, "the message was updated", timeout)
        return message

    async def until_told(self, user: str, *, count: int = 1, timeout: float = PATIENCE) -> list[str]:
        """What ``user`` alone was told, once there are ``count`` such messages."""
        await self._until(lambda: len(self.told(user)) >= count, f"{user} was told something", timeout)
        return self.told(user)

    def told(self, user: str) -> list[str]:
        """What ``user`` alone was told: in answer to a tap, or in their chat with the bot."""
        return [text for who, text in self.private if who == user]

    def called(self, operation: str) -> list[Json]:
        """The arguments of every call so far, refused ones included."""
        return [arguments for name, arguments in self.calls if name == operation]

    async def until_called(self, operation: str, *, count: int = 1, timeout: float = PATIENCE) -> None:
        await self._until(lambda: len(self.called(operation)) >= count, f"{operation} was called", timeout)

    async def _until(self, true: Callable[[], bool], what: str, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout), self.happened:
                await self.happened.wait_for(true)
        except TimeoutError:
            raise AssertionError(f"within {timeout} s it did not happen that {what}") from None

    # ----------------------------------------------------------------- the wire

    def _on(self, operation: str) -> Callable[[web.Request], Awaitable[Reply]]:
        async def serve(http_request: web.Request) -> Reply:
            arguments: Json = {
                **http_request.match_info,
                "authorization": http_request.headers.get("Authorization", ""),
            }
            if http_request.content_type == "application/json" and http_request.can_read_body:
                arguments["body"] = await http_request.json()
            elif http_request.can_read_body:
                arguments["form"] = {name: str(value) for name, value in (await http_request.post()).items()}
            self.calls.append((operation, arguments))
            try:
                answer = await self._answer(operation, arguments)
            except Dropped:
                assert http_request.transport is not None
                http_request.transport.abort()
                answer = web.Response()
            async with self.happened:
                self.happened.notify_all()
            return answer

        return serve

    async def _answer(self, operation: str, arguments: Json) -> Reply:
        identity = operation in ("token", "openid", "keys", "discovery")
        if not identity and not self.anonymous and not self.admits(arguments["authorization"]):
            return web.json_response({"message": "Authorization has been denied for this request."}, status=401)

        def do() -> Reply:
            try:
                return self._identity(operation, arguments) if identity else self._connector(operation, arguments)
            except Refused as error:
                return _error(error.status, error.code, error.after)

        if self._troubles[operation]:
            return await self._troubles[operation].popleft()(do)
        return do()

    def _connector(self, operation: str, arguments: Json) -> Reply:
        at, body = arguments.get("conversation", ""), arguments.get("body", {})
        match operation:
            case "create":
                return web.json_response({**self.create(body), "serviceUrl": self.service_url}, status=201)
            case "send":
                return web.json_response(self.send(at, body), status=201)
            case "reply":
                return web.json_response(self.send(at, body, arguments["activity"]), status=201)
            case "update":
                return web.json_response(self.update(at, arguments["activity"], body))
            case "delete":
                return web.json_response(self.delete(at, arguments["activity"]))
            case "members":
                found = self.members(at, paged="paged" in arguments)
                return web.json_response({"members": found} if "paged" in arguments else found)
            case "member":
                return web.json_response(self.member(at, arguments["member"]))
            case _:
                listed = "conversations" in arguments
                return web.json_response(self.channels(arguments["team"]) if listed else self.team(arguments["team"]))

    def _identity(self, operation: str, arguments: Json) -> Reply:
        match operation:
            case "openid":
                return web.json_response(self.framework_metadata(self.root))
            case "keys":
                return web.json_response(self.key_set())
            case "token":
                url = f"{self.root}/{arguments['tenant']}/oauth2/v2.0/token"
                status, said = self.grant(arguments["tenant"], arguments.get("form", {}), url)
                return web.json_response(said, status=status)
            case _:
                host = f"127.0.0.1:{self._port}"
                if tenant := arguments.get("tenant"):
                    return web.json_response(self.entra_metadata(self.root, tenant))
                return web.json_response(self.instance_discovery(self.root, host))


class Dropped(Exception):
    """The connection ends without an answer."""


def _error(status: int, code: str, after: float | None = None) -> Reply:
    headers = {} if after is None else {"Retry-After": str(max(1, round(after)))}
    said: Any = {"error": {"code": code, "message": f"{code}: the stand-in refuses this call."}}
    return web.json_response(said, status=status, headers=headers)
