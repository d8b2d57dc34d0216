"""The inbox on a server of its own, and Ana, who is signed in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sayso_bot.testing.clock import Clock
from unit.inbox.inbox_service import Service, serving
from unit.inbox.visitor import Visitor, visiting


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def service(clock: Clock) -> AsyncIterator[Service]:
    async with serving(clock=clock) as running:
        yield running


@pytest.fixture
async def stranger(service: Service) -> AsyncIterator[Visitor]:
    """Somebody who is not signed in."""
    async with visiting(service) as visitor:
        yield visitor


@pytest.fixture
async def ana(service: Service) -> AsyncIterator[Visitor]:
    async with visiting(service) as visitor:
        assert (await visitor.sign_in()).status_code == 200
        yield visitor
