"""The admin's page in a browser: by keyboard and on a phone, with what others change meanwhile, light and dark."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from browser.axe import violations
from browser.chromium import PHONE, VIEWS, listening
from sayso_bot.domain.deeds import KeyMade, PauseScope, SetRoute, UndoRoute
from sayso_bot.domain.pauses import Scope
from sayso_bot.errors import ChangedMeanwhile
from service import until
from unit.inbox.admin_stands import KEY, OLGA, PAUSE, ROUTE, is_olga, stands
from unit.inbox.inbox_service import Service

LIVE = 15_000
"""Milliseconds within which a page that was just opened must show what others change: it may have to subscribe anew."""


@pytest_asyncio.fixture(loop_scope="session")
async def olga(service: Service, page: Page) -> AsyncIterator[Page]:
    """The admin's page, open at an admin's."""
    service.around.office.admits = is_olga
    service.around.office.stands = stands()
    await page.goto(await service.link(OLGA, "Olga"))
    await page.wait_for_url("**/inbox")
    await page.get_by_role("link", name="Admin", exact=True).click()
    await page.wait_for_url("**/inbox/admin")
    yield page


async def changed_elsewhere(service: Service) -> None:
    """Another admin changes something: the version moves, and every page is told to look again."""
    office = service.around.office
    office.stands = replace(office.stands, version=office.stands.version + 1)
    for queue in service.desk.listeners:
        queue.put_nowait(None)


# --------------------------------------------------------------------------- by hand


async def test_a_route_is_set_with_the_keyboard_alone_and_seen_before_it_counts(service: Service, olga: Page) -> None:
    keys = olga.keyboard
    await olga.locator("#set-route summary").focus()
    await keys.press("Enter")
    await keys.press("Tab")
    await keys.type("payments.refund")
    await keys.press("Tab")
    await keys.type("ops")
    await expect(olga.locator("#route-to-place")).to_be_hidden()
    await keys.press("Tab")
    await keys.type("4 hours")
    await expect(olga.locator("#route-until")).to_be_hidden()
    await keys.press("Tab")
    await keys.press("Enter")
    await expect(olga.locator(".effect")).to_have_text("SetRoute would be done.")
    assert service.around.office.done == []
    await olga.locator("#why").focus()
    await keys.type("they are away")
    await keys.press("Enter")
    await expect(olga.locator("#said")).to_have_text("SetRoute was done.")
    [(deed, _, _)] = service.around.office.done
    assert deed == SetRoute("payments.refund", "ops", "they are away", 4 * 3600)


async def test_what_counts_only_with_a_choice_is_shown_with_that_choice(olga: Page) -> None:
    await olga.locator("#set-pause summary").click()
    await expect(olga.locator("#pause-what")).to_be_hidden()
    await olga.get_by_label("One agent").check()
    await expect(olga.locator("#pause-what")).to_be_visible()
    await olga.get_by_label("Everything").check()
    await expect(olga.locator("#pause-what")).to_be_hidden()
    await olga.locator("#set-route summary").click()
    await olga.locator("#route-to").select_option("other")
    await olga.locator("#route-lasting").select_option("other")
    await expect(olga.locator("#route-to-place")).to_be_visible()
    await expect(olga.locator("#route-until")).to_be_visible()


async def test_one_is_asked_again_about_everything_and_may_do_nothing(service: Service, olga: Page) -> None:
    office = service.around.office
    office.questions = ("This stops everything that anybody asks. Is that meant?",)
    await olga.locator("#set-pause summary").click()
    await olga.locator("#set-pause button").click()
    await olga.get_by_role("button", name="Do it").click()
    await expect(olga.get_by_label("I mean it")).to_be_focused()
    assert office.done == []
    await olga.get_by_role("link", name="Do nothing").click()
    await olga.wait_for_url("**/inbox/admin")
    await olga.locator("#set-pause summary").click()
    await olga.locator("#set-pause button").click()
    await olga.get_by_label("I mean it").check()
    await olga.get_by_role("button", name="Do it").click()
    await expect(olga.locator("#said")).to_have_text("PauseScope was done.")
    [(deed, _, _)] = office.done
    assert deed == PauseScope(Scope())


async def test_a_rule_leads_to_the_form_that_sends_it_elsewhere(olga: Page) -> None:
    await olga.get_by_role("link", name="Route payments.refund elsewhere").click()
    await expect(olga.locator("#route-action")).to_have_value("payments.refund")
    await expect(olga.locator("#route-action")).to_be_in_viewport()


async def test_what_another_admin_changes_is_offered_and_moves_nothing(service: Service, olga: Page) -> None:
    await listening(olga)
    before = await olga.locator("#admin").get_attribute("data-version")
    assert before
    await olga.locator("#set-route summary").click()
    await olga.locator("#route-action").fill("half a")
    await changed_elsewhere(service)
    await expect(olga.locator("#fresh button")).to_be_visible(timeout=LIVE)
    await expect(olga.locator("#announce")).to_have_text("Something has changed. Press s to show it.")
    await expect(olga.locator("#route-action")).to_have_value("half a")
    await olga.locator("#fresh button").click()
    await expect(olga.locator("#admin")).not_to_have_attribute("data-version", before)
    await expect(olga.locator("#fresh button")).to_be_hidden()


async def test_what_stays_at_the_top_is_in_view_everywhere_and_covers_nothing_that_one_goes_to(
    service: Service, olga: Page
) -> None:
    """The line that the connection is lost, over three lines on a phone, and the offer to show what has changed."""
    service.around.office.stands = stands(3)
    await olga.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    await olga.goto(f"{service.url}/inbox/admin")
    await listening(olga)
    await olga.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    await changed_elsewhere(service)
    await expect(olga.locator("#fresh button")).to_be_in_viewport(timeout=LIVE)
    await olga.context.set_offline(True)
    await expect(olga.locator("#connection")).to_be_in_viewport()
    for section in ("keys-of-agents", "where", "agents", "pauses"):
        await olga.locator(f"nav.filter a[href='#{section}']").click()
        await expect(olga.locator("#connection")).to_be_in_viewport()
        await expect(olga.locator(f"#{section}-title")).to_be_in_viewport()
        await until(lambda: _is_clear(olga, f"#{section}-title"))  # noqa: B023 - it is called before the next round
    await olga.locator("#keys-of-agents summary").last.focus()
    for _ in range(30):
        await olga.keyboard.press("Shift+Tab")
        await until(lambda: _is_clear(olga, ":focus"))
    await olga.context.set_offline(False)
    await expect(olga.locator("#connection")).to_be_hidden()


async def _is_clear(page: Page, what: str) -> bool:
    """Whether ``what`` lies below all that stays at the top, once it is scrolled to."""
    top = await page.locator("#connection").bounding_box()
    box = await page.locator(what).bounding_box()
    assert top
    assert box
    return top["y"] + top["height"] <= box["y"]


async def test_who_was_overtaken_is_shown_what_it_would_do_now(service: Service, olga: Page) -> None:
    await olga.get_by_role("button", name="Undo: payments.0.*").click()
    await olga.locator("#why").fill("they are back")
    service.around.office.trouble.append(ChangedMeanwhile("Another admin has changed a route. Nothing was changed."))
    await olga.get_by_role("button", name="Do it").click()
    await expect(olga.get_by_role("alert")).to_have_text("Another admin has changed a route. Nothing was changed.")
    await expect(olga.locator("#why")).to_have_value("they are back")
    await olga.get_by_role("button", name="Do it").click()
    await expect(olga.locator("#said")).to_have_text("UndoRoute was done.")
    [(deed, _, _)] = service.around.office.done
    assert deed == UndoRoute("route_" + "0" * 16, "they are back")


async def test_an_admin_who_is_removed_is_refused_at_the_next_thing_they_do(service: Service, olga: Page) -> None:
    await olga.get_by_role("button", name="Undo: payments.0.*").click()
    service.around.office.admits = lambda _: False
    await olga.get_by_role("button", name="Do it").click()
    await expect(olga.locator("main")).to_contain_text("That is for admins. Nothing was changed.")
    await expect(olga.get_by_role("link", name="Admin", exact=True)).to_be_hidden()
    assert service.around.office.done == []


async def test_a_pause_reaches_an_open_request_and_leaves_what_is_being_written(service: Service, olga: Page) -> None:
    request = service.ask()
    await olga.goto(f"{service.url}/inbox/requests/{request.id}")
    await listening(olga)
    approve = olga.get_by_role("button", name="Approve")
    await expect(approve).to_be_enabled()
    await olga.locator("#reason").fill("half a sen")
    service.desk.paused = (replace(PAUSE, scope=Scope()),)
    await changed_elsewhere(service)
    since = "Paused by Olga since 23 Nov, 14:05 UTC: it loops."
    await expect(olga.locator("#paused")).to_contain_text(since, timeout=LIVE)
    await expect(approve).to_be_disabled()
    await expect(olga.locator("#reason")).to_have_value("half a sen")
    service.desk.paused = ()
    await changed_elsewhere(service)
    await expect(olga.locator("#paused")).to_be_hidden(timeout=LIVE)
    await expect(olga.locator("#announce")).to_have_text("It goes on, and can be approved again.")
    await expect(approve).to_be_enabled()
    await expect(olga.locator("#reason")).to_have_value("half a sen")


# --------------------------------------------------------------------------- how it looks

Draw = Callable[[Service, Page], Awaitable[None]]


async def _page(service: Service, page: Page) -> None:
    for action in ("payments.refund", "platform.kubernetes.production-eu-west-1/namespaces/payments:rolling_restart"):
        service.ask(action)
    await page.goto(f"{service.url}/inbox/admin")


async def _all_open(service: Service, page: Page) -> None:
    service.around.office.stands = stands(3)
    await page.goto(f"{service.url}/inbox/admin")
    for summary in await page.locator("#admin summary").all():
        await summary.click()
    for choice in ("#route-to", "#route-lasting", "#move-to"):
        await page.locator(choice).select_option("other")
    await page.get_by_label("One agent").check()


async def _nothing(service: Service, page: Page) -> None:
    service.around.office.stands = type(service.around.office)().stands
    await page.goto(f"{service.url}/inbox/admin")


async def _preview(service: Service, page: Page) -> None:
    office = service.around.office
    office.stands, office.questions = stands(), ("This concerns everything. Is that meant?",)
    await page.goto(f"{service.url}/inbox/admin")
    await page.get_by_role("button", name="Undo: payments.0.*").click()
    office.trouble.append(ChangedMeanwhile("Another admin has changed a route. Nothing was changed. " * 3))
    await page.get_by_label("I mean it").check()
    await page.get_by_role("button", name="Do it").click()
    await page.get_by_role("alert").wait_for()


async def _key_made(service: Service, page: Page) -> None:
    office = service.around.office
    office.questions, office.thing = (), KeyMade(KEY, "sk_main_" + "Averylongsecretwithoutbreaks" * 2)
    await page.goto(f"{service.url}/inbox/admin")
    await page.get_by_role("button", name="Rotate: agent-0").click()
    await page.get_by_role("button", name="Do it").click()
    await page.locator("#secret").wait_for()


async def _refused(service: Service, page: Page) -> None:
    service.around.office.admits = lambda _: False
    await page.goto(f"{service.url}/inbox/admin")
    service.around.office.admits = lambda _: True


async def _paused(service: Service, page: Page) -> None:
    service.desk.paused = (replace(PAUSE, scope=Scope(), why="A reason that goes on. " * 8),)
    service.ask(approvers=("email:ben@example.com",))
    service.ask()
    await page.goto(f"{service.url}/inbox")


async def _paused_request(service: Service, page: Page) -> None:
    await page.goto(f"{service.url}/inbox/requests/{service.ask(confirm=True, reason='always').id}")


STATES: list[Draw] = [_page, _all_open, _nothing, _preview, _key_made, _refused, _paused, _paused_request]


@pytest.mark.parametrize("looked_at", VIEWS, indirect=True, ids=str)
async def test_every_state_is_accessible_and_fits(service: Service, looked_at: Page) -> None:
    service.around.office.admits, service.around.office.stands = lambda _: True, stands()
    found: list[str] = []
    for draw in STATES:
        await draw(service, looked_at)
        found += [f"{draw.__name__}: {violation}" for violation in await violations(looked_at)]
        spill = await looked_at.evaluate("document.documentElement.scrollWidth - innerWidth")
        found += [f"{draw.__name__}: {spill} px too wide"] if spill > 0 else []
    assert found == []


@pytest.mark.parametrize("looked_at", VIEWS[:1], indirect=True, ids=str)
async def test_what_one_presses_on_a_phone_is_large_enough(service: Service, looked_at: Page) -> None:
    service.around.office.admits, service.around.office.stands = lambda _: True, stands()
    await looked_at.goto(f"{service.url}/inbox/admin?action={ROUTE.action}")
    for button in await looked_at.locator("#admin :is(button, summary, select):visible").all():
        box = await button.bounding_box()
        assert box
        assert box["height"] >= 40, await button.text_content()
