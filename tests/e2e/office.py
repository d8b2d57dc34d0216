"""A service with a stand-in Slack for the tests of delivery, and what they do with both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from book import advance
from fakes.slack import FakeSlack
from fakes.slack_oauth import Browser, FakeSlackApp
from fakes.slack_workspace import Message
from fakes.stand_in import Answer, Do
from fakes.teams_tenant import Message as TeamsMessage
from redis_server import RedisServer
from sayso_adapters.slack.links import make_link
from sayso_bot.domain.request import Outline
from service import Sayso, ServiceProcess, serving, until

POLICY = """
channels:
  payments: slack:C0PAYMENTS
  other: slack:C0OTHER
rules:
  - action: other.*
    ask: {channel: other, approvers: [email:ana@example.com], timeout: 30m}
  - action: "*"
    ask: {channel: payments, approvers: [email:ana@example.com, email:ben@example.com], timeout: 30m}
"""
TWO = POLICY.replace("ben@example.com]", "ben@example.com], quorum: 2")
TYPED = POLICY.replace("ben@example.com]", "ben@example.com], confirm: type")
PAYMENTS = "slack:C0PAYMENTS"


@asynccontextmanager
async def workspace() -> AsyncIterator[FakeSlack]:
    """Ana and Ben in the channels ``payments`` and ``other``."""
    async with FakeSlack() as slack:
        slack.add_user("U0ANA", name="Ana", email="ana@example.com")
        slack.add_user("U0BEN", name="Ben", email="ben@example.com")
        for channel in ("C0PAYMENTS", "C0OTHER"):
            slack.add_channel(channel, members=["U0ANA", "U0BEN"])
        yield slack


@asynccontextmanager
async def office(
    slack: FakeSlack, *, policy: str = POLICY, redis: RedisServer | None = None
) -> AsyncIterator[tuple[Sayso, httpx.AsyncClient]]:
    """A replica, and an agent of its."""
    async with serving(policy=policy, environ=slack.settings(), redis=redis) as sayso:
        yield sayso, await sayso.agent("refunder")


@asynccontextmanager
async def office_process(
    slack: FakeSlack, redis: RedisServer, folder: Path, *, policy: str = POLICY
) -> AsyncIterator[tuple[ServiceProcess, httpx.AsyncClient]]:
    """A replica in a process of its own, which a test kills, and an agent of its."""
    file = folder / "policy.yaml"
    file.write_text(policy)
    named = {"SAYSO_REDIS_URL": redis.url, "SAYSO_SECRET": "A" * 43 + "=", "SAYSO_POLICY": str(file)}
    process = ServiceProcess(folder, slack.settings() | named)
    await asyncio.to_thread(process.start)
    try:
        headers = {"Authorization": f"Bearer {await process.key()}"}
        async with httpx.AsyncClient(base_url=process.url, headers=headers, trust_env=False) as agent:
            yield process, agent
    finally:
        if not process.ended:
            process.kill()


async def install(app: FakeSlackApp, sayso: Sayso, team: str) -> None:
    """Install it as a person does, by a link of the operator's."""
    app.consents(team)
    shelf = sayso.service.desk.adapters["slack"]._context.shelf  # type: ignore[attr-defined]
    status, page, _ = await Browser().open(await make_link(shelf, sayso.url))
    assert status == 200, page


async def asked(agent: httpx.AsyncClient, action: str = "payments.refund", **more: Any) -> str:
    answer = await agent.post("/v1/requests", json={"action": action, "params": {"order": "A-1"}, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def later(sayso: Sayso, seconds: float) -> None:
    """Put Redis's time forward for the book, and wake its deliveries."""
    store = sayso.service.store
    await advance(store, seconds)
    await store.client.publish(store.keys.tag + "outbox", "now")


async def recorded(sayso: Sayso, request_id: str, place: str = PAYMENTS) -> dict[str, str]:
    """The card's own record once it shows what is wanted."""
    return await _record(
        sayso, request_id, place, lambda found: bool(found.get("post")) and found["posted"] == found["wanted"]
    )


async def settled_down(sayso: Sayso, request_id: str, place: str = PAYMENTS) -> dict[str, str]:
    """The card's own record once an attempt has ended without success."""
    return await _record(sayso, request_id, place, lambda found: found.get("lease_until") == "0")


async def _record(
    sayso: Sayso, request_id: str, place: str, is_as_wanted: Callable[[dict[str, str]], bool]
) -> dict[str, str]:
    store = sayso.service.store
    name: Any = store.keys.post(request_id, place)
    client: Any = store.client

    async def looked_at() -> dict[str, str] | None:
        found: dict[str, str] = await client.hgetall(name)
        if is_as_wanted(found):
            return found
        await advance(store, 0.01)  # after `later` the book's time stands still, and what was put off would not be due
        return None

    found: dict[str, str] = await until(looked_at)
    return found


class Stalled:
    """The next call of a method is carried out at once, and answered only after `answer`."""

    def __init__(self, slack: FakeSlack, method: str) -> None:
        self._answer = asyncio.Event()
        self._slack = slack
        slack.trouble(method, self._trouble)

    async def carried_out(self) -> Message:
        """The message that was posted, whose answer is awaited still."""
        await until(lambda: self._slack.messages)
        return self._slack.messages[-1]

    def answer(self) -> None:
        self._answer.set()

    async def _trouble(self, do: Do) -> Answer:
        said = do()
        await self._answer.wait()
        return said


def answered_late(monkeypatch: pytest.MonkeyPatch, store: object, method: str) -> asyncio.Event:
    """What ``method`` does is done at once and answered a moment later; set once it is done."""
    call, done = getattr(store, method), asyncio.Event()

    async def late(*arguments: Any, **options: Any) -> Any:
        found = await call(*arguments, **options)
        done.set()
        await asyncio.sleep(0.2)
        return found

    monkeypatch.setattr(store, method, late)
    return done


def away_when_told(sayso: Sayso, redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Redis goes away when the next entry of a thread is to be written down, until the service has given that up."""
    store, was_away = sayso.service.store, asyncio.Event()
    narrated = store.narrated

    async def without_redis(request: Outline, place: str, key: str) -> None:
        monkeypatch.undo()
        redis.kill()
        try:
            await narrated(request, place, key)
        finally:
            redis.restart()
            was_away.set()

    monkeypatch.setattr(store, "narrated", without_redis)
    return was_away


def final(message: Message | TeamsMessage) -> bool:
    """Whether the card can no longer be tapped."""
    return message.button("approve") is None and message.button("deny") is None
