"""What the commands show: what waits, one request to read, where things go, and what an admin's command would do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from fakes.teams_limits import MAX_CARD, card_faults, size
from sayso_adapters.looking import Found, Waiting, Where
from sayso_adapters.teams.overview import (
    confirmation,
    help_message,
    pending_message,
    reading,
    routes_message,
    told_of,
)
from sayso_bot.domain.brief import brief
from sayso_bot.domain.card import card
from sayso_bot.domain.deeds import Effect, PauseScope, SetRoute
from sayso_bot.domain.pauses import Pause, Scope
from sayso_bot.domain.policy import Route
from sayso_bot.domain.request import Cause, Decision, Request, Status, Vote
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.testing.samples import AT, a_request, a_requirement
from unit.hostile import nasty, value
from unit.teams.teams_drawn import buttons, data, elements, inputs, lines, obeyed, words
from unit.teams.teams_gallery import INBOX, OLGA, PLACE

ROUTE = LiveRoute("rte_1", "deploy.*", "ops", "slack:C1", OLGA, "the fair", AT)


def ended(reason: str) -> Request:
    vote = Vote("teams:T/a", "Ana", frozenset({"teams:T/a"}), "approve", reason, "teams", 1, "e", True, AT)
    decision = Decision(Status.APPROVED, Cause.VOTES, AT, (vote,))
    return structs.replace(a_request(PLACE), status=Status.APPROVED, votes=(vote,), decision=decision)


class TestWhatWaits:
    def test_each_request_has_a_row_and_a_button_that_names_it_and_its_revision(self) -> None:
        requests = [a_request(PLACE), a_request(PLACE, params={"amount": 12})]
        shown = pending_message(Waiting(tuple(map(brief, requests)), 0, more=False), INBOX)
        assert "payments.refund: order “A-1017”, amount 900, currency “EUR”" in lines(shown.content)
        tokens = [element["data"]["token"] for element in elements(shown.content) if "verb" in element]
        assert tokens == [f"{request.id}.1" for request in requests]
        assert shown.text == "2 requests wait for you."
        assert shown.complete

    def test_what_does_not_fit_was_not_looked_at_or_is_not_known_is_counted(self) -> None:
        many = tuple(brief(a_request(PLACE, params={"note": "𝕏" * 500})) for _ in range(20))
        shown = pending_message(Waiting(many, 3, more=True, unsure=2), INBOX)
        rows = buttons(shown.content).count("review")
        assert 0 < rows < 20
        assert f"{20 - rows} more that wait for you do not fit here." in words(shown.content)
        assert "It could not be checked whether 2 more wait for you." in words(shown.content)
        assert not shown.complete

    def test_nothing_is_said_too(self) -> None:
        shown = pending_message(Waiting((), 0, more=False), INBOX)
        assert (shown.text, buttons(shown.content)) == ("Nothing waits for you.", ["open"])


class TestOneRequest:
    @pytest.mark.parametrize(("may_vote", "title"), [(True, "Review"), (False, "Open")])
    def test_is_told_of_with_one_button_that_opens_it_and_none_that_answers(self, may_vote: bool, title: str) -> None:
        request = a_request(PLACE)
        shown = told_of(card(request, INBOX), Found(request, may_vote)).content
        assert buttons(shown) == ["review", "open"]
        assert data(shown, "review") == {"token": f"{request.id}.1"}
        assert title in lines(shown)

    def test_that_is_over_says_how_it_ended_where_it_is_read(self) -> None:
        shown = reading(card(ended("as agreed"), INBOX), "btn_1")
        assert "Approved by Ana, 2026-11-23 14:05 UTC" in lines(shown)
        assert buttons(shown) == ["close", "open"]

    def test_is_read_whole_page_by_page_and_answered_on_none(self) -> None:
        letter = "\n".join(f"Line {number} of a letter, with much to say." for number in range(400))
        asked = card(a_request(PLACE, params={"letter": letter}), INBOX)
        shown = [reading(asked, "btn_1")]
        while "next" in buttons(shown[-1]):
            shown.append(reading(asked, "btn_1", data(shown[-1], "next")["page"]))
        assert len(shown) > 2
        assert not {"give", "deny", "approve"} & {verb for page in shown for verb in buttons(page)}
        said = "\n".join(map(words, shown))
        assert all(line in said for line in letter.split("\n"))


class TestRoutes:
    def test_pauses_and_live_routes_come_before_the_rules(self) -> None:
        rule = Route(
            "refunds", "payments.refund", False, "ask", a_requirement(PLACE, approvers=("a",), group="finance")
        )
        shown = routes_message(Where((rule,), (ROUTE,), (Pause("pau_1", Scope(), OLGA, "an audit", AT),)))
        assert lines(shown.content) == [
            "Where each kind of action goes",
            "Everything is paused by Olga since 23 Nov, 14:05 UTC: an audit.",
            "deploy.* is asked in ops, by Olga since 23 Nov, 14:05 UTC: the fair.",
            "By the policy:",
            "payments.refund: asked in payments, 1 approval from finance, within 30m",
        ]

    def test_long_rules_stay_within_a_card_and_the_rest_is_counted(self) -> None:
        rules = tuple(Route("r" * 90, f"x{number}.{'y' * 90}", True, "deny", None) for number in range(120))
        shown = routes_message(Where(rules))
        assert "70 more rules are not listed." in lines(shown.content)
        assert size(shown.content) < MAX_CARD
        assert lines(routes_message(Where(())).content)[1] == "The policy has no rules."

    def test_help_tells_admins_more(self) -> None:
        plain, admins = (lines(help_message(admin=admin).content) for admin in (False, True))
        assert "pending — what waits for you" in plain
        assert plain == admins[: len(plain)]
        assert "As an admin:" in admins


class TestAnAdminsCommand:
    def test_shows_what_it_would_do_and_asks_why(self) -> None:
        effect = Effect("Route deploy.*", ("deploy.* is asked in ops for good.",), (), 3)
        shown = confirmation(SetRoute("deploy.*", "ops", "the fair"), effect, "adm_1")
        assert lines(shown)[:2] == ["Route deploy.*", "deploy.* is asked in ops for good."]
        assert inputs(shown)["reason"]["value"] == "the fair"
        assert data(shown, "confirm") == {"token": "adm_1"}
        assert [line for line in lines(shown) if line in ("Do it", "Leave it")] == ["Do it", "Leave it"]

    def test_says_pause_for_a_pause_and_do_it_anyway_where_something_is_asked(self) -> None:
        effect = Effect("Pause", ("Nothing is asked.",), (), 3)
        assert "Pause" in lines(confirmation(PauseScope(Scope()), effect, "adm_1"))[-2:]
        asking = replace(effect, questions=("No rule names it.",))
        assert "Do it anyway" in lines(confirmation(PauseScope(Scope()), asking, "adm_1"))

    def test_that_asks_more_than_fits_is_not_confirmed_here(self) -> None:
        effect = Effect("Route *", (), tuple("x" * 500 for _ in range(90)), 3)
        shown = confirmation(SetRoute("*", "ops"), effect, "adm_1")
        assert buttons(shown) == ["close"]
        assert "There is more to be asked than fits here: do this in the inbox." in lines(shown)

    def test_what_changed_meanwhile_and_a_wrong_reason_are_said(self) -> None:
        effect = Effect("Route deploy.*", ("x",), (), 3)
        shown = confirmation(SetRoute("deploy.*", "ops"), effect, "adm_1", notice="Changed.", wrong="Too long.")
        assert lines(shown)[0] == "Changed."
        assert lines(shown).index("Too long.") + 1 == lines(shown).index("Why?")


@settings(max_examples=12, deadline=None)
@given(params=st.dictionaries(nasty, value, max_size=12), names=st.lists(nasty, max_size=60), why=nasty)
def test_whatever_is_said_teams_takes_what_is_shown_and_obeys_none_of_it(
    params: Any, names: list[str], why: str
) -> None:
    request = a_request(PLACE, params=params)
    requests = [brief(request) for _ in range(20)]
    rules = tuple(Route(name, name, False, "ask", a_requirement(PLACE, channel=name)) for name in names)
    admin = replace(OLGA, name=why)
    where = Where(rules, (replace(ROUTE, by=admin, why=why),), (Pause("pau_1", Scope(), admin, why, AT),))
    effect = Effect("Route", tuple(names), tuple(names[:9]), 1)
    for shown in (
        pending_message(Waiting(tuple(requests), 0, more=False), INBOX).content,
        told_of(card(request, INBOX), Found(request, True)).content,
        reading(card(request, INBOX), "btn_1"),
        reading(card(ended(why), INBOX), "btn_1"),
        routes_message(where).content,
        confirmation(SetRoute("deploy.*", "ops", why[:500]), effect, "adm_1", notice=why, wrong=why),
    ):
        assert card_faults(shown) == []
        assert obeyed(shown) == []
        assert size(shown) < MAX_CARD
