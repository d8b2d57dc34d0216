"""An approval that takes more than a tap: a typed name, a form, an edit; each mended in place."""

from __future__ import annotations

from playwright.async_api import Browser, Page, expect

from browser.beside import address
from sayso_bot.domain.form import Field, Form
from unit.inbox.inbox_service import Service


async def test_approve_waits_until_the_name_is_typed_and_enter_in_it_answers_nothing(
    service: Service, ana: Page
) -> None:
    request = service.ask(confirm=True)
    await ana.goto(address(service, request))
    approve = ana.get_by_role("button", name="Approve")
    await expect(approve).to_be_disabled()
    await ana.keyboard.press("a")
    await expect(ana.locator("#typed")).to_be_focused()
    await ana.keyboard.type("payments.refun")
    await expect(approve).to_be_disabled()
    await expect(ana.locator("#typed-error")).to_be_empty()
    await ana.keyboard.press("Enter")
    said = "That is not the action’s name. To approve, type payments.refund exactly."
    await expect(ana.locator("#typed-error")).to_have_text(said)
    await expect(ana.locator("#typed")).to_have_attribute("aria-invalid", "true")
    await ana.keyboard.type("d")
    await expect(approve).to_be_enabled()
    await expect(ana.locator("#typed-error")).to_be_empty()
    await ana.keyboard.press("Enter")
    await ana.keyboard.type("s")
    await expect(approve).to_be_disabled()
    assert service.desk.ballots == []
    await ana.keyboard.press("Backspace")
    await approve.click()
    await expect(ana.get_by_role("heading", name="Approved by Ana")).to_be_visible()


async def test_a_form_says_in_place_what_is_wrong_and_keeps_the_rest(service: Service, ana: Page) -> None:
    form = Form(
        (
            Field("share", "number", "Share", most=100),
            Field("at", "datetime", "Start"),
            Field("regions", "choose", "Regions", options=("eu", "us"), multiple=True),
        )
    )
    request = service.ask(form=form)
    await ana.goto(address(service, request))
    await ana.locator("#form_0").fill("101")
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.locator("#form_1-error")).to_have_text("This is needed.")
    await expect(ana.locator("#form_0-error")).not_to_be_empty()
    await expect(ana.locator("#form_0")).to_be_focused()
    assert service.desk.ballots == []
    await ana.locator("#form_0").fill("100")
    await ana.locator("#form_1").fill("2026-12-01T09:30")
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.locator("#form_2-error")).to_have_text("This is needed.")
    await expect(ana.get_by_label("eu")).to_be_focused()
    await expect(ana.locator("#form_1")).to_have_value("2026-12-01T09:30")
    assert service.desk.counted == []
    await ana.get_by_label("eu").check()
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.get_by_role("heading", name="Approved by Ana")).to_be_visible()
    assert service.desk.counted[0].response == {"share": 100, "at": "2026-12-01T09:30:00Z", "regions": ["eu"]}


async def test_a_denial_asks_nothing_of_the_form(service: Service, ana: Page) -> None:
    request = service.ask(confirm=True, form=Form((Field("day", "date", "Day"),)))
    await ana.goto(address(service, request))
    await ana.get_by_role("button", name="Deny").click()
    await expect(ana.get_by_role("heading", name="Denied by Ana")).to_be_visible()


async def test_an_edit_is_mended_in_place_and_then_shows_both_versions(service: Service, ana: Page) -> None:
    request = service.ask(editable=("amount", "order"))
    await ana.goto(address(service, request))
    await ana.locator("#reason").fill("What I was writing")
    await ana.get_by_text("Edit", exact=True).click()
    await ana.locator("#edit_0").fill("much")
    await ana.get_by_role("button", name="Save the edit").click()
    await expect(ana.locator("#edit_0-error")).to_have_text("This must be a number, written as JSON.")
    await expect(ana.locator("#edit_0")).to_be_focused()
    await expect(ana.locator("#reason")).to_have_value("What I was writing")
    await ana.locator("#edit_0").fill("900")
    await ana.get_by_role("button", name="Save the edit").dblclick()
    await expect(ana.locator("#edited")).to_contain_text("This is revision 2")
    await expect(ana.locator("#edited")).to_be_focused()
    assert service.desk.requests[request.id].revision == 2
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.get_by_role("heading", name="Approved by Ana")).to_be_visible()
    await expect(ana.get_by_text("Edit", exact=True)).to_have_count(0)
    assert service.desk.counted[0].revision == 2


async def test_without_scripts_an_approval_is_typed_filled_in_and_edited_too(
    service: Service, ana: Page, chromium: Browser
) -> None:
    request = service.ask(confirm=True, editable=("amount",), form=Form((Field("day", "date", "Day"),)))
    state = await ana.context.storage_state()
    context = await chromium.new_context(java_script_enabled=False, storage_state=state)
    page = await context.new_page()
    await page.goto(address(service, request))
    await page.get_by_text("Edit", exact=True).click()
    await page.locator("#edit_0").fill("900")
    await page.get_by_role("button", name="Save the edit").click()
    await expect(page.locator("#edited")).to_contain_text("This is revision 2")
    await page.locator("#form_0").fill("2026-12-01")
    await page.locator("#typed").fill("payments")
    await page.locator("#typed").press("Enter")
    assert service.desk.ballots == []
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("alert").first).to_contain_text("type payments.refund exactly")
    await expect(page.locator("#form_0")).to_have_value("2026-12-01")
    await page.locator("#typed").fill("payments.refund")
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("heading", name="Approved by Ana")).to_be_visible()
    await context.close()
