"""Somebody at the service who answers decisions by their text, for as long as others ask."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sayso_bot.domain.json import Json
from sayso_bot.domain.request import Request, Status
from sayso_bot.ports import Filter, Put, Sending
from service import ANA, Sayso

LOOK_SECONDS = 0.05
FILLED_IN: Mapping[str, Mapping[str, Json]] = {
    "choose": {"chosen": "live"},
    "text": {"subject": "Hello", "field_2": "a@x"},
    "number": {"value": "7.5"},
}


async def answer_all(sayso: Sayso) -> None:
    """Until cancelled. What says ``wait`` stays as it is."""
    while True:
        page = await sayso.service.desk.browse(Filter(status=Status.PENDING), cursor=None, limit=50)
        for request in page.items:
            await _answer(sayso, await sayso.service.desk.look(request.id))
        await asyncio.sleep(LOOK_SECONDS)


async def _answer(sayso: Sayso, request: Request) -> None:
    said = str(request.params.get("action"))
    if said == "wait":
        return
    given: dict[str, Any] = {"person": ANA, "reason": "Fine"}
    if said in FILLED_IN:
        given["response"] = FILLED_IN[said]
    if said == "schedule":
        at = datetime.now(UTC) + timedelta(hours=1)
        given["response"] = {"execute_at": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if said == "upload":
        put = Put(request.id, ANA, "uploaded_files", a_paper(), "inbox")
        given["response"] = {"uploaded_files": [(await sayso.service.desk.put_file(put)).file.id]}
    await sayso.vote(request.id, "deny" if said == "deny" else "approve", **given)


def a_paper() -> Sending:
    async def content() -> AsyncIterator[bytes]:
        yield b"%PDF-1.7"

    return Sending("cv.pdf", "application/pdf", content(), secrets.token_hex(8))
