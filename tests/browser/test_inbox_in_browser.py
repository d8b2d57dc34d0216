"""The inbox as a person meets it, in a real Chromium: read, answered, and gone through with the keyboard."""

from __future__ import annotations

from playwright.async_api import Browser, Page, Route, expect

from browser.beside import address, ben_answers
from browser.chromium import listening
from sayso_adapters.inbox.sessions import Sessions
from sayso_bot.domain.request import Cause, Claims, Status
from unit.inbox.inbox_service import Service


async def test_a_tap_is_taken_once_and_says_what_became_of_it(service: Service, ana: Page) -> None:
    request = service.ask()
    await ana.goto(address(service, request))
    await ana.get_by_role("button", name="Approve").dblclick()
    await expect(ana.get_by_role("heading", name="Approved by Ana")).to_be_visible()
    assert len(service.desk.counted) == 1
    assert await ana.evaluate("document.activeElement.id") == "outcome"
    await expect(ana.get_by_role("button", name="Approve")).to_have_count(0)


async def test_a_tap_shows_that_it_is_on_its_way(service: Service, ana: Page) -> None:
    request = service.ask()
    await ana.goto(address(service, request))
    async with ana.expect_request("**/vote"):
        await ana.evaluate(
            """() => {
              window.seen = [];
              new MutationObserver(() => window.seen.push(
                [...document.querySelectorAll("#answer button")].map((b) => `${b.textContent.trim()} ${b.disabled}`)
              )).observe(document.querySelector("#answer"), { subtree: true, childList: true, attributes: true });
            }"""
        )
        await ana.get_by_role("button", name="Deny").click()
    await expect(ana.get_by_role("heading", name="Denied by Ana")).to_be_visible()
    assert ["Sending… true", "Approve true"] in await ana.evaluate("window.seen")


async def test_a_denial_that_needs_a_reason_is_stopped_in_place(service: Service, ana: Page) -> None:
    request = service.ask(reason="deny")
    await ana.goto(address(service, request))
    await ana.get_by_role("button", name="Deny").click()
    await expect(ana.locator("#reason-error")).to_contain_text("The rule asks for a reason")
    await expect(ana.locator("#reason")).to_be_focused()
    assert service.desk.counted == []
    await ana.keyboard.type("Wrong customer")
    await ana.get_by_role("button", name="Deny").click()
    await expect(ana.get_by_role("heading", name="Denied by Ana")).to_be_visible()
    assert service.desk.ballots[0].reason == "Wrong customer"


async def test_a_stale_tap_is_refused_and_the_changed_request_is_shown(service: Service, ana: Page) -> None:
    request = service.ask()
    await ana.route("**/inbox/events", lambda route: route.abort())
    await ana.goto(address(service, request))
    service.desk.revise(request.id, {"amount": 99_999})
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.get_by_role("alert").first).to_contain_text("Your answer did not count.")
    await expect(ana.locator("#params")).to_contain_text("99999")
    assert service.desk.counted == []


async def test_an_answer_that_could_not_be_sent_is_said_to_be_unsure_and_counts_once(
    service: Service, ana: Page
) -> None:
    request = service.ask(quorum=2)
    await ana.goto(address(service, request))
    await listening(ana)
    await ana.context.set_offline(True)
    await expect(ana.locator("#connection")).to_contain_text("Connection lost. Reconnecting.")
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.locator("#send-error")).to_contain_text("it counts once")
    await ana.context.set_offline(False)
    await expect(ana.locator("#connection")).to_be_hidden()
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.get_by_role("heading", name="You approved this")).to_be_visible()
    assert len(service.desk.counted) == 1


async def test_a_vote_whose_answer_was_lost_counts_once_when_sent_again(service: Service, ana: Page) -> None:
    request = service.ask(quorum=2)
    await ana.route("**/inbox/events", lambda route: route.abort())  # else a hint may draw the page anew meanwhile
    await ana.goto(address(service, request))
    lost: list[str] = []

    async def lose(route: Route) -> None:
        lost.append("once")
        await route.fetch()
        await route.abort()

    await ana.route("**/vote", lose, times=1)
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.locator("#send-error")).to_contain_text("not known whether your answer counted")
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.get_by_role("heading", name="You approved this")).to_be_visible()
    assert lost == ["once"]
    assert len(service.desk.counted) == 1


