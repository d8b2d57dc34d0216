"""The inbox on a real HTTP server, above the desk and the shelf that `sayso_bot.testing` keeps in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sayso_adapters.inbox.adapter import Inbox, create
from sayso_bot.domain.form import Form
from sayso_bot.domain.request import Claims, ReasonRule, Request
from sayso_bot.testing.clock import Clock
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk
from sayso_bot.testing.samples import a_request


@dataclass
class Service:
    """The inbox and all that a test of it touches."""

    inbox: Inbox
    desk: MemoryDesk
    around: Surroundings
    clock: Clock

    @property
    def url(self) -> str:
        return self.around.url

    async def link(self, alias: str = "email:ana@example.com", name: str = "Ana") -> str:
        return await self.inbox.sign_in_link(alias, name)

    def ask(
        self,
        action: str = "payments.refund",
        params: dict[str, Any] | None = None,
        *,
        claims: Claims | None = None,
        approvers: tuple[str, ...] | None = None,
        quorum: int = 1,
        reason: ReasonRule = "never",
        minutes: float | None = 30,
        confirm: bool = False,
        editable: tuple[str, ...] = (),
        form: Form | None = None,
        high_risk: bool = False,
    ) -> Request:
        """An agent asked two minutes ago; the request has ``minutes`` left."""
        now = self.clock()
        group = "finance" if approvers else None
        request = a_request(
            "inbox",
            requirement={
                "approvers": approvers,
                "group": group,
                "quorum": quorum,
                "reason": reason,
                "confirm": confirm,
                "editable": editable,
                "forms": form is not None,
                "high_risk": high_risk,
            },
            form=form,
            action=action,
            params={"amount": 1250, "order": "A-1187", "currency": "EUR"} if params is None else params,
            claims=claims or Claims(),
            created_at=now - timedelta(minutes=2),
            expires_at=None if minutes is None else now + timedelta(minutes=minutes),
        )
        self.desk.ask(request)
        return request


@asynccontextmanager
async def serving(public_url: str | None = None, *, clock: Clock | None = None) -> AsyncIterator[Service]:
    """The inbox at a free port of loopback, until the block ends."""
    clock = clock or Clock()
    desk = MemoryDesk(now=clock)
    around = Surroundings(desk, {}, public_url=public_url, now=clock)
    inbox = create(around.context)
    async with around.serving():
        await inbox.start()
        yield Service(inbox, desk, around, clock)
        await inbox.stop()
    assert around.failures == []


async def wait_until(holds: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Return once ``holds`` does; fail after ``seconds``."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
