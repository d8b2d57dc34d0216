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

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from fakes.stand_in import PATIENCE, Answer, StandIn
from fakes.teams_limits import Json
from fakes.teams_people import People
from fakes.teams_tenant import APP, TENANT, Message, Refused


class FakeTeams(StandIn[Message], People):
    """One tenant. See the module's docstring."""

    def __init__(self, *, tenant: str = TENANT, app: str = APP) -> None:
        StandIn.__init__(self)
        People.__init__(self, tenant, app)

    def routes(self) -> list[web.RouteDef]:
        at = "/{region}/v3/conversations"
        return [
            web.post(at, self._on("create")),
            web.post(at + "/{conversation}/activities", self._on("send")),
            web.post(at + "/{conversation}/activities/{activity}", self._on("reply")),
            web.put(at + "/{conversation}/activities/{activity}", self._on("update")),
            web.delete(at + "/{conversation}/activities/{activity}", self._on("delete")),
            web.get(at + "/{conversation}/members", self._on("members")),
            web.get(at + "/{conversation}/{paged:pagedmembers|pagedMembers}", self._on("members")),
            web.get(at + "/{conversation}/members/{member}", self._on("member")),
            web.get("/{region}/v3/teams/{team}", self._on("team")),
            web.get("/{region}/v3/teams/{team}/{conversations:conversations}", self._on("team")),
            web.get("/v1/.well-known/openidconfiguration", self._on("openid")),
            web.get("/v1/.well-known/keys", self._on("keys")),
            web.get("/common/discovery/instance", self._on("discovery")),
            web.get("/{tenant}/v2.0/.well-known/openid-configuration", self._on("discovery")),
            web.post("/{tenant}/oauth2/v2.0/token", self._on("token")),
        ]

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
        self.script(operation, lambda: _error(status, code), times)

    def limit_rate(self, operation: str, *, after: float, times: int = 1) -> None:
        """429 with ``Retry-After``."""
        self.script(operation, lambda: _error(429, "TooManyRequests", after), times)

    # ----------------------------------------------------------------- what happened

    def thread(self, message: Message | str) -> list[str]:
        """The words of each reply under a message, which may be a person's: then its id."""
        root = message if isinstance(message, str) else message.id
        return [reply.words for reply in self.replies if reply.thread == root and not reply.deleted]

    async def answered(self, message: str, *, timeout: float = PATIENCE) -> str:
        """The first answer under a person's message."""
        await self.until(lambda: bool(self.thread(message)), "the bot answered", timeout)
        return self.thread(message)[0]

    def told(self, user: str) -> list[str]:
        """What ``user`` alone was told: in answer to a tap, or in their chat with the bot."""
        return [text for who, text in self.private if who == user]

    # ----------------------------------------------------------------- the wire

    def _on(self, operation: str) -> Callable[[web.Request], Awaitable[Answer]]:
        async def serve(http_request: web.Request) -> Answer:
            arguments: Json = {
                **http_request.match_info,
                "authorization": http_request.headers.get("Authorization", ""),
            }
            if http_request.content_type == "application/json" and http_request.can_read_body:
                arguments["body"] = await http_request.json()
            elif http_request.can_read_body:
                arguments["form"] = {name: str(value) for name, value in (await http_request.post()).items()}
            self.calls.append((operation, arguments))
            return await self.serve(http_request, self._answer(operation, arguments))

        return serve

    async def _answer(self, operation: str, arguments: Json) -> Answer:
        identity = operation in ("token", "openid", "keys", "discovery")
        if not identity and not self.anonymous and not self.admits(arguments["authorization"]):
            return web.json_response({"message": "Authorization has been denied for this request."}, status=401)

        def do() -> Answer:
            try:
                return self._identity(operation, arguments) if identity else self._connector(operation, arguments)
            except Refused as error:
                return _error(error.status, error.code, error.after)

        return await self.carry_out_with_trouble(operation, do)

    def _connector(self, operation: str, arguments: Json) -> Answer:
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

    def _identity(self, operation: str, arguments: Json) -> Answer:
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


def _error(status: int, code: str, after: float | None = None) -> Answer:
    headers = {} if after is None else {"Retry-After": str(max(1, round(after)))}
    said: Any = {"error": {"code": code, "message": f"{code}: the stand-in refuses this call."}}
    return web.json_response(said, status=status, headers=headers)
