"""Signing in by a link, and how a page says that one is signed out."""

from __future__ import annotations

from playwright.async_api import Page, expect

from browser.beside import address
from browser.chromium import listening
from sayso_adapters.inbox.sessions import Sessions
from unit.inbox.inbox_service import Service


async def test_a_link_signs_in_once_leaves_no_token_behind_and_leads_to_the_wanted_request(
    service: Service, page: Page
) -> None:
    request = service.ask()
    await page.goto(address(service, request))
    await expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    link = await service.link()
    await page.goto(link)
    await page.wait_for_url(address(service, request))
    token = link.partition("#")[2]
    assert token not in str(await page.evaluate("JSON.stringify([location.href, document.cookie, {...localStorage}])"))
    await page.goto("about:blank")
    await page.goto(link)
    await expect(page.get_by_role("heading", name="This link has been used or has expired")).to_be_visible()


async def test_an_address_without_a_token_says_so(service: Service, page: Page) -> None:
    await page.goto(f"{service.url}/inbox/sign-in")
    await expect(page.get_by_role("heading", name="This address has no sign-in link")).to_be_visible()


async def test_a_page_whose_session_was_ended_says_so(service: Service, ana: Page) -> None:
    service.inbox._live._heartbeat = 0.05
    await ana.reload()
    await listening(ana)
    for session in await Sessions(service.around.shelf).all():
        await Sessions(service.around.shelf).end(session.id)
    await expect(ana.locator("#connection")).to_contain_text("You have been signed out.")


async def test_signing_out_leads_back_to_the_door(service: Service, ana: Page) -> None:
    await ana.get_by_role("button", name="Sign out").click()
    await expect(ana.get_by_role("heading", name="You are not signed in")).to_be_visible()
