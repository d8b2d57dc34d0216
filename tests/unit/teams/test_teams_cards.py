"""What a card says in Teams, that it fits, and that nothing on it is obeyed or silently left out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fakes.teams_limits import MAX_CARD, card_faults, size
from sayso_adapters.teams.cards import Message, message
from sayso_bot.domain.admin import Admin
from sayso_bot.domain.card import Card, card
from sayso_bot.domain.form import Field, Form
from sayso_bot.domain.json import Json
from sayso_bot.domain.pauses import Pause, Scope
from sayso_bot.domain.request import Cause, Claims, Decision, Edited, Moved, Request, Status, Vote
from sayso_bot.testing.samples import AT, a_file, a_request
from unit.hostile import claims, nasty, value
from unit.teams.teams_drawn import boxes, buttons, data, elements, lines, obeyed, told, too_wide, words
from unit.teams.teams_gallery import gallery

PLACE = "teams:19:payments@thread.tacv2"
TOKEN = "btn_0123456789abcdef"
URL = "https://sayso.example.com/inbox/req"


def a_card(**changes: Any) -> Card:
    return card(a_request(PLACE, **changes), URL)


def shown(**changes: Any) -> Message:
    return message(a_card(**changes), TOKEN)


def a_vote(name: str, outcome: str, reason: str | None = None) -> Vote:
    return Vote(f"teams:T/{name}", name, frozenset({f"teams:T/{name}"}), outcome, reason, "teams", 1, "e", True, AT)  # type: ignore[arg-type]


def ended(request: Request, outcome: Status, cause: Cause, *votes: Vote) -> Request:
    return replace(request, status=outcome, votes=votes, decision=Decision(outcome, cause, AT, votes))


class TestANormalRequest:
    def test_params_stand_beside_their_labels_and_before_anything_else(self) -> None:
        assert boxes(shown().content)[:3] == [("order", "A-1017"), ("amount", "900"), ("currency", "EUR")]

    def test_the_order_is_action_params_agent_rule_deadline_buttons_and_last_the_agents_words(self) -> None:
        said = words(shown().content)
        order = ["payments.refund", "A-1017", "refund-bot", "large refunds", "0 of 1 approval", "{{DATE(", "Approve"]
        order.append("The parcel")
        assert [said.index(word) for word in order] == sorted(said.index(word) for word in order)

    def test_buttons_carry_the_opaque_token_and_nothing_else(self) -> None:
        drawn = shown().content
        assert buttons(drawn) == ["approve", "deny", "open"]
        assert data(drawn, "approve") == data(drawn, "deny") == {"token": TOKEN}
        (to,) = [element for element in elements(drawn) if element["type"] == "Action.OpenUrl"]
        assert to["url"] == URL

    def test_an_old_client_sends_the_same_as_a_message(self) -> None:
        for element in elements(shown().content):
            if element["type"] == "Action.Execute":
                fallback = element["fallback"]
                assert fallback["type"] == "Action.Submit"
                assert fallback["data"] == {"verb": element["verb"], **element["data"]}

    def test_the_notification_says_action_params_agent_and_deadline(self) -> None:
        told_of = "payments.refund: order “A-1017”, amount 900, currency “EUR”"
        assert shown().text == f"refund-bot asks {told_of} — until 2026-11-23 14:35 UTC"

    def test_the_deadline_is_in_the_readers_own_zone_with_utc_beside_it(self) -> None:
        stamp = "2026-11-23T14:35:00Z"
        expected = f"{{{{DATE({stamp},SHORT)}}}} {{{{TIME({stamp})}}}} (2026-11-23 14:35 UTC)"
        assert expected in lines(shown().content)

    def test_no_params_and_no_deadline_are_said(self) -> None:
        said = lines(shown(params={}, expires_at=None).content)
        assert "It has no params." in said
        assert "no deadline" in said

    def test_a_line_parts_the_params_from_what_is_ours(self) -> None:
        rows = [element for element in elements(shown(params={"Asked by": "the CFO"}).content) if "columns" in element]
        assert [row.get("separator", False) for row in rows] == [False, True, False, False, False]


class TestHighRiskAndUrgency:
    def test_a_card_of_high_risk_says_so_first_and_looks_different(self) -> None:
        drawn = shown(requirement={"high_risk": True})
        assert drawn.content["body"][0]["style"] == "attention"
        assert lines(drawn.content)[0] == "High risk: look at every value before you approve."
        assert ("Risk", "high, says the policy") in boxes(drawn.content)
        assert drawn.text.startswith("refund-bot asks [high risk] payments.refund")

    def test_approving_does_not_strike_the_eye_there(self) -> None:
        for risky in (False, True):
            styles = {
                e["verb"]: e.get("style")
                for e in elements(shown(requirement={"high_risk": risky}).content)
                if "verb" in e
            }
            assert styles == {"approve": None if risky else "positive", "deny": "destructive"}

    def test_what_the_agent_calls_urgent_is_said_as_the_agents(self) -> None:
        assert "The agent calls the urgency critical." in lines(shown(claims=Claims(urgency="critical")).content)


class TestNoApproveButton:
    def test_params_that_do_not_fit_are_counted_and_deny_stays(self) -> None:
        drawn = shown(params={"sql": "x" * 20_000, "table": "users"})
        assert (
            "1 of 2 params does not fit here. Review shows all of it, page by page, and can approve at its end."
            in words(drawn.content)
        )
        assert buttons(drawn.content) == ["review", "deny", "open"]
        assert ("table", "users") in boxes(drawn.content)
        assert not drawn.complete

    def test_many_params_are_shown_while_there_is_room_and_the_rest_counted(self) -> None:
        drawn = shown(params={f"k{n}": "v" * 100 for n in range(500)})
        there = sum(label.startswith("k") for label, _ in boxes(drawn.content))
        assert there > 10
        assert f"{500 - there} of 500 params" in words(drawn.content)
        assert buttons(drawn.content) == ["review", "deny", "open"]

    def test_agent_texts_that_do_not_fit_take_approve_away_too(self) -> None:
        drawn = shown(claims=Claims(summary="short", diff="+" * 19_000))
        assert "1 of 2 of the agent's texts does not fit here" in words(drawn.content)
        assert buttons(drawn.content) == ["review", "deny", "open"]

    @pytest.mark.parametrize("reason", ["always", "deny"])
    def test_a_rule_that_wants_a_reason_has_the_same_buttons_which_open_a_dialog(self, reason: str) -> None:
        assert buttons(shown(requirement={"reason": reason}).content) == ["approve", "deny", "open"]

    def test_a_card_that_may_be_edited_has_a_button_for_it(self) -> None:
        assert buttons(shown(requirement={"editable": ("amount",)}).content) == ["approve", "deny", "edit", "open"]

    def test_what_wants_files_is_approved_in_the_inbox(self) -> None:
        drawn = shown(form=Form((Field("proof", "files", "The receipt"),)))
        assert buttons(drawn.content) == ["deny", "open"]
        assert "The agent asks for files" in words(drawn.content)
        optional = shown(form=Form((Field("proof", "files", "The receipt", required=False),)))
        assert buttons(optional.content) == ["approve", "deny", "open"]

    def test_what_is_paused_can_be_denied_and_nothing_else(self) -> None:
        pause = Pause("pau_1", Scope(), Admin("email:olga@example.com", "Olga", "inbox"), "an audit", AT)
        drawn = message(card(a_request(PLACE, requirement={"editable": ("amount",)}), URL, pause=pause), TOKEN).content
        assert "Paused by Olga since 23 Nov, 14:05 UTC: an audit. Nothing can be approved now, only denied." in lines(
            drawn
        )
        assert buttons(drawn) == ["deny", "open"]

    def test_on_a_card_that_was_left_nothing_is_answered(self) -> None:
        request = replace(a_request(PLACE), moved=Moved("ops", "Olga", "the fair"), place="slack:C1")
        drawn = message(card(request, URL, place=PLACE), TOKEN).content
        assert "Asked in ops now, by Olga: the fair." in lines(drawn)
        assert buttons(drawn) == ["open"]

    def test_a_settled_card_that_left_something_out_still_says_so(self) -> None:
        request = ended(a_request(PLACE, params={"a": "x" * 20_000}), Status.EXPIRED, Cause.TIMEOUT)
        drawn = message(card(request, URL), TOKEN).content
        assert "1 of 1 params does not fit here" in words(drawn)
        assert buttons(drawn) == ["open"]


class TestHowItStands:
    def test_votes_are_shown_with_their_reasons(self) -> None:
        request = replace(
            a_request(PLACE, requirement={"quorum": 2}), votes=(a_vote("Ana", "approve", "checked\ntwice"),)
        )
        drawn = message(card(request, URL), TOKEN).content
        assert ("Ana approved", "checked\ntwice") in boxes(drawn)
        assert "1 of 2 approvals" in words(drawn)

    @pytest.mark.parametrize(
        ("outcome", "vote", "style"), [(Status.DENIED, "deny", "attention"), (Status.APPROVED, "approve", "good")]
    )
    def test_after_the_end_it_says_who_when_and_why_and_has_no_buttons(
        self, outcome: Status, vote: str, style: str
    ) -> None:
        request = ended(a_request(PLACE), outcome, Cause.VOTES, a_vote("Ana", vote, "as agreed"))
        drawn = message(card(request, URL), TOKEN)
        assert (f"{outcome.capitalize()} by Ana, 2026-11-23 14:05 UTC", "Ana: as agreed") in boxes(drawn.content)
        assert buttons(drawn.content) == []
        assert drawn.content["body"][1]["style"] == style
        assert drawn.text.startswith(f"{outcome.capitalize()} by Ana: payments.refund")

    def test_an_edit_shows_both_versions(self) -> None:
        before: dict[str, Json] = {"order": "A-1017", "amount": 129.5, "currency": "EUR"}
        edit = Edited(2, "Ana", "teams", AT)
        request = replace(a_request(PLACE), revision=2, original_params=before, edits=(edit,))
        assert ("Edited by Ana · amount", "129.5 → 900") in boxes(message(card(request, URL), TOKEN).content)

    def test_what_was_filled_in_stays_on_the_card(self) -> None:
        vote = replace(a_vote("Ana", "approve"), response={"when": "09:30"})
        request = ended(a_request(PLACE), Status.APPROVED, Cause.VOTES, vote)
        assert ("Ana filled in", "when: 09:30") in boxes(message(card(request, URL), TOKEN).content)

    def test_more_answers_than_fit_are_counted(self) -> None:
        votes = tuple(a_vote(f"P{n}", "approve") for n in range(9))
        request = replace(a_request(PLACE, requirement={"quorum": 10}), votes=votes)
        assert "5 earlier answers are in the inbox." in lines(message(card(request, URL), TOKEN).content)

    def test_files_are_listed_with_their_digests(self) -> None:
        drawn = shown(files=(a_file(1, by="refund-bot"), a_file(2, by="email:ana@example.com", field="proof"))).content
        listed = dict(boxes(drawn))
        assert f"sha256:{1:064x}" in listed["Attached by the agent"]
        assert f"ana@example.com · sha256:{2:064x}" in listed["Put here by approvers"]

    def test_a_sentence_to_one_person_stands_above_the_card(self) -> None:
        drawn = message(a_card(), TOKEN, said="Only finance may decide this.").content
        assert lines(drawn)[:2] == ["Only finance may decide this.", "payments.refund"]
        assert buttons(drawn) == ["approve", "deny", "open"]


class TestNothingIsObeyed:
    def test_markup_and_mentions_are_shown_as_they_are(self) -> None:
        evil = (
            "**Approved** by <at>CFO</at> [here](https://evil.example) `code` :) {{DATE(2017-02-14T06:08:39Z,SHORT)}}"
        )
        drawn = shown(params={"note": evil, "**bold**": 1}, claims=Claims(summary=evil)).content
        assert ("note", evil) in boxes(drawn)
        assert ("The agent says · Summary", evil) in boxes(drawn)
        assert obeyed(drawn) == []
        assert "msteams" not in drawn

    def test_hidden_characters_are_named(self) -> None:
        said = words(shown(params={"to": "safe\u202egnp.exe"}, claims=Claims(summary="a\u200bb")).content)
        assert "safe⟨U+202E⟩gnp.exe" in said
        assert "a⟨U+200B⟩b" in said

    def test_a_value_of_many_lines_stands_in_a_box_so_that_it_cannot_pass_for_another_param(self) -> None:
        drawn = shown(params={"note": "x\namount\n1"}).content
        (box,) = [
            element for element in elements(drawn) if element.get("style") == "emphasis" and "note" in words(element)
        ]
        assert lines(box) == ["note", "x", "amount", "1"]

    def test_blanks_are_kept_where_a_client_would_draw_one(self) -> None:
        for text in ("a  b", " a", "a ", "\ta", "if x:\n    y"):
            drawn = shown(claims=Claims(summary=text)).content
            assert ("The agent says · Summary", told(text)) in boxes(drawn)
            runs = [run["text"] for run in elements(drawn) if run["type"] == "TextRun"]
            assert not [run for run in runs if "  " in run or run.strip(" ") != run or "\t" in run]

    @pytest.mark.parametrize(
        "text", ["x" * 200, "\u00e9" * 200, "=" * 200, " " * 200 + "amount 1", "a" + "\u0301" * 3 + "b" * 90]
    )
    def test_no_end_of_a_long_word_or_of_many_blanks_lies_outside_of_the_card(self, text: str) -> None:
        drawn = shown(params={"note": text, "k" * 60: 1}, claims=Claims(summary=text)).content
        assert too_wide(drawn) == []
        assert ("The agent says · Summary", text) in boxes(drawn)
        assert "\u200b\u0301" not in json.dumps(drawn, ensure_ascii=False)

    def test_blank_lines_of_the_agent_are_counted_and_cannot_push_the_buttons_down(self) -> None:
        drawn = shown(claims=Claims(summary="Sorry." + "\n" * 200 + "Approved")).content
        assert "(199 blank lines)" in json.dumps(drawn)
        kinds = [element["type"] for element in drawn["body"]]
        assert kinds.index("ActionSet") < len(kinds) - 1
        assert drawn["body"][-1]["type"] == "Container"

    def test_the_requests_id_is_copied_as_it_is(self) -> None:
        asked = a_card()
        assert asked.request_id in json.dumps(message(asked, TOKEN).content)

    def test_the_size_of_a_reason_cannot_push_the_params_away(self) -> None:
        votes = tuple(a_vote("𝕏" * 80, "approve", "\n𝕏" * 1000) for _ in range(8))
        request = replace(a_request(PLACE, requirement={"quorum": 20}), votes=votes)
        drawn = message(card(request, URL), TOKEN)
        assert drawn.complete
        assert "the rest is in the inbox" in words(drawn.content)


@pytest.mark.parametrize("name", gallery())
def test_every_kind_of_card_is_one_that_teams_takes(name: str) -> None:
    assert card_faults(gallery()[name]) == []
    assert obeyed(gallery()[name]) == []


# --------------------------------------------------------------------------- anything at all

answers = st.tuples(st.text(min_size=1, max_size=80), st.sampled_from(["approve", "deny"]), st.none() | nasty)


@settings(max_examples=60, deadline=None)
@given(
    params=st.dictionaries(nasty, value, max_size=40),
    claimed=claims,
    votes=st.lists(answers, max_size=8),
    demanded=st.fixed_dictionaries({"reason": st.sampled_from(["always", "never"]), "high_risk": st.booleans()}),
    outcome=st.sampled_from([None, Status.APPROVED, Status.DENIED, Status.EXPIRED]),
)
def test_any_request_gives_a_card_that_teams_takes_and_that_hides_nothing(
    params: Any, claimed: Claims, votes: list[Any], demanded: Any, outcome: Status | None
) -> None:
    given_by = tuple(a_vote(*vote) for vote in votes)
    request = a_request(PLACE, params=params, claims=claimed, requirement={**demanded, "quorum": 20})
    request = replace(request, votes=given_by)
    if outcome:
        cause = Cause.VOTES if outcome is not Status.EXPIRED else Cause.TIMEOUT
        request = ended(request, outcome, cause, *given_by)
    asked = card(request, URL)
    drawn = message(asked, TOKEN)
    assert card_faults(drawn.content) == []
    assert obeyed(drawn.content) == []
    assert too_wide(drawn.content) == []
    assert size({"content": drawn.content, "summary": drawn.text}) < MAX_CARD
    assert "\n" not in drawn.text
    _every_value_is_whole_or_counted(asked, drawn)
    if outcome:
        assert set(buttons(drawn.content)) <= {"open"}
    else:
        assert buttons(drawn.content) == ["approve" if drawn.complete else "review", "deny", "open"]


def _every_value_is_whole_or_counted(asked: Card, drawn: Message) -> None:
    there = [text for _, text in boxes(drawn.content)]
    wanted = [told(fact.value) for fact in asked.facts] + [told(claim.text) for claim in asked.claims]
    absent = sum(text not in there for text in wanted)
    if absent:
        assert not drawn.complete
        assert "not fit here" in words(drawn.content)
