"""Everything that a test of the Slack adapter touches, in one hand."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Literal

from fakes.slack import FakeSlack
from fakes.slack_workspace import Message
from sayso_adapters.slack.adapter import SlackAdapter, create
from sayso_bot.errors import Unavailable
from sayso_bot.ports import Ballot, Edit
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk
from unit.chat_office import ChatOffice

PLACE = "slack:C0PAYMENTS"


class Office(ChatOffice[SlackAdapter, Message]):
    """Everything that a test touches."""

    place = PLACE

    def __init__(self, slack: FakeSlack, desk: MemoryDesk, around: Surroundings, adapter: SlackAdapter) -> None:
        super().__init__(slack, desk, around, adapter)
        self.slack = slack

    async def tap(self, message: Message, action: str, *, user: str, answered: int = 200, **other: Any) -> str:
        """Tap and return what the tapper was told. ``answered`` is the status that Slack must get."""
        count = len(self.slack.told(user)) + 1
        assert await self.slack.tap(self.url, message, action, user=user, **other) == answered
        return (await self.slack.until_told(user, count=count))[-1]

    def lose_answers(self, deed: Literal["vote", "edit"], times: int = 1) -> None:
        """The next of these take effect at the desk, and their answers are lost."""
        do, left = getattr(self.desk, deed), itertools.count(times - 1, -1)

        async def lost(given: Ballot | Edit) -> None:
            if not next(left):
                setattr(self.desk, deed, do)
            await do(given)
            raise Unavailable("The store cannot be reached.")

        setattr(self.desk, deed, lost)

    async def failed(self) -> list[str]:
        """What went wrong beside a call, once something did. It is not held against the test from then on."""

        async def has_failed() -> bool:
            return bool(self.around.failures)

        await wait_until(has_failed)
        found = [str(failure) for failure in self.around.failures]
        self.around.failures.clear()
        return found


@asynccontextmanager
async def opened_office(slack: FakeSlack, desk: MemoryDesk, **settings: str) -> AsyncIterator[Office]:
    """An office whose adapter has begun, and is served."""
    around = Surroundings(desk, {**slack.settings(), **settings})
    adapter = create(around.context)
    async with around.serving():
        await adapter.start()
        try:
            yield Office(slack, desk, around, adapter)
        finally:
            await adapter.stop()


async def wait_until(true: Callable[[], Awaitable[bool]]) -> None:
    """Until it is true, looking again every few milliseconds, for ten seconds at most."""
    async with asyncio.timeout(10):
        while not await true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
