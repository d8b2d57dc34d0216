"""The Handover's API under ``/handover``: its clients set ``base_url`` and a key of Sayso's, and ask here.

Each call is translated, carried out by the desk as any agent's, and answered in their words. Where the other API lets
an agent decide, this one does not: no key resolves anything, whatever it says about who does.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

from aiohttp import web

from sayso_adapters.agents.handover.asking import action_type, read_decision
from sayso_adapters.agents.handover.telling import attachments, decision, utc_now
from sayso_adapters.multiparts import Part, Parts
from sayso_bot.domain.files import MAX_FILE_BYTES, download_headers
from sayso_bot.domain.idempotency import HEADER, idempotency_key
from sayso_bot.domain.json import dumps
from sayso_bot.domain.key import Key
from sayso_bot.domain.request import Request
from sayso_bot.domain.text import visible
from sayso_bot.errors import FileRefused, Forbidden, NotFound, SaysoError, Unauthenticated
from sayso_bot.ports import AgentContext, Handler, Sending

ROOT = "/handover/decisions"
AROUND_A_FILE = 64 * 1024
MOST_PARTS = 8
MAX_DETAIL = 2000
_HEADERS = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}
Call: TypeAlias = Callable[[Key, web.Request], Awaitable[web.Response]]


def create(context: AgentContext) -> Handover:
    return Handover(context)


class Handover:
    """See `sayso_bot.ports.AgentAdapter`."""

    name = "handover"

    def __init__(self, context: AgentContext) -> None:
        self._context = context
        self._desk = context.desk
        mount, one = context.mount, f"{ROOT}/{{id}}"
        mount("POST", ROOT, self._proved("create", self.create))
        mount("GET", one, self._proved("get", self.get))
        mount("POST", f"{one}/resolve", self._proved("resolve", self.resolve))
        mount("GET", f"{one}/attachments", self._proved("list_attachments", self.list_attachments))
        mount("POST", f"{one}/attachments", self._proved("attach", self.attach), takes_files=True)
        mount("GET", f"{one}/attachments/{{file_id}}", self._proved("download", self.download))

    # ------------------------------------------------------------------ calls

    async def create(self, key: Key, http_request: web.Request) -> web.Response:
        asked = read_decision(await self._context.read_json(http_request))
        submitted = await self._desk.submit(
            key,
            asked.submission(action_type(key)),
            idempotency_key=idempotency_key(http_request.headers.getall(HEADER, [])),
            approver=asked.approver.lower(),
        )
        told = self._told(submitted.request)
        made = {name: told[name] for name in ("id", "status", "expires_at")}
        ended = {"auto_resolved": True} if submitted.request.settled else {}
        return _json({**made, **ended}, status=200 if submitted.replayed else 201)

    async def get(self, key: Key, http_request: web.Request) -> web.Response:
        return _json(self._told(await self._own(key, http_request)))

    async def resolve(self, key: Key, http_request: web.Request) -> web.Response:
        """Always refused: a key proves an agent, and only people whom a surface has proved decide."""
        request = await self._own(key, http_request)
        raise Forbidden(
            "A key never decides, whoever it names: a person answers, in chat or at "
            f"{self._context.review_url(request.id)} (it is {request.status} now). Nothing was changed."
        )

    async def attach(self, key: Key, http_request: web.Request) -> web.Response:
        request = await self._own(key, http_request)
        parts = Parts(http_request, most_bytes=MAX_FILE_BYTES + AROUND_A_FILE, most_parts=MOST_PARTS)
        part = await _file(parts)
        length = http_request.content_length
        operation = idempotency_key(http_request.headers.getall(HEADER, [])) or secrets.token_urlsafe(16)
        sending = Sending(
            name=part.filename or "",
            media_type=part.media_type,
            content=_alone(part, parts),
            operation=f"handover:{operation}",
            size=max(1, length - AROUND_A_FILE) if length else None,
        )
        filed = await self._desk.attach(key, request.id, sending)
        told = {"attachments": attachments(filed.request, self._address(filed.request))}
        return _json(told, status=200 if filed.replayed else 201)

    async def list_attachments(self, key: Key, http_request: web.Request) -> web.Response:
        request = await self._own(key, http_request)
        return _json({"attachments": attachments(request, self._address(request))})

    async def download(self, key: Key, http_request: web.Request) -> web.Response:
        """A file of the agent's own request: what it attached, or what an approver uploaded."""
        request = await self._own(key, http_request)
        file = request.file(http_request.match_info["file_id"])
        if file is None:
            raise NotFound("This decision has no attachment with this id.")
        return web.Response(body=await self._desk.open_file(file), headers=download_headers(file))

    # ------------------------------------------------------------------ mechanics

    async def _own(self, key: Key, http_request: web.Request) -> Request:
        """The key's own decision. Raises `NotFound`, for what was asked in another way too."""
        request = await self._desk.read(key, http_request.match_info["id"])
        if set(request.params) != {"action"} or not isinstance(request.params["action"], str):
            raise NotFound("There is no decision with this id.")
        return request

    def _told(self, request: Request) -> dict[str, Any]:
        now = utc_now() if self._context.clock_is_right() else None
        return decision(request, self._address(request), now)

    def _address(self, request: Request) -> str:
        return f"{self._context.public_url.rstrip('/')}{ROOT}/{request.id}"

    def _proved(self, call: str, handler: Call) -> Handler:
        """``handler`` for a proved key; what it refuses is counted, put on the record, and told in their form."""

        async def answer(http_request: web.Request) -> web.Response:
            key: Key | None = None
            try:
                key = await self._context.prove(http_request)
                return await handler(key, http_request)
            except SaysoError as error:
                await self._context.refused(key, f"handover.{call}", error)
                return _error(error)

        return answer


async def _file(parts: Parts) -> Part:
    while (part := await parts.next()) is not None:
        if part.name == "file" and part.filename is not None:
            return part
    raise FileRefused("The form has no file named “file”. Nothing was kept.", field="file")


async def _alone(part: Part, parts: Parts) -> AsyncIterator[bytes]:
    """What ``part`` holds. Raises `FileRefused` where another file comes after it, which would be lost."""
    async for piece in part.content:
        yield piece
    while (other := await parts.next()) is not None:
        if other.filename is not None:
            raise FileRefused("A call brings one file, and this one has more. Nothing was kept.", field="file")


def _error(error: SaysoError) -> web.Response:
    answer = _json({"error": visible(error.detail)[:MAX_DETAIL], "code": error.code}, status=error.status)
    if error.retry_after_header is not None:
        answer.headers["Retry-After"] = error.retry_after_header
    if isinstance(error, Unauthenticated):
        answer.headers["WWW-Authenticate"] = 'Bearer realm="sayso"'
    return answer


def _json(value: object, *, status: int = 200) -> web.Response:
    return web.Response(body=dumps(value), status=status, headers=_HEADERS)
