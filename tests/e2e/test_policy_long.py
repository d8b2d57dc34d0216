"""While a replica reads a long policy: who waits for people, or looks, does not wait for that; who asks does.
A key that is made or revoked meanwhile is so at once."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from redis_server import RedisServer
from sayso_bot.domain.versions import Origin
from service import serving, until

POLICY = "rules:\n  - {action: pay.*, ask: {channel: inbox, approvers: [operator]}}\n"
OTHER = POLICY.replace("pay", "buy")
AT_ONCE_SECONDS = 2.0


async def test_calls_are_held_answered_and_withdrawn_while_a_long_policy_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, end = threading.Event(), threading.Event()
    with RedisServer() as redis:
        async with serving(policy=POLICY, redis=redis) as first, serving(redis=redis) as second:
            compiled = second.service.configuration._compile

            def slow(document: str) -> Any:
                begun.set()
                assert end.wait(20)
                return compiled(document)

            monkeypatch.setattr(second.service.configuration, "_compile", slow)
            _, secret = await second.key()
            agent, elsewhere = second.client(secret), first.client(secret)
            ids = [(await elsewhere.post("/v1/requests", json=_of("pay.x", n))).json()["id"] for n in range(2)]
            held = asyncio.create_task(agent.get(f"/v1/requests/{ids[0]}?wait=50"))
            await until(lambda: second.service.desk.held == 1)
            try:
                await first.service.policies.activate(OTHER, "test", Origin(via="command"))
                await until(begun.is_set)
                asking = asyncio.create_task(agent.post("/v1/requests", json=_of("buy.x", 2)))
                started = time.monotonic()
                await first.vote(ids[0], "approve")
                assert (await held).json()["status"] == "approved"
                assert (await agent.post(f"/v1/requests/{ids[1]}/cancel")).json()["status"] == "cancelled"
                assert len((await agent.get("/v1/requests")).json()["items"]) == 2
                made, new = await first.key("new")
                newcomer = second.client(new)
                assert (await newcomer.get("/v1/requests")).status_code == 200
                await first.revoke(made)
                assert (await newcomer.get("/v1/requests")).status_code == 401
                assert time.monotonic() - started < AT_ONCE_SECONDS
                assert not asking.done()
            finally:
                end.set()
            assert (await asking).json()["status"] == "pending"
            assert (await agent.post("/v1/requests", json=_of("pay.x", 3))).json()["status"] == "denied"


def _of(action: str, number: int) -> dict[str, Any]:
    return {"action": action, "params": {"number": number}}
