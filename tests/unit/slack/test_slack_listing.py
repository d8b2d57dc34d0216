"""A listing as a message: within Slack's limits whatever the requests say, and nothing of it is left out uncounted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.slack_limits import MAX_TOTAL, faults
from sayso_adapters.slack.listing import listing_message
from sayso_bot.domain.brief import brief
from sayso_bot.domain.card import needs
from sayso_bot.domain.json import Json
from sayso_bot.domain.listing import MOST_ROWS, Listed, Listing
from sayso_bot.domain.request import Status
from sayso_bot.testing.samples import a_request

WORDS = st.text(max_size=400) | st.sampled_from(["<!channel>" * 60, "&" * 400, "\u202e" * 200, '"' * 400, "\n" * 300])
PARAMS = st.dictionaries(WORDS, WORDS | st.integers() | st.lists(WORDS, max_size=3), max_size=6)


def _listing(
    params: list[dict[str, Json]], *, waiting: int, ended: dict[Status, int] | None = None, paused: str = ""
) -> Listing:
    rows = tuple(
        Listed(brief(replace(a_request("slack:C1"), params=given)), f"btn_{number:032}", paused)
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
def test_whatever_the_requests_say_slack_takes_the_list(
    params: list[dict[str, Json]], more: int, ended: dict[Status, int], paused: str
) -> None:
    listing = _listing(params, waiting=len(params) + more, ended=ended, paused=paused)
    shown = listing_message(listing, mentions="For <@U0ANA>, <!subteam^S0FINANCE>")
    assert faults(shown.blocks) == []
    assert len(json.dumps(shown.blocks, ensure_ascii=False)) <= MAX_TOTAL
    assert shown.text
    rows = json.dumps(shown.blocks).count('"action_id": "review"')
    assert shown.complete is (rows == listing.waiting)
    if rows < listing.waiting:
        assert f"{listing.waiting - rows} " in json.dumps(shown.blocks), "what has no row is counted"


def test_fifteen_usual_requests_have_a_row_each() -> None:
    usual: dict[str, Json] = {"order": "A-1017", "amount": 900, "customer": {"name": "Ana & Sons", "vip": True}}
    shown = listing_message(_listing([usual] * MOST_ROWS, waiting=MOST_ROWS))
    assert shown.complete
    assert "payments.refund: order “A-1017”, amount 900" in json.dumps(shown.blocks, ensure_ascii=False)


def test_a_row_says_who_asks_what_is_needed_and_until_when() -> None:
    request = replace(a_request("slack:C1"), expires_at=datetime(2026, 11, 24, 12, 30, tzinfo=UTC))
    listing = Listing("req_1", (Listed(brief(request), "btn_1"),), 1, {}, "https://s/inbox")
    words = json.dumps(listing_message(listing).blocks, ensure_ascii=False)
    assert f"{request.agent} asks, {needs(request)}" in words
    assert f"until <!date^{1795523400}^{{date_short_pretty}} {{time}}|2026-11-24 12:30 UTC>" in words


def test_agents_words_are_shown_and_not_obeyed() -> None:
    shown = listing_message(_listing([{"order": "<!channel> *bold*"}], waiting=1))
    assert "<!channel>" not in shown.text
    texts = [block["text"] for block in shown.blocks if block["type"] == "section"]
    assert all(text["type"] == "plain_text" for text in texts)
