"""The calls of agents: translate, call the desk, answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from aiohttp import web

from sayso_bot.desk import Desk
from sayso_bot.domain.files import download_headers
from sayso_bot.domain.key import Key
from sayso_bot.domain.request import Request, Status
from sayso_bot.errors import InvalidField, NotFound, QuotaExceeded, SaysoError, Unavailable
from sayso_bot.http.agent_face import AgentFace, an_id
from sayso_bot.http.answer import answer_json
from sayso_bot.http.intake import only, preferred_wait, query_wait, read_draft, read_nothing
from sayso_bot.http.schemas import is_action, request_out
from sayso_bot.http.turns import Turns
from sayso_bot.ports import Filter

MAX_PAGE = 100
DEFAULT_PAGE = 50
Proved: TypeAlias = Callable[[Key, web.Request], Awaitable[web.Response]]


class AgentRoutes:
    """``review_url`` gives the inbox's address of a request; ``authenticate`` proves the caller's key."""

    def __init__(
        self,
        desk: Desk,
        face: AgentFace,
        authenticate: Callable[[web.Request], Awaitable[Key]],
        review_url: Callable[[str], str],
    ) -> None:
        self._desk = desk
        self._face = face
        self._authenticate = authenticate
        self._review_url = review_url
        self._pages = Turns()

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_post("/v1/requests", self._proved("submit", self.submit))
        router.add_get("/v1/requests", self._proved("list", self.list), allow_head=False)
        router.add_get("/v1/requests/{id}", self._proved("read", self.read), allow_head=False)
        router.add_post("/v1/requests/{id}/cancel", self._proved("cancel", self.cancel))
        path = "/v1/requests/{id}/files/{file_id}"
        router.add_get(path, self._proved("file", self.file), allow_head=False)

    def _proved(self, call: str, handler: Proved) -> Callable[[web.Request], Awaitable[web.Response]]:
        """``handler`` for a caller whose key is proved; what it refuses goes on the record."""

        async def answer(http_request: web.Request) -> web.Response:
            key = await self._authenticate(http_request)
            try:
                return await handler(key, http_request)
            except SaysoError as error:
                await self._desk.refused(key, call, error)
                raise

        return answer

    async def submit(self, key: Key, http_request: web.Request) -> web.Response:
        submitted = await self._face.ask(key, read_draft(http_request))
        request, replayed, headers = submitted.request, submitted.replayed, {}
        wait = preferred_wait(http_request)
        if wait is not None:
            try:
                request = await self._held(key, request, wait)
                headers["Preference-Applied"] = f"wait={wait}"
            except (QuotaExceeded, Unavailable):
                pass  # the request is made, so the agent is told of it; a preference need not be honoured (RFC 7240)
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        headers["Location"] = f"/v1/requests/{request.id}"
        return self._answer(request, status=200 if replayed else 201, headers=headers)

    async def read(self, key: Key, http_request: web.Request) -> web.Response:
        self._face.take(key)
        only(http_request.query, ("wait",))
        request_id, wait = request_id_of(http_request), query_wait(http_request.query.get("wait", "0"))
        clock = asyncio.get_running_loop().time
        return self._answer(await self._desk.wait(key, request_id, wait, clock))

    async def list(self, key: Key, http_request: web.Request) -> web.Response:
        self._face.take(key)
        query = http_request.query
        only(query, ("status", "action", "agent", "cursor", "limit"))
        wanted = Filter(_status(query.get("status")), _action(query.get("action")), query.get("agent"))
        cursor, limit = _cursor(query.get("cursor")), limit_of(query.get("limit"))
        async with self._pages.of(key.id):
            page = await self._desk.list(key, wanted, cursor=cursor, limit=limit)
        items = [request_out(request, self._review_url(request.id)) for request in page.items]
        return answer_json({"items": items, "next_cursor": page.cursor})

    async def cancel(self, key: Key, http_request: web.Request) -> web.Response:
        self._face.take(key)
        only(http_request.query, ())
        await read_nothing(http_request)
        return self._answer(await self._desk.cancel(key, request_id_of(http_request)))

    async def file(self, key: Key, http_request: web.Request) -> web.Response:
        """A file of the agent's own request, as it came, to be saved and not to be shown."""
        self._face.take(key)
        only(http_request.query, ())
        request = await self._desk.read(key, request_id_of(http_request))
        file = request.file(http_request.match_info["file_id"])
        if file is None:
            raise NotFound("This request has no file with this id.")
        return web.Response(body=await self._desk.open_file(file), headers=download_headers(file))

    async def _held(self, key: Key, request: Request, seconds: float) -> Request:
        if request.settled:
            return request
        return await self._desk.wait(key, request.id, seconds, asyncio.get_running_loop().time)

    def _answer(self, request: Request, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
        return answer_json(request_out(request, self._review_url(request.id)), status=status, headers=headers)


def request_id_of(http_request: web.Request) -> str:
    return an_id(http_request.match_info["id"])


def _status(text: str | None) -> Status | None:
    if text is None:
        return None
    try:
        return Status(text)
    except ValueError:
        raise InvalidField(f"status is one of {', '.join(Status)}.", field="status") from None


def _action(text: str | None) -> str | None:
    if text is not None and not is_action(text):
        raise InvalidField("action is an exact action type, such as payments.refund.", field="action")
    return text


def _cursor(text: str | None) -> str | None:
    if text is not None and not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise InvalidField("cursor must be the next_cursor of an earlier page.", field="cursor")
    return text


def limit_of(text: str | None) -> int:
    if text is None:
        return DEFAULT_PAGE
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_PAGE):
        raise InvalidField(f"limit is a whole number from 1 to {MAX_PAGE}.", field="limit")
    return int(text)
