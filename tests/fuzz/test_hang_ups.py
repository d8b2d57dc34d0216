"""What fuzzing found, kept as a test: a person whose browser goes away in the middle of a form."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import httpx

from service import serving, until

PAUSE_MS = 200


async def test_a_form_whose_sender_hung_up_before_it_was_read_is_no_error_of_ours() -> None:
    """The session is still being looked up when the connection ends; the handler of a form goes on to its end."""
    async with serving() as sayso:
        complaints: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        assert sayso.service.sign_in_link is not None
        cookie = await _signed_in(sayso.url, await sayso.service.sign_in_link("email:ana@example.com", "Ana"))
        before = asyncio.all_tasks()
        redis: Any = sayso.service.store.client
        await redis.execute_command("CLIENT", "PAUSE", PAUSE_MS, "ALL")
        await _half_a_form(sayso.url, cookie)
        await until(lambda: not (asyncio.all_tasks() - before))
        gc.collect()
        assert complaints == []


async def _signed_in(url: str, link: str) -> str:
    async with httpx.AsyncClient(base_url=url, headers={"Origin": url}, trust_env=False) as browser:
        await browser.post("/inbox/session", data={"token": link.partition("#")[2]})
        return "; ".join(f"{name}={value}" for name, value in browser.cookies.items())


async def _half_a_form(url: str, cookie: str) -> None:
    """Send it, wait until the service has begun with it, and hang up."""
    before = asyncio.all_tasks()
    _, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(url).port)
    head = ("POST /inbox/sign-out HTTP/1.1", "Host: localhost", f"Origin: {url}", f"Cookie: {cookie}",
            "Content-Type: application/x-www-form-urlencoded", "Content-Length: 50", "", "csrf=x")  # fmt: skip
    writer.write("\r\n".join(head).encode())
    await until(lambda: any("answer" in str(task.get_coro()) for task in asyncio.all_tasks() - before))
    writer.transport.abort()
