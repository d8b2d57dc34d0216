"""A burst in Teams: one card for all that wait, each answered from it on its own, and no card of one request."""

from __future__ import annotations

from fakes.teams_tenant import Message
from sayso_bot.domain.brief import brief
from sayso_bot.domain.listing import Listed, Listing
from sayso_bot.domain.request import Request, Status
from sayso_bot.testing.samples import a_request
from unit.teams.teams_office import PLACE, Office


def of(waiting: dict[str, Request]) -> Listing:
    """``waiting`` are requests by the tokens of their buttons."""
    rows = tuple(Listed(brief(request), button) for button, request in waiting.items())
    return Listing("req_list", rows, len(rows), {}, "https://sayso.example.com/inbox")


async def listed(office: Office) -> tuple[dict[str, Request], Message, str]:
    wanted = {"digest": True}
    requests = [a_request(PLACE, requirement=wanted, params={"order": f"A-{number}"}) for number in range(2)]
    waiting = {office.desk.ask(request): request for request in requests}
    post = await office.adapter.post_listing(of(waiting), PLACE)
    return waiting, await office.teams.posted(), post


async def test_all_that_wait_are_one_message_which_follows_them(office: Office) -> None:
    waiting, message, post = await listed(office)
    assert message.id == post
    assert message.buttons == ["review", "review"]
    waiting.popitem()
    await office.adapter.update_listing(of(waiting), PLACE, post)
    assert message.buttons == ["review"]
    assert len(office.teams.messages) == 1


async def test_each_is_decided_on_its_own_and_the_list_is_recorded_as_no_ones_card(office: Office) -> None:
    waiting, message, _ = await listed(office)
    button, request = next(iter(waiting.items()))
    assert "A-0" in await office.tap(message, "review", data={"token": button})
    await office.tap(message, "close")
    assert "You approved" in await office.tap(message, "approve")
    statuses = [office.desk.requests[one.id].status for one in waiting.values()]
    assert statuses == [Status.APPROVED, Status.PENDING]
    assert request.id == next(iter(office.desk.requests))
    assert office.desk.posts == []
