"""What an admin is told that a route or a pause would do: of the rules that decide, and of no others."""

from __future__ import annotations

from datetime import UTC, datetime

from sayso_bot.domain.admin import Admin
from sayso_bot.domain.effects import (
    Pending,
    asked_by,
    does_nothing,
    of_pause,
    of_route,
    questions_of_route,
    sent_elsewhere,
    touched,
    touched_by_pause,
    touched_by_undoing,
    without,
)
from sayso_bot.domain.pauses import Scope
from sayso_bot.domain.policy import Route
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.policy import load

POLICY = """\
channels: {pay: slack:C1, ops: slack:C2, all: slack:C3}
rules:
  - {name: large, action: pay.refund, params: {n: number}, when: params.n > 5, ask: {channel: ops}}
  - {name: refunds, action: pay.refund, ask: {channel: pay}}
  - {name: looks, action: look.*, allow: true}
  - {name: drops, action: drop.*, deny: Never.}
  - {name: rest, action: "*", ask: {channel: all}}
"""


def rules() -> tuple[Route, ...]:
    return load(POLICY, "p", in_force=True).routes()


def a_route(action: str, place: str = "slack:C9", channel: str = "nine") -> LiveRoute:
    return LiveRoute("route_1", action, channel, place, Admin("o", "Olga", "cli"), "", datetime(2026, 1, 1, tzinfo=UTC))


def test_a_rule_below_one_that_takes_all_is_not_concerned() -> None:
    assert [rule.rule for rule, _ in asked_by(rules(), "pay.refund")] == ["large", "refunds"]
    assert [rule.rule for rule, _ in asked_by(rules(), "pay.*")] == ["large", "refunds", "rest"]
    assert [rule.rule for rule, _ in asked_by(rules(), "*")] == ["large", "refunds", "rest"]


def test_a_change_is_announced_where_it_takes_something_away_and_nowhere_else() -> None:
    assert touched(rules(), a_route("pay.refund"), []) == ["slack:C9", "slack:C2", "slack:C1"]
    assert touched_by_pause(Scope(action="pay.refund"), rules(), [a_route("pay.*")], []) == [
        "slack:C2", "slack:C1", "slack:C9"
    ]  # fmt: skip
    assert touched_by_pause(Scope(agent="a"), rules(), [], ["pay.refund", "drop.x"]) == ["slack:C2", "slack:C1"]
    assert touched_by_pause(Scope(), rules(), [], []) == ["slack:C2", "slack:C1", "slack:C3"]


def test_a_route_of_what_is_allowed_or_denied_unasked_would_do_nothing_and_is_asked_about() -> None:
    for action in ("look.at", "look.*", "drop.table"):
        assert list(of_route(a_route(action), rules(), [], Pending(0)))[1:] == []
        (question,) = questions_of_route(a_route(action), rules())
        assert "would do nothing now" in question


def test_a_route_to_where_it_is_asked_anyway_does_nothing_whatever_a_later_rule_says() -> None:
    later = [rule for rule in rules() if rule.rule != "large"]
    said = does_nothing(a_route("pay.refund", "slack:C1"), later, [])
    assert said == "The policy asks all of pay.refund in nine anyway."
    assert does_nothing(a_route("pay.refund", "slack:C1"), rules(), []) is None


NIGHT = a_route("pay.*", "slack:C7", "night")
EXACT = a_route("pay.refund")


def test_whoever_loses_cards_to_a_route_is_told_be_it_a_rule_a_broader_route_or_the_one_replaced() -> None:
    assert touched(rules(), EXACT, [NIGHT]) == ["slack:C9", "slack:C2", "slack:C1", "slack:C7"]
    before = a_route("pay.refund", "slack:C8")
    assert touched(rules(), EXACT, [NIGHT, before]) == ["slack:C9", "slack:C2", "slack:C1", "slack:C8"]
    assert touched(rules(), NIGHT, [EXACT]) == ["slack:C7", "slack:C2", "slack:C1", "slack:C3"], (
        "it takes none from that"
    )
    assert touched(rules(), a_route("look.at"), [a_route("*", "slack:C7")]) == ["slack:C9"]


def test_what_is_undone_falls_to_a_broader_route_before_the_policy() -> None:
    assert without(EXACT, [EXACT, NIGHT]) == "is asked in night, as the route of pay.* has it"
    assert touched_by_undoing(rules(), EXACT, [EXACT, NIGHT]) == ["slack:C9", "slack:C7"]
    everything, some = a_route("*", "slack:C5", "all night"), a_route("*fund", "slack:C6", "funds")
    assert without(NIGHT, [EXACT, NIGHT, everything]) == "is asked in all night, as the route of * has it"
    assert without(a_route("pay.re*"), [some, NIGHT, everything]) == (
        "is asked in night, as the route of pay.* has it; some of it in funds, as the route of *fund has it"
    )
    assert without(NIGHT, [some]) == (
        "is asked where the policy says again; some of it in funds, as the route of *fund has it"
    )
    assert touched_by_undoing(rules(), NIGHT, [some]) == ["slack:C7", "slack:C2", "slack:C1", "slack:C3", "slack:C6"]
    assert without(EXACT, [EXACT, some]) == "is asked in funds, as the route of *fund has it"


def test_an_exception_from_a_broader_route_does_something_though_it_leads_where_the_policy_does() -> None:
    exception = a_route("drop.x", "slack:C3")
    policy = [rule for rule in rules() if rule.rule == "rest"]
    assert does_nothing(exception, policy, []) == "The policy asks all of drop.x in nine anyway."
    assert does_nothing(exception, policy, [a_route("drop.*")]) is None
    assert [rule.rule for rule, _ in sent_elsewhere(policy, exception, [a_route("drop.*")])] == ["rest"]
    assert "Undo its route instead." in str(does_nothing(exception, policy, [a_route("drop.x")]))
    assert does_nothing(exception, policy, [a_route("drop.*", "slack:C3")]) is not None, "it leads there too"


def test_what_waits_is_counted_in_its_number() -> None:
    assert list(of_pause(Scope(), Pending(1)))[-1] == "1 pending request will wait, and say so on its card."
    assert list(of_pause(Scope(), Pending(2)))[-1] == "2 pending requests will wait, and say so on their cards."
