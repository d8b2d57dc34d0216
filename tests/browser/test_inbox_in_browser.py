"""The inbox as a person meets it, in a real Chromium."""

from __future__ import annotations

import re

from playwright.async_api import Browser, Page, Route, expect

from browser.chromium import listening
from sayso_adapters.inbox.sessions import Sessions
from sayso_bot.domain.form import Field, Form
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Cause, Claims, Outcome, Request, Status
from sayso_bot.ports import Ballot
from sayso_bot.testing.clock import Clock
from unit.inbox.inbox_service import Service

BEN = Person.known_as("Ben", {"email:ben@example.com"})


def address(service: Service, request: Request) -> str:
    return f"{service.url}/inbox/requests/{request.id}"


async def ben_answers(service: Service, request: Request, outcome: Outcome, reason: str | None = None) -> None:
    ballot = Ballot(request.id, 1, BEN, outcome, "inbox", f"inbox:ben-{request.id}", reason=reason)
    await service.desk.vote(ballot)


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


async def test_the_first_request_appears_by_itself_and_later_ones_wait_behind_a_line(
    service: Service, ana: Page
) -> None:
    await listening(ana)
    first = service.ask("first.one", minutes=60)
    await expect(ana.locator(f"#row-{first.id}")).to_be_visible()
    await expect(ana).to_have_title("(1) Waiting · Sayso")
    before = await ana.locator(f"#row-{first.id}").bounding_box()
    second = service.ask("second.one", minutes=5)
    service.ask("third.one", minutes=6)
    line = ana.get_by_role("button", name="2 new requests – show")
    await expect(line).to_be_visible()
    await expect(ana).to_have_title("(3) Waiting · Sayso")
    assert await ana.locator(f"#row-{first.id}").bounding_box() == before
    assert await ana.locator(".row").count() == 1
    await line.click()
    await expect(ana.locator(".row").first).to_have_id(f"row-{second.id}")
    await expect(line).to_be_hidden()


async def test_a_row_that_ended_says_so_where_it_stands(service: Service, ana: Page) -> None:
    first, second = service.ask(minutes=5), service.ask(minutes=50)
    await ana.reload()
    await listening(ana)
    await ben_answers(service, first, "deny", "No.")
    await expect(ana.locator(f"#row-{first.id}")).to_contain_text("Denied by Ben")
    await expect(ana).to_have_title("(1) Waiting · Sayso")
    await expect(ana.locator(".row").first).to_have_id(f"row-{first.id}")
    await expect(ana.locator(".row").last).to_have_id(f"row-{second.id}")


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


async def test_what_somebody_else_decided_shows_while_the_page_is_open(service: Service, ana: Page) -> None:
    request = service.ask()
    await ana.goto(address(service, request))
    await listening(ana)
    await ben_answers(service, request, "deny", "Already refunded.")
    await expect(ana.get_by_role("heading", name="Denied by Ben")).to_be_visible()
    await expect(ana.locator("#decide")).to_contain_text("Already refunded.")
    await expect(ana.get_by_role("heading", name="What was asked")).to_be_visible()
    await expect(ana.locator("#announce")).to_contain_text("Denied by Ben")


async def test_what_is_being_written_survives_another_persons_vote(service: Service, ana: Page) -> None:
    request = service.ask(quorum=2)
    await ana.goto(address(service, request))
    await listening(ana)
    await ana.fill("#reason", "I am still wri")
    await ben_answers(service, request, "approve", "Looks right.")
    await expect(ana.locator("#about")).to_contain_text("1 of 2 approvals")
    await expect(ana.locator("#reason")).to_have_value("I am still wri")


async def test_a_request_that_changed_while_open_is_drawn_anew(service: Service, ana: Page) -> None:
    request = service.ask()
    await ana.goto(address(service, request))
    await listening(ana)
    service.desk.revise(request.id, {"amount": 99_999})
    await expect(ana.locator("#params")).to_contain_text("99999")
    await expect(ana.locator("#announce")).to_contain_text("has changed since you opened it")
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.get_by_role("heading", name="Approved by Ana")).to_be_visible()
    assert service.desk.ballots[0].revision == 2


async def test_a_stale_tap_is_refused_and_the_changed_request_is_shown(service: Service, ana: Page) -> None:
    request = service.ask()
    await ana.route("**/inbox/events", lambda route: route.abort())
    await ana.goto(address(service, request))
    service.desk.revise(request.id, {"amount": 99_999})
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.get_by_role("alert").first).to_contain_text("Your answer did not count.")
    await expect(ana.locator("#params")).to_contain_text("99999")
    assert service.desk.counted == []


async def test_expiry_shows_while_the_page_is_open(service: Service, ana: Page, clock: Clock) -> None:
    request = service.ask(minutes=0.05)
    await ana.goto(address(service, request))
    await expect(ana.get_by_role("heading", name="Expired: nobody decided in time")).to_be_visible()
    await expect(ana.get_by_role("button", name="Approve")).to_have_count(0)


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


async def test_what_happened_while_cut_off_shows_after_reconnecting(service: Service, ana: Page) -> None:
    request = service.ask()
    await ana.reload()
    await listening(ana)
    await ana.context.set_offline(True)
    await expect(ana.locator("#connection")).to_be_visible()
    await ben_answers(service, request, "approve")
    await ana.context.set_offline(False)
    await expect(ana.locator(f"#row-{request.id}")).to_contain_text("Approved by Ben")


async def test_a_page_whose_session_was_ended_says_so(service: Service, ana: Page) -> None:
    service.inbox._live._heartbeat = 0.05
    await ana.reload()
    await listening(ana)
    for session in await Sessions(service.around.shelf).all():
        await Sessions(service.around.shelf).end(session.id)
    await expect(ana.locator("#connection")).to_contain_text("You have been signed out.")


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


async def test_times_tick_and_name_their_zone_on_demand(service: Service, ana: Page) -> None:
    request = service.ask(minutes=1)
    await ana.goto(address(service, request))
    deadline = ana.locator("#about .deadline time")
    await expect(deadline).to_contain_text("in 5")
    first = await deadline.text_content()
    await expect(deadline).not_to_have_text(first or "")
    await expect(deadline).to_have_attribute("title", re.compile(r"GMT\+[12]"))
    await ana.get_by_role("button", name="Exact times").click()
    await expect(deadline).to_contain_text("GMT+")
    await expect(ana.locator("#zone")).to_have_text("Times are in Europe/Berlin.")


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


async def test_signing_out_leads_back_to_the_door(service: Service, ana: Page) -> None:
    await ana.get_by_role("button", name="Sign out").click()
    await expect(ana.get_by_role("heading", name="You are not signed in")).to_be_visible()


async def test_history_is_reached_and_says_who_when_and_why(service: Service, ana: Page) -> None:
    request = service.ask()
    await ben_answers(service, request, "deny", "Twice already.")
    service.desk.end(service.ask().id, Status.CANCELLED, Cause.AGENT)
    await ana.get_by_role("link", name="History").click()
    await expect(ana.locator(f"#row-{request.id}")).to_contain_text("Denied by Ben")
    await expect(ana.locator(f"#row-{request.id}")).to_contain_text("Twice already.")


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
