"""Nothing from outside paints beyond its own box, however many marks are stacked on one letter."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page

from sayso_bot.domain.request import Claims
from unit.inbox.inbox_service import Service

STACK = "\u0301\u0323\u0336\u20e3" * 60


@pytest.mark.parametrize("where", ["label", "value", "claim"])
async def test_stacked_marks_leave_what_stands_beside_them_as_it_is(service: Service, ana: Page, where: str) -> None:
    async def drawn(marks: str) -> list[bytes]:
        label, value, claim = (f"x{marks if place == where else ''}" for place in ("label", "value", "claim"))
        params = {"before": "1,250", label: value, "after": "900"}
        asked = service.ask(params=params, claims=Claims(summary="Nothing to see", reasoning=claim))
        await ana.goto(f"{service.url}/inbox/requests/{asked.id}")
        return [await box.screenshot(animations="disabled") for box in _neighbours(ana)]

    assert await drawn(STACK) == await drawn("")


def _neighbours(page: Page) -> list[Locator]:
    rows = page.locator("#params tbody tr")
    return [
        rows.nth(0).locator(".value"),
        rows.nth(2).locator(".value"),
        rows.nth(0).locator("th"),
        rows.nth(2).locator("th"),
        page.locator("#answer"),
        page.locator(".claims blockquote").nth(0),
    ]
