"""The desk as agents meet it, whichever way they come in: bounds, buckets and the reading of what they ask, once.

Submissions take from the key's bucket in the store when they are made. All other calls, refused submissions among them,
take from the one in this process, so that no call is free.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping

from msgspec.structs import replace

from sayso_bot.desk import Desk
from sayso_bot.domain.bucket import Buckets
from sayso_bot.domain.files import MAX_FILE_BYTES, File
from sayso_bot.domain.json import Json, dumps, loads
from sayso_bot.domain.key import Key
from sayso_bot.domain.request import REQUEST_ID, Request
from sayso_bot.errors import BodyTooLarge, NotFound, RateLimited
from sayso_bot.http.intake import MAX_WAIT_SECONDS, draft_of
from sayso_bot.http.schemas import MAX_BODY_BYTES
from sayso_bot.ports import Draft, Filed, Sending, Submitted

MEBIBYTE = 1024 * 1024


class AgentFace:
    """`sayso_bot.ports.AgentDesk`."""

    def __init__(self, desk: Desk, buckets: Buckets) -> None:
        self._desk = desk
        self._buckets = buckets

    def take(self, key: Key, tokens: int = 1) -> None:
        """Raises `RateLimited` where the key's bucket has not as many; then none is taken."""
        if wait := self._buckets.take(key.id, key.quotas.rate, key.quotas.burst, tokens):
            raise too_often(wait)

    async def ask(self, key: Key, reading: Awaitable[Draft]) -> Submitted:
        """Submit what ``reading`` gives, unless the key asks too often already.

        The token is taken first and given back when the request is made: however many ask at once, no more of them
        reach the store than there are tokens.
        """
        try:
            self.take(key)
        except RateLimited:
            if asyncio.iscoroutine(reading):
                reading.close()
            raise
        submitted = await self._desk.submit(key, await reading)
        self._buckets.give_back(key.id, key.quotas.rate, key.quotas.burst)
        return submitted

    async def submit(
        self,
        key: Key,
        body: Mapping[str, Json],
        *,
        idempotency_key: str | None = None,
        approver: str | None = None,
    ) -> Submitted:
        return await self.ask(key, _drafted(body, idempotency_key, approver))

    async def read(self, key: Key, request_id: str, *, wait: float = 0.0) -> Request:
        self.take(key)
        seconds = min(wait, MAX_WAIT_SECONDS)
        return await self._desk.wait(key, an_id(request_id), seconds, asyncio.get_running_loop().time)

    async def cancel(self, key: Key, request_id: str) -> Request:
        self.take(key)
        return await self._desk.cancel(key, an_id(request_id))

    async def attach(self, key: Key, request_id: str, sending: Sending) -> Filed:
        self.take(key, 1 + min(sending.size or MAX_FILE_BYTES, MAX_FILE_BYTES) // MEBIBYTE)
        return await self._desk.attach(key, an_id(request_id), sending)

    async def open_file(self, file: File) -> AsyncIterator[bytes]:
        return await self._desk.open_file(file)


def an_id(request_id: str) -> str:
    """An id of ours, or `NotFound`: a text that is no id names no request."""
    if not REQUEST_ID.match(request_id):
        raise NotFound("There is no request with this id.")
    return request_id


async def _drafted(body: Mapping[str, Json], idempotency_key: str | None, approver: str | None) -> Draft:
    """Raises `InvalidField`, `BodyTooLarge`."""
    text = dumps(body)
    if len(text) > MAX_BODY_BYTES:
        raise BodyTooLarge(f"A request has at most {MAX_BODY_BYTES // 1024} KiB. Nothing was made.")
    draft = draft_of(loads(text), idempotency_key, about=approver)
    return replace(draft, claims=replace(draft.claims, approver=approver))


def too_often(wait: float) -> RateLimited:
    return RateLimited("This key asks too often. Nothing was changed; try again later.", retry_after=wait)
