"""What is tried in chat against a running service: every row by the signed endpoint and by the socket alike.

What only one of the two can be is said where it stands: a signature belongs to HTTP alone, because a socket is opened
by us, and Slack is who answers at its address.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from e2e.chat import Chat, Running, Transport, running_chat


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Running]:
    async with running_chat() as running:
        yield running


@pytest.fixture(params=["http", "socket"])
def chat(running: Running, request: pytest.FixtureRequest) -> Chat:
    transport: Transport = request.param
    return Chat(*running, transport)
