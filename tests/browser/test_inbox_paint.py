"""Nothing from outside paints beyond its own box. What a font stacks on a letter is imitated by moving the letter."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page

from sayso_bot.domain.request import Claims
from unit.inbox.inbox_service import Service

SPILL = """element => {
    for (const top of ["-2.5em", "2.5em"]) {
        const mark = document.createElement("span");
        mark.textContent = "x";
        mark.style.position = "relative";
        mark.style.top = top;
        element.append(mark);
    }
}"""
PLACES = {
    "label": "#params tbody tr:nth-child(2) th",
    "value": "#params tbody tr:nth-child(2) .value",
    "claim": ".claims figure:nth-of-type(2) blockquote",
}


@pytest.mark.parametrize("place", PLACES)
async def test_what_spills_over_leaves_what_stands_beside_them_as_it_is(
    service: Service, ana: Page, place: str
) -> None:
    claims = Claims(summary="Nothing to see", reasoning="x", intent="None")
    asked = service.ask(params={"before": 1250, "x": "x", "after": 900}, claims=claims)
    await ana.goto(f"{service.url}/inbox/requests/{asked.id}")
    before = await _drawn(ana)
    await ana.locator(PLACES[place]).evaluate(SPILL)
    assert await _drawn(ana) == before


async def _drawn(page: Page) -> list[bytes]:
    return [await box.screenshot(animations="disabled") for box in _neighbours(page)]


def _neighbours(page: Page) -> list[Locator]:
    rows, figures = page.locator("#params tbody tr"), page.locator(".claims figure")
    return [rows.nth(0), rows.nth(2), page.locator("#params-title"), figures.nth(0), figures.nth(2)]
