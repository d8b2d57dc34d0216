"""An admin at the inbox of a running service: each change is looked at before it is made."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from service import Sayso
from unit.inbox.visitor import SAME_SITE, hidden_fields


@dataclass
class Page:
    """The admin's page, as Olga has it open."""

    sayso: Sayso
    client: httpx.AsyncClient

    async def sees(self) -> str:
        return (await self.client.get("/inbox/admin")).text

    async def looks_at(self, **fields: str) -> tuple[str, dict[str, str]]:
        """What it would do, and the form that does it; an empty one where it cannot be done."""
        csrf = hidden_fields(await self.sees(), "/sign-out")["csrf"]
        shown = await self._post("/inbox/admin/preview", {"csrf": csrf, **fields})
        return shown.text, hidden_fields(shown.text, "/do") if 'action="/inbox/admin/do"' in shown.text else {}

    async def does(self, form: dict[str, str], **written: str) -> httpx.Response:
        return await self._post("/inbox/admin/do", form | written)

    async def _post(self, path: str, fields: dict[str, str]) -> httpx.Response:
        return await self.client.post(path, data=fields, headers={"Origin": self.sayso.url, **SAME_SITE})


@asynccontextmanager
async def olga_at_the_inbox(sayso: Sayso) -> AsyncIterator[Page]:
    assert sayso.service.sign_in_link is not None
    link = await sayso.service.sign_in_link("email:olga@example.com", "Olga")
    async with httpx.AsyncClient(base_url=sayso.url, trust_env=False) as client:
        token = {"token": link.partition("#")[2]}
        assert (await client.post("/inbox/session", data=token, headers={"Origin": sayso.url})).status_code == 200
        yield Page(sayso, client)
