"""A listing as a card: within Teams' limits whatever the requests say, and nothing of it is left out uncounted."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from msgspec.structs import replace

from fakes.teams_limits import MAX_CARD, card_faults, size
from sayso_adapters.teams.listing import listing_message
from sayso_bot.domain.brief import brief
from sayso_bot.domain.card import needs
from sayso_bot.domain.listing import MOST_ROWS, Listed, Listing
from sayso_bot.domain.request import Status
from sayso_bot.testing.samples import a_request
from unit.any_listing import USUAL, a_listing, all_is_counted, listings
from unit.teams.teams_drawn import buttons, elements, lines, obeyed, words

PLACE = "teams:19:x"
HOSTILE = ["<at>Ana</at>" * 60, "𝕏" * 400, "\u202e" * 200, "*_[" * 99, "\n" * 300]


@settings(max_examples=40, deadline=None)
@given(listings(PLACE, HOSTILE))
def test_whatever_the_requests_say_teams_takes_the_list(listing: Listing) -> None:
    shown = listing_message(listing)
    assert card_faults(shown.content) == []
    assert obeyed(shown.content) == []
    assert size(shown.content) < MAX_CARD
    assert shown.text
    rows = buttons(shown.content).count("review")
    assert all_is_counted(listing, rows=rows, complete=shown.complete, words=words(shown.content))


def test_fifteen_usual_requests_have_a_row_each_with_its_own_button() -> None:
    shown = listing_message(a_listing(PLACE, [USUAL] * MOST_ROWS, waiting=MOST_ROWS))
    assert shown.complete
    assert "payments.refund: order “A-1017”, amount 900" in words(shown.content)
    tokens = [element["data"]["token"] for element in elements(shown.content) if "verb" in element]
    assert tokens == [f"btn_{number:032}" for number in range(MOST_ROWS)]


def test_a_row_says_who_asks_what_is_needed_and_until_when() -> None:
    request = replace(a_request(PLACE), expires_at=datetime(2026, 11, 24, 12, 30, tzinfo=UTC))
    listing = Listing("req_1", (Listed(brief(request), "btn_1"),), 1, {}, "https://s/inbox")
    said = lines(listing_message(listing).content)
    assert f"{request.agent} asks, {needs(request)}" in said
    stamp = "2026-11-24T12:30:00Z"
    assert f"until {{{{DATE({stamp},SHORT)}}}} {{{{TIME({stamp})}}}} (2026-11-24 12:30 UTC)" in said


def test_what_has_ended_is_counted_by_how() -> None:
    shown = listing_message(a_listing(PLACE, [{}], waiting=1, ended={Status.APPROVED: 2, Status.EXPIRED: 1}))
    assert "Ended: 2 approved, 1 expired." in lines(shown.content)
    over = listing_message(a_listing(PLACE, [], waiting=0, ended={Status.APPROVED: 3}))
    assert lines(over.content) == ["Nothing of this list waits for an answer any more.", "Ended: 3 approved."]
