"""What axe-core finds on a page, as sentences. The package `axe-playwright-python` carries axe-core itself."""

from __future__ import annotations

from importlib.resources import files

from playwright.async_api import Page

_SOURCE = (files("axe_playwright_python") / "axe.min.js").read_text()
_RUN = """async () => {
  const { violations } = await axe.run();
  return violations.flatMap((found) => found.nodes.map((node) => `${found.id}: ${found.help}: ${node.html}`));
}"""


async def violations(page: Page) -> list[str]:
    """Each place that breaks a rule. Empty is what a page should be."""
    await page.evaluate(_SOURCE)
    found: list[str] = await page.evaluate(_RUN)
    return found
