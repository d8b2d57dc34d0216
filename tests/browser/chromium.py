"""The Chromium that the tests drive: the one on the PATH, else the one that `playwright install chromium` put there."""

from __future__ import annotations

import shutil

from playwright.async_api import Browser, ConsoleMessage, Page, Playwright, expect

PHONE, TABLET, DESK = (360, 740), (768, 1024), (1280, 800)
VIEWS = [(PHONE, "light"), (PHONE, "dark"), (TABLET, "light"), (DESK, "dark")]
"""On what the pages are looked at: a size, and light or dark."""
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


async def launch(playwright: Playwright) -> Browser:
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    return await playwright.chromium.launch(executable_path=found, args=list(_QUIET))


async def listening(page: Page) -> None:
    """Wait until the page has its live stream: what happens from then on, it must notice.

    Asked of the document, since a function that the page would have to run is refused by its own policy.
    """
    await expect(page.locator("#connection")).to_have_attribute("data-state", "live")


def complaints(page: Page) -> list[str]:
    """What goes wrong on ``page`` from now on: what its scripts throw, and what its console warns of.

    That a call was refused or cut off is not counted: it is what some tests are about.
    """
    found: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("warning", "error") and not message.text.startswith("Failed to load resource"):
            found.append(message.text)

    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", heard)
    return found
