"""The functions of `telling.lua`: which principals are still to be told how a request of their agent ended."""

from __future__ import annotations

import secrets

from sayso_bot.domain.json import dumps
from sayso_bot.ports import Due, Telling
from sayso_bot.store.codec import brief_from, due_of, fields_of
from sayso_bot.store.part import Part


class RedisTellings(Part):
    """`sayso_bot.ports.TellingStore` for one book."""

    async def due_tellings(self, limit: int) -> Due:
        keys = [self.keys["tellings"], self.keys["clock"]]
        return due_of(await self._call("due_requests", keys, limit, writes=False))

    async def begin_telling(self, request_id: str) -> Telling | None:
        keys = [self.keys.request(request_id), *self._of(request_id)]
        operation = secrets.token_hex(8)
        code, _, *rest = await self._call("begin_telling", keys, request_id, operation)
        if code != "ok":
            return None
        record, attempts, perhaps = rest
        return Telling(brief_from(fields_of(record)), operation, int(attempts), bool(perhaps))

    async def end_telling(self, telling: Telling, message: str | None) -> None:
        keys = [*self._of(telling.request.id), self.keys["journal"]]
        about = dumps({"to": telling.request.principal, "message": message})
        await self._call("end_telling", keys, telling.request.id, message or "", about)

    async def telling_failed(self, telling: Telling, *, after_seconds: float, lost: bool) -> None:
        request_id, after = telling.request.id, int(after_seconds * 1000)
        keys = self._of(request_id)
        await self._call("telling_failed", keys, request_id, telling.operation, after, "1" if lost else "")

    def _of(self, request_id: str) -> list[str]:
        return [self.keys.telling(request_id), self.keys["tellings"], self.keys["clock"]]
