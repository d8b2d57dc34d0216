"""What a card says, that it fits into Slack's limits, and that nothing on it is obeyed or silently left out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from slack_sdk.models.blocks import Block

from fakes.slack_limits import faults, refusal
from fakes.slack_workspace import texts
from sayso_adapters.slack.blocks import BAR, MAX_JSON, size
from sayso_adapters.slack.cards import Message, message
from sayso_bot.domain.card import Answer, Card, card
from sayso_bot.domain.request import Cause, Claims, Decision, Edited, Request, Status, Vote
from sayso_bot.testing.samples import AT, a_request
from unit.hostile import claims, nasty, value

PLACE = "slack:C0PAYMENTS"
TOKEN = "opaque-token"
URL = "https://sayso.example.com/inbox/req"


def a_card(**changes: Any) -> Card:
    return card(a_request(PLACE, **changes), URL)


def buttons(shown: Message) -> list[str]:
    return [e["action_id"] for b in shown.blocks if b["type"] == "actions" for e in b["elements"]]


def words(shown: Message) -> str:
    return "\n".join(texts(shown.blocks))


def a_vote(name: str, outcome: str, reason: str | None = None) -> Vote:
    return Vote(f"slack:T/{name}", name, frozenset({f"slack:T/{name}"}), outcome, reason, "slack", 1, "e", True, AT)  # type: ignore[arg-type]


def ended(request: Request, outcome: Status, cause: Cause, *votes: Vote) -> Request:
    return structs.replace(request, status=outcome, votes=votes, decision=Decision(outcome, cause, AT, votes))


class TestANormalRequest:
    def test_it_takes_at_most_twelve_blocks(self) -> None:
        assert len(message(a_card(), TOKEN).blocks) <= 12

    def test_params_are_fields_with_a_label_and_a_value(self) -> None:
        fields = [f["text"] for b in message(a_card(), TOKEN).blocks for f in b.get("fields", [])]
        assert fields[:6] == ["*order*", "A-1017", "*amount*", "900", "*currency*", "EUR"]

    def test_the_order_is_action_params_agent_rule_deadline_buttons_and_last_the_agents_words(self) -> None:
        said = json.dumps(message(a_card(), TOKEN).blocks)
        order = [
            "payments.refund",
            "A-1017",
            "refund-bot",
            "large refunds",
            "0 of 1 approval",
            "<!date^",
            "Approve",
            "The parcel",
        ]
        assert [said.index(word) for word in order] == sorted(said.index(word) for word in order)

    def test_buttons_carry_the_opaque_token_and_nothing_else(self) -> None:
        (row,) = [b for b in message(a_card(), TOKEN).blocks if b["type"] == "actions"]
        assert [e.get("value") for e in row["elements"]] == [TOKEN, TOKEN, None]
        assert row["elements"][2]["url"] == URL

    def test_the_notification_says_action_params_agent_and_deadline(self) -> None:
        text = message(a_card(), TOKEN).text
        told = "payments.refund: order “A-1017”, amount 900, currency “EUR”"
        assert text == f"refund-bot asks {told} — until 2026-11-23 14:35 UTC"

    def test_no_value_or_name_in_the_notification_reads_as_another_param(self) -> None:
        params = {
            "amount": 129.95,
            "note": "x, amount 5",
            "memo": '”, amount 5, x “" — until',
            "a,b": "1",
            "l": ["x, y"],
        }
        text = message(a_card(params=params), TOKEN).text
        assert text.startswith(
            "refund-bot asks payments.refund: amount 129.95, note “x, amount 5”, memo “⟨U+201D⟩, amount"
        )
        assert "x ⟨U+201C⟩⟨U+0022⟩ — until”, “a,b” “1”, l […] — until 2026" in text

    def test_the_deadline_is_in_the_readers_own_zone_with_utc_beside_it(self) -> None:
        stamp = int((AT + timedelta(minutes=30)).timestamp())
        expected = f"<!date^{stamp}^{{date_short_pretty}} {{time}}|2026-11-23 14:35 UTC>"
        assert expected in words(message(a_card(), TOKEN))

    def test_no_params_and_no_deadline_are_said(self) -> None:
        said = words(message(a_card(params={}, expires_at=None), TOKEN))
        assert "It has no params." in said
        assert "no deadline" in said


class TestNoApproveButton:
    def test_params_that_do_not_fit_are_counted_and_deny_stays(self) -> None:
        shown = message(a_card(params={"sql": "x" * 20_000, "table": "users"}), TOKEN)
        assert "1 of 2 params does not fit here" in words(shown)
        assert buttons(shown) == ["review", "deny", "open_inbox"]
        assert "users" in words(shown)
        assert not shown.complete

    def test_many_params_are_shown_while_there_is_room_and_the_rest_counted(self) -> None:
        shown = message(a_card(params={f"k{n}": "v" * 100 for n in range(300)}), TOKEN)
        pairs = sum(len(b["fields"]) // 2 for b in shown.blocks[1:] if "fields" in b) - 4
        assert f"{300 - pairs} of 300 params" in words(shown)
        assert buttons(shown) == ["review", "deny", "open_inbox"]

    def test_agent_texts_that_do_not_fit_take_approve_away_too(self) -> None:
        shown = message(a_card(claims=Claims(summary="short", diff="+" * 9_000)), TOKEN)
        assert "1 of 2 of the agent's texts does not fit here" in words(shown)
        assert buttons(shown) == ["review", "deny", "open_inbox"]

    @pytest.mark.parametrize("reason", ["always", "deny"])
    def test_a_rule_that_wants_a_reason_has_the_same_buttons_which_open_a_dialog(self, reason: str) -> None:
        shown = message(a_card(requirement={"reason": reason}), TOKEN)
        assert buttons(shown) == ["approve", "deny", "open_inbox"]

    def test_a_card_that_may_be_edited_has_a_button_for_it(self) -> None:
        shown = message(a_card(requirement={"editable": ("amount",)}), TOKEN)
        assert buttons(shown) == ["approve", "deny", "edit", "open_inbox"]

    def test_a_settled_card_that_left_something_out_still_says_so(self) -> None:
        request = ended(a_request(PLACE, params={"a": "x" * 20_000}), Status.EXPIRED, Cause.TIMEOUT)
        shown = message(card(request, URL), TOKEN)
        assert "1 of 1 params does not fit here" in words(shown)
        assert buttons(shown) == ["open_inbox"]


class TestHowItStands:
    def test_votes_are_shown_with_their_reasons(self) -> None:
        request = structs.replace(
            a_request(PLACE, requirement={"quorum": 2}), votes=(a_vote("Ana", "approve", "checked"),)
        )
        said = words(message(card(request, URL), TOKEN))
        assert "Ana approved" in said
        assert "checked" in said
        assert "1 of 2 approvals" in said

    def test_after_the_end_it_says_who_when_and_why_and_has_no_buttons(self) -> None:
        request = ended(a_request(PLACE), Status.DENIED, Cause.VOTES, a_vote("Ana", "deny", "not ours"))
        shown = message(card(request, URL), TOKEN)
        said = words(shown)
        assert "Denied by Ana, 2026-11-23 14:05 UTC" in said
        assert "not ours" in said
        assert buttons(shown) == []
        assert shown.text.startswith("Denied by Ana: payments.refund")

    def test_an_edit_shows_both_versions(self) -> None:
        request = structs.replace(
            a_request(PLACE),
            revision=2,
            original_params={"order": "A-1017", "amount": 129.5, "currency": "EUR"},
            edits=(Edited(2, "Ana", "slack", AT),),
        )
        for simple in (False, True):
            said = words(message(card(request, URL), TOKEN, simple=simple))
            assert "Edited by Ana · amount" in said
            assert "129.5 → 900" in said

    def test_what_was_filled_in_stays_on_the_card(self) -> None:
        vote = structs.replace(a_vote("Ana", "approve"), response={"when": "09:30"})
        request = ended(a_request(PLACE), Status.APPROVED, Cause.VOTES, vote)
        said = words(message(card(request, URL), TOKEN))
        assert "Ana filled in" in said
        assert "when: 09:30" in said

    def test_it_says_what_it_has_and_from_whom_it_needs_it(self) -> None:
        shown = message(a_card(requirement={"quorum": 2, "approvers": ("slack:S1",), "group": "finance"}), TOKEN)
        assert "0 of 2 approvals, from finance" in words(shown)

    def test_more_answers_than_fit_are_counted(self) -> None:
        votes = tuple(a_vote(f"P{n}", "approve") for n in range(9))
        request = structs.replace(a_request(PLACE, requirement={"quorum": 10}), votes=votes)
        assert "5 earlier answers are in the inbox." in words(message(card(request, URL), TOKEN))


class TestNothingIsObeyed:
    def test_markup_in_params_and_claims_is_never_in_mrkdwn(self) -> None:
        evil = "<!channel> <@U1> <https://evil.example|Approved> *bold* `code` :tada:"
        shown = message(a_card(params={"note": evil, "<!here>": 1}, claims=Claims(summary=evil)), TOKEN)
        mrkdwn = json.dumps(list(_objects(shown.blocks, "mrkdwn")))
        assert "evil" not in mrkdwn
        assert "<!channel>" not in mrkdwn
        assert "<!here>" not in mrkdwn
        assert evil in words(shown)

    def test_the_notification_is_escaped(self) -> None:
        text = message(a_card(params={"<!channel>": "<@U1> & <https://evil.example|x>"}), TOKEN).text
        assert "<" not in text
        assert "&lt;!channel&gt;" in text

    def test_hidden_characters_are_named(self) -> None:
        said = words(message(a_card(params={"to": "safe\u202egnp.exe"}, claims=Claims(summary="a\u200bb")), TOKEN))
        assert "safe⟨U+202E⟩gnp.exe" in said
        assert "a⟨U+200B⟩b" in said

    def test_a_value_of_many_lines_is_boxed_so_that_it_cannot_pass_for_another_param(self) -> None:
        shown = message(a_card(params={"note": "x\namount\n1"}), TOKEN)
        (block,) = [b for b in shown.blocks if b["type"] == "rich_text" and "amount" in json.dumps(b)]
        assert [e["type"] for e in block["elements"]] == ["rich_text_section", "rich_text_preformatted"]

    def test_a_name_with_markup_is_shown_as_it_is(self) -> None:
        request = ended(a_request(PLACE), Status.APPROVED, Cause.VOTES, a_vote("<!channel>", "approve"))
        shown = message(card(request, URL), TOKEN)
        assert "<!channel>" not in json.dumps(_objects(shown.blocks, "mrkdwn"))
        assert "Approved by &lt;!channel&gt;" in shown.text

    def test_blank_lines_of_the_agent_cannot_push_the_buttons_down(self) -> None:
        shown = message(a_card(claims=Claims(summary="\n" * 200 + "Approved")), TOKEN)
        kinds = [block["type"] for block in shown.blocks]
        assert kinds.index("actions") < kinds.index("divider")

    def test_sections_are_never_folded_by_the_client(self) -> None:
        assert all(b["expand"] for b in message(a_card(), TOKEN).blocks if b["type"] == "section")


class TestThePlainSet:
    def test_it_uses_only_blocks_that_slack_always_had(self) -> None:
        shown = message(a_card(params={"note": "two\nlines", "n": 1}), TOKEN, simple=True)
        assert {block["type"] for block in shown.blocks} <= {"section", "actions", "context", "divider"}
        assert f"note\n{BAR}two\n{BAR}lines" in words(shown)
        assert buttons(shown) == ["approve", "deny", "open_inbox"]


# --------------------------------------------------------------------------- anything at all

a_person_and_reason = st.tuples(
    st.text(min_size=1, max_size=80), st.sampled_from(["approve", "deny"]), st.none() | nasty
)


@settings(max_examples=60, deadline=None)
@given(
    params=st.dictionaries(nasty, value, max_size=40),
    claimed=claims,
    answers=st.lists(a_person_and_reason, max_size=8),
    reason=st.sampled_from(["always", "deny", "never"]),
    outcome=st.sampled_from([None, Status.APPROVED, Status.DENIED, Status.EXPIRED]),
    simple=st.booleans(),
)
def test_any_request_gives_a_card_that_slack_takes_and_that_hides_nothing(
    params: Any, claimed: Claims, answers: list[Any], reason: str, outcome: Status | None, simple: bool
) -> None:
    """Valid blocks, and each value either whole on the card or counted, with no Approve button."""
    request = a_request(PLACE, params=params, claims=claimed, requirement={"reason": reason, "quorum": 20})
    votes = tuple(a_vote(*answer) for answer in answers)
    request = structs.replace(request, votes=votes)
    if outcome:
        request = ended(request, outcome, Cause.VOTES if outcome is not Status.EXPIRED else Cause.TIMEOUT, *votes)
    shown_card = card(request, URL)
    shown = message(shown_card, TOKEN, simple=simple)

    assert faults(shown.blocks) == []
    assert refusal({"text": shown.text, "blocks": shown.blocks}) is None
    assert size(shown.blocks) <= MAX_JSON
    for block in Block.parse_all(shown.blocks):
        block.to_dict()
    _every_value_is_whole_or_counted(shown_card, shown, simple=simple)
    if outcome:
        assert not {"approve", "review", "deny"} & set(buttons(shown))
    else:
        assert buttons(shown) == ["approve" if shown.complete else "review", "deny", "open_inbox"]
    for text in _objects(shown.blocks, "mrkdwn"):
        assert "<" not in text.replace("<!date^", "", 1)
    assert "<" not in shown.text


def _every_value_is_whole_or_counted(shown_card: Card, shown: Message, *, simple: bool) -> None:
    there = texts(shown.blocks)
    if simple:
        there = [
            text.partition("\n")[2].replace(f"\n{BAR}", "\n").removeprefix(BAR) if BAR in text else text
            for text in there
        ]
    wanted = [fact.value for fact in shown_card.facts] + [claim.text for claim in shown_card.claims]
    absent = sum(value not in there for value in wanted)
    if absent:
        assert not shown.complete
        assert "not fit here" in words(shown)


def _objects(node: Any, kind: str) -> list[str]:
    if isinstance(node, list):
        return [text for item in node for text in _objects(item, kind)]
    if isinstance(node, dict):
        own = [node["text"]] if node.get("type") == kind else []
        return own + [text for item in node.values() for text in _objects(item, kind)]
    return []


def test_an_answer_without_a_reason_is_one_line() -> None:
    told = replace(a_card(), answers=(Answer("Ana", "approve", None, "slack", AT),))
    assert "Ana approved" in words(message(told, TOKEN, simple=True))


def test_the_votes_that_decided_are_told_once() -> None:
    ana, ben = a_vote("Ana", "approve", None), a_vote("Ben", "deny", "Twice already.")
    request = ended(structs.replace(a_request(PLACE), votes=(ana, ben)), Status.DENIED, Cause.VOTES, ana, ben)
    for simple in (True, False):
        told = words(message(card(request, URL), TOKEN, simple=simple))
        assert told.count("Ben") == 2  # the sentence, and whose reason it is
        assert told.count("Twice already.") == 1
        assert "Ana approved" in told


class TestUrgency:
    """What the agent calls it raises the look of an open card, names who says so, and changes nothing else."""

    @pytest.mark.parametrize("urgency", ["high", "critical"])
    def test_is_said_under_the_action_and_as_the_agent_s(self, urgency: Any) -> None:
        shown = message(a_card(claims=Claims(urgency=urgency)), TOKEN)
        assert texts(shown.blocks)[1] == f"The agent calls the urgency {urgency}."
        assert buttons(shown) == buttons(message(a_card(), TOKEN))

    @pytest.mark.parametrize("urgency", [None, "low", "medium"])
    def test_is_not_said_of_what_is_ordinary(self, urgency: Any) -> None:
        assert "calls the urgency" not in words(message(a_card(claims=Claims(urgency=urgency)), TOKEN))

    def test_is_over_with_the_request(self) -> None:
        over = ended(a_request(PLACE, claims=Claims(urgency="critical")), Status.EXPIRED, Cause.TIMEOUT)
        assert "calls the urgency" not in words(message(card(over, URL), TOKEN))


class TestHighRisk:
    """What the policy marks looks different from a routine card while it is open, on every surface of it."""

    RISKY: ClassVar[dict[str, Any]] = {"high_risk": True}

    @pytest.mark.parametrize("simple", [True, False])
    def test_is_said_before_everything_else_and_approving_does_not_strike_the_eye(self, simple: bool) -> None:
        risky, plain = (message(a_card(requirement=of), TOKEN, simple=simple) for of in (self.RISKY, {}))
        assert texts(risky.blocks)[0] == "High risk: look at every value before you approve."
        assert buttons(risky) == buttons(plain)
        styles = {e["action_id"]: e.get("style") for b in risky.blocks if b["type"] == "actions" for e in b["elements"]}
        assert (styles["approve"], styles["deny"]) == (None, "danger")
        assert "high, says the policy" in words(risky)
        assert "risk" not in words(plain).lower()

    def test_is_in_the_line_that_a_locked_phone_shows(self) -> None:
        assert "asks [high risk] payments.refund" in message(a_card(requirement=self.RISKY), TOKEN).text

    def test_a_normal_request_of_it_takes_at_most_twelve_blocks(self) -> None:
        claims = Claims(summary="Refund it", reasoning="Because.")
        assert len(message(a_card(requirement=self.RISKY, claims=claims), TOKEN).blocks) <= 12

    def test_its_warning_is_over_with_the_request(self) -> None:
        over = ended(a_request(PLACE, requirement=self.RISKY), Status.EXPIRED, Cause.TIMEOUT)
        shown = message(card(over, URL), TOKEN)
        assert "look at every value" not in words(shown)
        assert "high, says the policy" in words(shown)
