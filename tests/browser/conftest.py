"""One Chromium for all browser tests; a fresh profile and a fresh inbox for each.

Every page is watched: what a policy blocks, what a script throws and what a console complains of fails the test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from browser.chromium import complaints, launch
from sayso_bot.testing.clock import Clock
from unit.inbox.inbox_service import Service, serving


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests share one event loop, because they share one browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        yield browser
        await browser.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture(loop_scope="session")
async def service(clock: Clock) -> AsyncIterator[Service]:
    async with serving(clock=clock) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def profile(chromium: Browser) -> AsyncIterator[BrowserContext]:
    context = await chromium.new_context(timezone_id="Europe/Berlin", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(10_000)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(profile: BrowserContext) -> AsyncIterator[Page]:
    """A page of somebody who is not signed in."""
    opened = await profile.new_page()
    heard = complaints(opened)
    yield opened
    assert heard == []


@pytest_asyncio.fixture(loop_scope="session")
async def ana(service: Service, page: Page) -> Page:
    """A page of Ana's, who is signed in and looks at the list."""
    await page.goto(await service.link())
    await page.wait_for_url("**/inbox")
    return page


@pytest_asyncio.fixture(loop_scope="session")
async def looked_at(request: pytest.FixtureRequest, chromium: Browser, service: Service) -> AsyncIterator[Page]:
    """Ana's page in one size and scheme."""
    (width, height), scheme = request.param
    context = await chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = await context.new_page()
    await page.goto(await service.link())
    await page.wait_for_url("**/inbox")
    yield page
    await context.close()
