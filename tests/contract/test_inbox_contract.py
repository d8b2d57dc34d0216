"""The inbox keeps the contract of a chat adapter wherever it applies: it shows, it takes answers, it knows people.

It pushes nothing and finds nothing. A tap is the form of a page, sent over HTTP as a browser sends it.
"""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from html import unescape

import pytest

from sayso_adapters.inbox.adapter import create
from sayso_bot.domain.request import Outcome, Request
from sayso_bot.testing.clock import Clock
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk
from unit.inbox.inbox_service import Service
from unit.inbox.visitor import Visitor, hidden_fields, visiting

pytest.register_assert_rewrite("sayso_bot.testing.chat_adapter")

from sayso_bot.testing import chat_adapter as suites  # noqa: E402 - after the rewriting of its asserts

ANA, BEN, EVE = "email:ana@example.com", "email:ben@example.com", "email:eve@example.com"


class InboxHarness:
    """A page shows each person what concerns them. What is shown here is what Ben sees, an approver who never taps."""

    place = "inbox"
    approver = approver_alias = ANA
    approver_email = "ana@example.com"
    bystander = EVE

    def __init__(self, service: Service, people: dict[str, Visitor]) -> None:
        self.adapter = service.inbox
        self.desk = service.desk
        self._people = people
        self._told: dict[str, list[str]] = defaultdict(list)

    async def show(self, request: Request) -> None:
        self.desk.ask(request)

    async def refresh(self, request_id: str) -> None:
        """A page is drawn from what the desk says, each time."""

    async def shown(self, request_id: str) -> suites.Shown:
        page = (await self._people[BEN].get(f"/inbox/requests/{request_id}")).text
        return suites.Shown(_words(page), frozenset(re.findall(r'name="outcome" value="(\w+)"', page)))

    async def tap(self, request_id: str, outcome: Outcome, *, by: str, deliveries: int = 1) -> None:
        """Send the form as a page that was opened in time would, whatever a page offers by now."""
        visitor = self._people[by]
        csrf = hidden_fields((await visitor.get("/inbox")).text, "/sign-out")["csrf"]
        form = {"csrf": csrf, "nonce": secrets.token_urlsafe(16), "revision": "1", "outcome": outcome, "reason": ""}
        said = ""
        for _ in range(deliveries):
            answer = await visitor.post(f"/inbox/requests/{request_id}/vote", form)
            page = answer if answer.status_code != 303 else await visitor.get(answer.headers["location"])
            said = _words(page.text)
        self._told[by].append(said)

    async def told(self, who: str) -> Sequence[str]:
        return self._told[who]

    def told_by_now(self, who: str) -> Sequence[str]:
        return self._told[who]


def _words(page: str) -> str:
    """What a person reads on the page."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", page)))


@pytest.fixture
async def harness() -> AsyncIterator[InboxHarness]:
    desk = MemoryDesk(admits=lambda person: person.is_any(ANA) or person.is_any(BEN))
    around = Surroundings(desk, {}, public_url=None)
    inbox = create(around.context)
    service = Service(inbox, desk, around, Clock())
    async with around.serving(), AsyncExitStack() as stack:
        await inbox.start()
        people = {}
        for alias, name in ((ANA, "Ana"), (BEN, "Ben"), (EVE, "Eve")):
            people[alias] = await stack.enter_async_context(visiting(service))
            assert (await people[alias].sign_in(alias, name)).status_code == 200
        yield InboxHarness(service, people)
        await inbox.stop()
    assert around.failures == []


class TestInboxShowsRequests(suites.ShowsRequests):
    """See `sayso_bot.testing.chat_adapter`."""


class TestInboxMarksRisk(suites.MarksRisk):
    pass


class TestInboxTakesTaps(suites.TakesTaps):
    """See `sayso_bot.testing.chat_adapter`."""


class TestInboxKnowsPeople(suites.KnowsPeople):
    """See `sayso_bot.testing.chat_adapter`."""
