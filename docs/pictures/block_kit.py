"""Pictures of Block Kit, drawn by npm's `slack-blocks-to-jsx` in a browser: near to Slack, and not Slack.

The packages are installed by name into a folder of `.venv`, so nothing of Node's lies in the project.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from playwright.async_api import Browser

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".venv" / "block-kit"
PACKAGES = ("slack-blocks-to-jsx@1.1.1", "react@19.3.1", "react-dom@19.3.1", "esbuild@0.28.2")
CAPTION = "Rendered from the blocks that Sayso posted; not a screenshot of Slack"
_MARK = HERE.parents[1] / "adapters" / "sayso_adapters" / "inbox" / "static" / "mark.svg"
LOGO = f"data:image/svg+xml;base64,{base64.b64encode(_MARK.read_bytes()).decode()}"
PAGE = f"<!doctype html><title>Card</title><figure><div id=message></div><figcaption>{CAPTION}</figcaption></figure>"


def bundle() -> Path:
    """The folder that holds the drawing script and its styles, made where it is missing or out of date."""
    if shutil.which("npm") is None:
        raise SystemExit("The pictures of cards need Node: put node and npm on the PATH.")
    wanted = json.dumps({"private": True, "sayso": PACKAGES})
    described = CACHE / "wanted.json"
    if not described.exists() or described.read_text() != wanted:
        shutil.rmtree(CACHE, ignore_errors=True)
        CACHE.mkdir(parents=True)
        _run("npm", "install", "--prefix", str(CACHE), "--no-audit", "--no-fund", "--silent", *PACKAGES)
        described.write_text(wanted)
    _run(
        str(CACHE / "node_modules" / ".bin" / "esbuild"),
        str(HERE / "block-kit.jsx"),
        *("--bundle", "--minify", "--jsx=automatic", f"--outdir={CACHE}", "--log-level=warning"),
        NODE_PATH=str(CACHE / "node_modules"),
    )
    return CACHE


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


def _run(*command: str, **environ: str) -> None:
    subprocess.run(command, check=True, env=os.environ | environ)  # noqa: S603
