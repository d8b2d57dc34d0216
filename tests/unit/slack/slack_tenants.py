"""An app that several workspaces install, and replicas of a service that share one shelf and one desk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from fakes.slack_oauth import Browser, FakeSlackApp
from sayso_adapters.slack.adapter import SlackAdapter, create
from sayso_adapters.slack.links import make_link
from sayso_bot.domain.request import Request
from sayso_bot.ports import Shelf
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk
from sayso_bot.testing.samples import a_request

ONE, TWO = "T1ONE", "T2TWO"
PLACE_ONE, PLACE_TWO = f"slack:{ONE}/C0ONE", f"slack:{TWO}/C0TWO"


@dataclass
class Replica:
    around: Surroundings
    adapter: SlackAdapter
    shelf: Shelf

    @property
    def url(self) -> str:
        return self.around.url

    async def link(self, *, workspace: str = "") -> str:
        return await make_link(self.shelf, self.url, workspace=workspace)

    async def posted(self, desk: MemoryDesk, place: str) -> Request:
        """A request, and its card at ``place``."""
        request = a_request(place)
        await self.adapter.post(desk.card(request), place, desk.ask(request))
        return request


@asynccontextmanager
async def replica(app: FakeSlackApp, desk: MemoryDesk, shelf: Shelf | None = None) -> AsyncIterator[Replica]:
    """A running one; with the ``shelf`` of another it is its replica."""
    around = Surroundings(desk, app.settings(), public_url=None, now=lambda: datetime.now(UTC))
    shared = shelf or around.context.shelf
    adapter = create(replace(around.context, shelf=shared))
    async with around.serving():
        await adapter.start()
        yield Replica(around, adapter, shared)
        await adapter.stop()


async def install(app: FakeSlackApp, service: Replica, team: str, *, user: str = "U0ADMIN") -> str:
    """Install ``team`` as a person does, and return the page at the end."""
    app.consents(team, user=user)
    status, page, _ = await Browser().open(await service.link())
    assert status == 200, page
    return page
