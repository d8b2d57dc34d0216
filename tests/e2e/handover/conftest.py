"""One service for each module, with the policy under which its decisions are asked, and an agent that asks for them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from e2e.handover.calls import POLICY
from service import Sayso, serving


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sayso() -> AsyncIterator[Sayso]:
    async with serving(policy=POLICY) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def agent(sayso: Sayso) -> httpx.AsyncClient:
    return await sayso.agent("mailer")
