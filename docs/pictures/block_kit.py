"""Pictures of Block Kit, drawn by npm's `slack-blocks-to-jsx` in a browser: near to Slack, and not Slack.

The packages are installed by name into a folder of `.venv`, so nothing of Node's lies in the project.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import npm
from playwright.async_api import Browser

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".venv" / "block-kit"
PACKAGES = ("slack-blocks-to-jsx@1.1.1", "react@19.3.1", "react-dom@19.3.1", "esbuild@0.28.2")
CAPTION = "Rendered from the blocks that Sayso posted; not a screenshot of Slack"
_MARK = HERE.parents[1] / "adapters" / "sayso_adapters" / "inbox" / "static" / "mark.svg"
LOGO = f"data:image/svg+xml;base64,{base64.b64encode(_MARK.read_bytes()).decode()}"
PAGE = f"<!doctype html><title>Card</title><figure><div id=message></div><figcaption>{CAPTION}</figcaption></figure>"


def bundle() -> None:
    npm.bundle(CACHE, PACKAGES, HERE / "block-kit.jsx", "--jsx=automatic")


async def picture(browser: Browser, blocks: list[dict[str, Any]], out: Path) -> None:
    """Draw ``blocks`` as a message of Sayso's, with the caption, into ``out``."""
    await _draw(browser, {"blocks": blocks, "logo": LOGO}, out)


async def dialog(browser: Browser, view: dict[str, Any], out: Path) -> None:
    """Draw a view as a dialog."""
    await _draw(browser, {"view": view}, out)


async def home(browser: Browser, view: dict[str, Any], out: Path) -> None:
    """Draw a view as a Home tab."""
    await _draw(browser, {"home": view}, out)


async def _draw(browser: Browser, what: dict[str, Any], out: Path) -> None:
    page = await browser.new_page(viewport={"width": 720, "height": 600}, timezone_id="UTC", locale="en-GB")
    await page.set_content(PAGE)
    await page.add_style_tag(path=CACHE / "block-kit.css")
    await page.add_style_tag(path=HERE / "frame.css")
    await page.add_script_tag(path=CACHE / "block-kit.js")
    await page.evaluate("draw", what)
    await page.locator("#message > *").first.wait_for()
    await page.locator("figure").screenshot(path=out)
    await page.close()
