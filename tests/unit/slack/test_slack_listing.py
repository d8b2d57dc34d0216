"""A listing as a message: within Slack's limits whatever the requests say, and nothing of it is left out uncounted."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given, settings
from msgspec.structs import replace

from fakes.slack_limits import MAX_TOTAL, faults
from sayso_adapters.slack.listing import listing_message
from sayso_bot.domain.brief import brief
from sayso_bot.domain.card import needs
from sayso_bot.domain.listing import MOST_ROWS, Listed, Listing
from sayso_bot.testing.samples import a_request
from unit.any_listing import USUAL, a_listing, all_is_counted, listings

PLACE = "slack:C1"
HOSTILE = ["<!channel>" * 60, "&" * 400, "\u202e" * 200, '"' * 400, "\n" * 300]


@settings(max_examples=40, deadline=None)
@given(listings(PLACE, HOSTILE))
def test_whatever_the_requests_say_slack_takes_the_list(listing: Listing) -> None:
    shown = listing_message(listing, mentions="For <@U0ANA>, <!subteam^S0FINANCE>")
    drawn = json.dumps(shown.blocks, ensure_ascii=False)
    assert faults(shown.blocks) == []
    assert len(drawn) <= MAX_TOTAL
    assert shown.text
    rows = drawn.count('"action_id": "review"')
    assert all_is_counted(listing, rows=rows, complete=shown.complete, words=drawn)


def test_fifteen_usual_requests_have_a_row_each() -> None:
    shown = listing_message(a_listing(PLACE, [USUAL] * MOST_ROWS, waiting=MOST_ROWS))
    assert shown.complete
    assert "payments.refund: order “A-1017”, amount 900" in json.dumps(shown.blocks, ensure_ascii=False)


def test_a_row_says_who_asks_what_is_needed_and_until_when() -> None:
    request = replace(a_request(PLACE), expires_at=datetime(2026, 11, 24, 12, 30, tzinfo=UTC))
    listing = Listing("req_1", (Listed(brief(request), "btn_1"),), 1, {}, "https://s/inbox")
    words = json.dumps(listing_message(listing).blocks, ensure_ascii=False)
    assert f"{request.agent} asks, {needs(request)}" in words
    assert f"until <!date^{1795523400}^{{date_short_pretty}} {{time}}|2026-11-24 12:30 UTC>" in words


def test_agents_words_are_shown_and_not_obeyed() -> None:
    shown = listing_message(a_listing(PLACE, [{"order": "<!channel> *bold*"}], waiting=1))
    assert "<!channel>" not in shown.text
    texts = [block["text"] for block in shown.blocks if block["type"] == "section"]
    assert all(text["type"] == "plain_text" for text in texts)
