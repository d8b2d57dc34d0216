"""`Sayso` and `AsyncSayso` behind one face, and waiting for a fact."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sayso import Approval, AsyncSayso, Page, Request, Sayso


class Either:
    """`Sayso` in a thread or `AsyncSayso` in this loop; a call reads the same."""

    def __init__(self, client: Sayso | AsyncSayso) -> None:
        self.client = client

    async def _call(self, name: str, *args: Any, **options: Any) -> Any:
        method = getattr(self.client, name)
        if isinstance(self.client, AsyncSayso):
            return await method(*args, **options)
        return await asyncio.to_thread(method, *args, **options)

    async def ask(self, *args: Any, **options: Any) -> Approval:
        approval: Approval = await self._call("ask", *args, **options)
        return approval

    async def submit(self, *args: Any, **options: Any) -> Request:
        request: Request = await self._call("submit", *args, **options)
        return request

    async def wait(self, *args: Any, **options: Any) -> Approval:
        approval: Approval = await self._call("wait", *args, **options)
        return approval

    async def get(self, request_id: str) -> Request:
        request: Request = await self._call("get", request_id)
        return request

    async def cancel(self, request_id: str) -> Request:
        request: Request = await self._call("cancel", request_id)
        return request

    async def list(self, **filters: Any) -> Page:
        page: Page = await self._call("list", **filters)
        return page

    async def download(self, *args: Any) -> bytes:
        content: bytes = await self._call("download", *args)
        return content

    async def close(self) -> None:
        if isinstance(self.client, AsyncSayso):
            await self.client.aclose()
        else:
            self.client.close()


async def wait_until(fact: Callable[[], object]) -> None:
    """Return when ``fact`` holds."""
    async with asyncio.timeout(5):
        while not fact():  # noqa: ASYNC110 - facts of any kind have no event
            await asyncio.sleep(0.005)