async def test_one_can_work_through_the_inbox_with_the_keyboard(service: Service, ana: Page) -> None:
    first, second = service.ask("a.first", minutes=5), service.ask("b.second", minutes=50, reason="deny")
    await ana.reload()
    await ana.keyboard.press("j")
    await ana.keyboard.press("j")
    await ana.keyboard.press("k")
    await ana.keyboard.press("o")
    await ana.wait_for_url(address(service, first))
    await ana.keyboard.press("a")
    await expect(ana.get_by_role("button", name="Approve")).to_be_focused()
    assert service.desk.counted == []
    await ana.keyboard.press("Enter")
    await expect(ana.get_by_role("heading", name="Approved by Ana")).to_be_visible()
    await ana.keyboard.press("n")
    await ana.wait_for_url(address(service, second))
    await ana.keyboard.press("d")
    await expect(ana.locator("#reason")).to_be_focused()
    await ana.keyboard.type("adjust and deny?")
    await expect(ana.locator("#reason")).to_have_value("adjust and deny?")
    await expect(ana.locator("#keys")).to_be_hidden()
    assert len(service.desk.counted) == 1


async def test_short_cuts_are_listed_can_be_switched_off_and_keep_clear_of_the_browsers(
    service: Service, ana: Page
) -> None:
    request = service.ask()
    await ana.goto(address(service, request))
    await ana.keyboard.press("?")
    await expect(ana.get_by_role("dialog")).to_be_visible()
    await ana.get_by_label("Use single-key short cuts").uncheck()
    await ana.keyboard.press("Escape")
    await ana.keyboard.press("a")
    await expect(ana.get_by_role("button", name="Approve")).not_to_be_focused()
    await ana.get_by_role("link", name="Keyboard short cuts").click()
    await ana.get_by_label("Use single-key short cuts").check()
    await ana.get_by_role("button", name="Close").click()
    await ana.locator("h1").click()
    await ana.keyboard.press("Control+d")
    await expect(ana.get_by_role("button", name="Deny")).not_to_be_focused()
    await ana.keyboard.press("d")
    await expect(ana.get_by_role("button", name="Deny")).to_be_focused()


async def test_approve_appears_only_where_the_whole_lies_open(service: Service, ana: Page) -> None:
    request = service.ask(params={"sql": "select 1; " * 10_000 + "drop table orders", "dry_run": False})
    await ana.goto(address(service, request))
    await expect(ana.get_by_role("button", name="Approve")).to_have_count(0)
    await ana.get_by_role("link", name="Review").click()
    await expect(ana.get_by_text("drop table orders").first).to_be_visible()
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.get_by_role("heading", name="Approved by Ana")).to_be_visible()


async def test_markup_of_the_agent_stays_text(service: Service, ana: Page) -> None:
    attack = "<img src=x onerror=\"document.title='owned'\"><a href='https://evil.example'>Approve</a>"
    request = service.ask(params={attack: attack}, claims=Claims(summary=attack, links=("javascript:alert(1)",)))
    await ana.goto(address(service, request))
    assert await ana.locator("main img").count() == 0
    assert await ana.locator("main a[href*='evil'], main a[href^='javascript']").count() == 0
    await expect(ana).to_have_title("payments.refund · Sayso")


async def test_without_scripts_one_can_still_answer(service: Service, chromium: Browser) -> None:
    request = service.ask()
    signed_in = await Sessions(service.around.shelf).sign_in((await service.link()).partition("#")[2])
    assert signed_in
    context = await chromium.new_context(java_script_enabled=False)
    port = service.url.rpartition(":")[2]
    await context.add_cookies([{"name": f"sayso-{port}", "value": signed_in[0], "url": service.url}])
    page = await context.new_page()
    await page.goto(address(service, request))
    await page.fill("#reason", "Seen and checked")
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("heading", name="Approved by Ana")).to_be_visible()
    await expect(page.locator("#about")).to_contain_text("UTC")
    assert service.desk.ballots[0].reason == "Seen and checked"
    await context.close()


async def test_history_is_reached_and_says_who_when_and_why(service: Service, ana: Page) -> None:
    request = service.ask()
    await ben_answers(service, request, "deny", "Twice already.")
    service.desk.end(service.ask().id, Status.CANCELLED, Cause.AGENT)
    await ana.get_by_role("link", name="History").click()
    await expect(ana.locator(f"#row-{request.id}")).to_contain_text("Denied by Ben")
    await expect(ana.locator(f"#row-{request.id}")).to_contain_text("Twice already.")
