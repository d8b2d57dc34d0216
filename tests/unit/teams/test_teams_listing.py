"""A listing as a card: within Teams' limits whatever the requests say, and nothing of it is left out uncounted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.teams_limits import MAX_CARD, card_faults, size
from sayso_adapters.teams.listing import listing_message
from sayso_bot.domain.brief import brief
from sayso_bot.domain.card import needs
from sayso_bot.domain.json import Json
from sayso_bot.domain.listing import MOST_ROWS, Listed, Listing
from sayso_bot.domain.request import Status
from sayso_bot.testing.samples import a_request
from unit.teams.teams_drawn import buttons, elements, lines, obeyed, words

WORDS = st.text(max_size=400) | st.sampled_from(
    ["<at>Ana</at>" * 60, "𝕏" * 400, "\u202e" * 200, "*_[" * 99, "\n" * 300]
)
PARAMS = st.dictionaries(WORDS, WORDS | st.integers() | st.lists(WORDS, max_size=3), max_size=6)


def _listing(
    params: list[dict[str, Json]], *, waiting: int, ended: dict[Status, int] | None = None, paused: str = ""
) -> Listing:
    rows = tuple(
        Listed(brief(replace(a_request("teams:19:x"), params=given)), f"btn_{number:032}", paused)
        for number, given in enumerate(params)
    )
    return Listing("req_1", rows, waiting, ended or {}, "https://sayso.example.com/inbox")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(PARAMS, max_size=MOST_ROWS),
    st.integers(0, 100_000),
    st.dictionaries(st.sampled_from(Status), st.integers(1, 10**6)),
    WORDS,
)
def test_whatever_the_requests_say_teams_takes_the_list(
    params: list[dict[str, Json]], more: int, ended: dict[Status, int], paused: str
) -> None:
    listing = _listing(params, waiting=len(params) + more, ended=ended, paused=paused)
    shown = listing_message(listing)
    assert card_faults(shown.content) == []
    assert obeyed(shown.content) == []
    assert size(shown.content) < MAX_CARD
    assert shown.text
    rows = buttons(shown.content).count("review")
    assert shown.complete is (rows == listing.waiting)
    if rows < listing.waiting:
        assert f"{listing.waiting - rows} " in words(shown.content), "what has no row is counted"


def test_fifteen_usual_requests_have_a_row_each_with_its_own_button() -> None:
    usual: dict[str, Json] = {"order": "A-1017", "amount": 900, "customer": {"name": "Ana & Sons", "vip": True}}
    shown = listing_message(_listing([usual] * MOST_ROWS, waiting=MOST_ROWS))
    assert shown.complete
    assert "payments.refund: order “A-1017”, amount 900" in words(shown.content)
    tokens = [element["data"]["token"] for element in elements(shown.content) if "verb" in element]
    assert tokens == [f"btn_{number:032}" for number in range(MOST_ROWS)]


def test_a_row_says_who_asks_what_is_needed_and_until_when() -> None:
    request = replace(a_request("teams:19:x"), expires_at=datetime(2026, 11, 24, 12, 30, tzinfo=UTC))
    listing = Listing("req_1", (Listed(brief(request), "btn_1"),), 1, {}, "https://s/inbox")
    said = lines(listing_message(listing).content)
    assert f"{request.agent} asks, {needs(request)}" in said
    stamp = "2026-11-24T12:30:00Z"
    assert f"until {{{{DATE({stamp},SHORT)}}}} {{{{TIME({stamp})}}}} (2026-11-24 12:30 UTC)" in said


def test_what_has_ended_is_counted_by_how() -> None:
    shown = listing_message(_listing([{}], waiting=1, ended={Status.APPROVED: 2, Status.EXPIRED: 1}))
    assert "Ended: 2 approved, 1 expired." in lines(shown.content)
    over = listing_message(_listing([], waiting=0, ended={Status.APPROVED: 3}))
    assert lines(over.content) == ["Nothing of this list waits for an answer any more.", "Ended: 3 approved."]
