"""What changes while a page of the inbox is open, in a real Chromium."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

from browser.beside import address, ben_answers, stir
from browser.chromium import listening
from sayso_bot.testing.clock import Clock
from sayso_bot.testing.desk import nobody_can_say
from unit.inbox.inbox_service import Service


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


async def test_what_is_being_written_survives_that_nobody_can_say_who_may_decide(service: Service, ana: Page) -> None:
    """The page asks again by itself until somebody can."""
    request = service.ask(quorum=2, reason="always")
    await ana.clock.install()
    await ana.goto(address(service, request))
    await listening(ana)
    await ana.fill("#reason", "I am still wri")
    service.desk._admits = nobody_can_say
    stir(service)
    await expect(ana.locator("#unsure")).to_contain_text("could not be checked just now")
    await expect(ana.locator("#announce")).to_contain_text("could not be checked just now")
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.locator("#outcome")).to_contain_text("Your answer did not count.")
    await expect(ana.locator("#reason")).to_have_value("I am still wri")
    service.desk._admits = None
    await ana.clock.run_for(16_000)
    await expect(ana.locator("#announce")).to_contain_text("You may decide this.")
    await expect(ana.locator("#reason")).to_have_value("I am still wri")
    await ana.get_by_role("button", name="Approve").click()
    await expect(ana.get_by_role("heading", name="You approved this")).to_be_visible()


async def test_a_row_of_which_nobody_can_say_whether_it_waits_says_so_until_somebody_can(
    service: Service, ana: Page
) -> None:
    request = service.ask()
    await ana.clock.install()
    await ana.reload()
    await listening(ana)
    service.desk._admits = nobody_can_say
    stir(service)
    await expect(ana.locator(f"#row-{request.id}")).to_contain_text("It could not be checked")
    service.desk._admits = None
    await ana.clock.run_for(16_000)
    await expect(ana.locator(f"#row-{request.id}")).not_to_contain_text("It could not be checked")
    await expect(ana).to_have_title("(1) Waiting · Sayso")


async def test_what_waits_for_somebody_is_offered_as_soon_as_that_can_be_said(service: Service, ana: Page) -> None:
    request = service.ask()
    service.desk._admits = nobody_can_say
    await ana.clock.install()
    await ana.reload()
    await listening(ana)
    await expect(ana.get_by_role("heading", name="Perhaps waiting for you 1")).to_be_visible()
    service.desk._admits = None
    await ana.clock.run_for(16_000)
    await expect(ana.locator("#announce")).to_contain_text("1 new request waiting for you.")
    await ana.get_by_role("button", name="1 new request – show").click()
    await expect(ana.locator(f"#mine #row-{request.id}")).to_be_visible()
    await expect(ana.get_by_role("heading", name="Perhaps waiting for you")).to_have_count(0)


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


async def test_expiry_shows_while_the_page_is_open(service: Service, ana: Page, clock: Clock) -> None:
    request = service.ask(minutes=0.05)
    await ana.goto(address(service, request))
    await expect(ana.get_by_role("heading", name="Expired: nobody decided in time")).to_be_visible()
    await expect(ana.get_by_role("button", name="Approve")).to_have_count(0)


async def test_what_happened_while_cut_off_shows_after_reconnecting(service: Service, ana: Page) -> None:
    request = service.ask()
    await ana.reload()
    await listening(ana)
    await ana.context.set_offline(True)
    await expect(ana.locator("#connection")).to_be_visible()
    await ben_answers(service, request, "approve")
    await ana.context.set_offline(False)
    await expect(ana.locator(f"#row-{request.id}")).to_contain_text("Approved by Ben")


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
