"""Home, dialogs and answers made of anything at all: Slack takes them, and obeys none of it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from slack_sdk.models.blocks import Block

from fakes.slack_surfaces import answer_faults, home_faults
from fakes.slack_views import view_faults
from fakes.slack_workspace import Json, texts
from sayso_adapters.looking import Answered, Found, Waiting, Where
from sayso_adapters.slack.blocks import MAX_JSON, size
from sayso_adapters.slack.overview import home, listed, pending_message, reading, routes_message, told_of
from sayso_bot.domain.admin import Admin
from sayso_bot.domain.brief import brief
from sayso_bot.domain.card import card
from sayso_bot.domain.pauses import Pause, Scope
from sayso_bot.domain.policy import Route
from sayso_bot.domain.request import Claims, Vote
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.testing.samples import AT, a_request, a_requirement
from unit.hostile import claims, nasty, value
from unit.slack.slack_office import PLACE
from unit.slack.surfaces.doings import ANA


@settings(max_examples=25, deadline=None)
@given(
    params=st.dictionaries(nasty, value, max_size=30),
    claimed=claims,
    names=st.lists(nasty, min_size=1, max_size=60),
    page=st.integers(min_value=-5, max_value=50),
)
def test_any_request_and_policy_give_views_and_messages_that_slack_takes(
    params: Any, claimed: Claims, names: list[str], page: int
) -> None:
    url = "https://sayso.example.com/inbox"
    request = a_request(PLACE, params=params, claims=claimed, rule=names[0])
    vote = Vote("p", names[-1], frozenset({ANA}), "approve", names[0] or None, "slack", 1, "e", True, AT)
    request = replace(request, votes=(vote,))
    shown = card(request, f"{url}/{request.id}")
    listed_as = brief(request)
    waiting = Waiting((listed_as,) * 20, 30, more=True)
    by = Admin("a", names[0], "api", "a")
    where = Where(
        tuple(
            Route(name, name, True, "ask", a_requirement(PLACE, channel=name, approvers=(name, names[0])))
            for name in names * 2
        ),
        tuple(LiveRoute("route_1", name, name, PLACE, by, name, AT, AT) for name in names),
        tuple(Pause("pause_1", Scope(action=name), by, name, AT) for name in names),
    )
    _slack_takes(home(waiting, [Answered(listed_as, vote)] * 8, where, url, AT), home_faults)
    _slack_takes(listed(waiting, url), view_faults)
    for may_vote in (True, False):
        found = Found(request, may_vote)
        _slack_takes(reading(shown, found, page), view_faults)
        _slack_takes(_answer(told_of(shown, found)), answer_faults)
    _slack_takes(_answer(pending_message(waiting, url)), answer_faults)
    _slack_takes(_answer(routes_message(where)), answer_faults)


def test_long_rules_stay_within_what_a_message_holds_and_the_rest_is_counted() -> None:
    route = Route("r" * 100, "a" * 128, True, "ask", a_requirement(PLACE, channel="c" * 100, group="g" * 100))
    blocks = routes_message(Where((route,) * 80))
    assert size(blocks) <= MAX_JSON
    assert "The rest is in the policy." in texts(blocks)


def test_no_word_of_others_is_mrkdwn() -> None:
    hostile = "<!channel> *x* <@U1> <https://evil.example|ok>"
    request = a_request(PLACE, params={hostile: hostile}, rule=hostile)
    vote = Vote("p", hostile, frozenset({ANA}), "approve", hostile, "slack", 1, "e", True, AT)
    request = replace(request, votes=(vote,))
    shown, row = card(request, "https://x.example/1"), brief(request)
    by = Admin("a", hostile, "api", "a")
    where = Where(
        (Route(hostile, hostile, False, "deny", None),),
        (LiveRoute("route_1", hostile, hostile, PLACE, by, hostile, AT),),
        (Pause("pause_1", Scope(action=hostile), by, hostile, AT),),
    )
    view = home(Waiting((row,), 0, more=False), [Answered(row, vote)], where, "https://x.example", AT)
    for text in _marked_down([view, reading(shown, Found(request, may_vote=True))]):
        assert "evil" not in text
        assert "<!channel>" not in text


def _marked_down(node: Any) -> list[str]:
    if isinstance(node, list):
        return [text for item in node for text in _marked_down(item)]
    if isinstance(node, dict):
        own = [node["text"]] if node.get("type") == "mrkdwn" else []
        return own + [text for item in node.values() for text in _marked_down(item)]
    return []


def _answer(blocks: list[Json]) -> Json:
    return {"response_type": "ephemeral", "text": "x", "blocks": blocks}


def _slack_takes(shown: Json, faults: Any) -> None:
    assert faults(shown) == []
    for block in Block.parse_all(shown["blocks"]):
        block.to_dict()
