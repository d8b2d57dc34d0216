"""Pictures of Adaptive Cards, drawn by Microsoft's own `adaptivecards` from npm in a browser, light and dark.

Near to Teams, and not Teams, which has a host of its own around the same renderer. What that renderer finds wrong with
a card ends the run, so a picture is also a proof that the card is valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import npm
from playwright.async_api import Browser

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".venv" / "adaptive-cards"
PACKAGES = ("adaptivecards@3.0.6", "markdown-it@15.0.3", "esbuild@0.28.2")
CAPTION = "Rendered by Microsoft’s adaptivecards from the card that Sayso sends; not a screenshot of Teams"
PICTURED = frozenset(
    {
        *("card", "card-risk", "card-quorum", "card-edited", "card-diff", "card-denied", "card-paused", "card-review"),
        *("card-hostile", "dialog-review-end", "dialog-confirm", "dialog-form-wrong", "dialog-reason", "dialog-edit"),
        *("dialog-told", "list", "pending", "routes", "admin"),
    }
)
PAGE = (
    "<!doctype html><title>Card</title><figure><div id=cards><div id=light></div><div id=dark></div></div>"
    f"<figcaption>{CAPTION}</figcaption></figure>"
)


def bundle() -> None:
    npm.bundle(CACHE, PACKAGES, HERE / "adaptive-cards.js")


async def pictures(browser: Browser, cards: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Draw each of ``cards`` and keep a picture of those that the docs show."""
    for name, card in cards.items():
        await picture(browser, card, folder / f"teams-{name}.png", keep=name in PICTURED)


async def picture(browser: Browser, card: Mapping[str, Any], out: Path, *, keep: bool = True) -> None:
    """Draw ``card``, into ``out``. Raises `SystemExit` for one that the renderer finds fault with."""
    page = await browser.new_page(viewport={"width": 1080, "height": 600}, timezone_id="Europe/Berlin", locale="en-GB")
    await page.set_content(PAGE)
    await page.add_style_tag(path=HERE / "adaptive-cards.css")
    await page.add_script_tag(path=CACHE / "adaptive-cards.js")
    faults = await page.evaluate("draw", card)
    if faults:
        raise SystemExit(f"{out.name}: {'; '.join(faults)}")
    if keep:
        await page.locator("figure").screenshot(path=out)
    await page.close()
