"""The Chromium that the tests drive: the one on the PATH, else the one that `playwright install chromium` put there."""

from __future__ import annotations

import shutil

from playwright.async_api import Browser, Playwright

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
