"""Somebody at the inbox without a browser: cookies, forms as they were drawn, and what a browser would say of them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape

import httpx

from unit.inbox.inbox_service import Service

SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


class Visitor:
    def __init__(self, service: Service, client: httpx.AsyncClient) -> None:
        self.service = service
        self.client = client

    async def sign_in(self, alias: str = "email:ana@example.com", name: str = "Ana") -> httpx.Response:
        return await self.exchange((await self.service.link(alias, name)).partition("#")[2])

    async def exchange(self, token: str, **headers: str) -> httpx.Response:
        origin = {"Origin": self.service.url}
        return await self.client.post("/inbox/session", data={"token": token}, headers=origin | headers)

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(path)

    async def post(self, path: str, fields: dict[str, str], headers: dict[str, str] | None = None) -> httpx.Response:
        sent = {"Origin": self.service.url, **SAME_SITE} if headers is None else headers
        return await self.client.post(path, data=fields, headers=sent)

    async def answer_form(self, request_id: str, **fields: str) -> dict[str, str]:
        """The hidden fields of the answer's form, with ``fields`` put in."""
        return hidden_fields((await self.get(f"/inbox/requests/{request_id}")).text, "/vote") | fields

    async def answer(self, request_id: str, outcome: str, reason: str = "") -> httpx.Response:
        fields = await self.answer_form(request_id, outcome=outcome, reason=reason)
        return await self.post(f"/inbox/requests/{request_id}/vote", fields)


def hidden_fields(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form whose action ends so."""
    form = re.search(rf'<form[^>]*action="[^"]*{action}"[^>]*>(.*?)</form>', page, re.DOTALL)
    assert form, f"there is no form for {action}"
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[1])}


@asynccontextmanager
async def visiting(service: Service) -> AsyncIterator[Visitor]:
    async with httpx.AsyncClient(base_url=service.url, trust_env=False) as client:
        yield Visitor(service, client)
