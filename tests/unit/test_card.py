"""What people are shown of a request: all of it, nothing imitated, facts before claims."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from sayso_bot.domain.card import card, ending, facts, value_text
from sayso_bot.domain.fingerprint import canonical
from sayso_bot.domain.form import Field, Form
from sayso_bot.domain.json import loads
from sayso_bot.domain.request import Cause, Claims, Decision, Edited, Request, Requirement, Status, Vote
from sayso_bot.domain.wording import who_asks

AT = datetime(2026, 11, 23, 18, tzinfo=UTC)
KEYS = st.text(st.sampled_from('ab.[]"\\0 \n⟨U+⟩\u202e1'), max_size=5)
TEXTS = st.text(st.sampled_from('a1.0"{}[]truefalsn \n\\⟨U+202E⟩\u202e'), max_size=8)
LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1e22]) | TEXTS
PARAMS: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES,
        lambda inner: st.lists(inner, max_size=10) | st.dictionaries(KEYS, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=3,
)


def _shown(params: dict[str, Any]) -> list[tuple[str, str]]:
    return sorted((fact.label, fact.value) for fact in facts(params))


@given(PARAMS, PARAMS)
def test_two_different_params_never_look_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (_shown(one) == _shown(other)) == (canonical(one) == canonical(other))


@given(PARAMS)
def test_every_label_is_there_once(params: dict[str, Any]) -> None:
    labels = [label for label, _ in _shown(params)]
    assert len(labels) == len(set(labels))
    assert all(len(label.splitlines()) <= 1 for label in labels)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": {"b": 1}}, {"a.b": 1}),
        ({"a": [1, {"b": 2}]}, {"a[0]": 1, "a[1].b": 2}),
        ({"a": "1"}, {"a": 1}),
        ({"a": "true"}, {"a": True}),
        ({"a": "null"}, {"a": None}),
        ({"a": "[1, 2]"}, {"a": [1, 2]}),
        ({"a": "{}"}, {"a": {}}),
        ({"a": ""}, {"a": '""'}),
        ({"a": ""}, {}),
        ({"a": []}, {"a": {}}),
        ({"a": " x"}, {"a": "x"}),
        ({"": 1}, {'""': 1}),
        ({"a": "\u202e"}, {"a": "⟨U+202E⟩"}),
        ({"a\u200b": 1}, {"a": 1}),
        ({"a": "а"}, {"a": "a"}),
        ({"a": ["x, y"]}, {"a": ["x", "y"]}),
        ({"a": {"b": {}}}, {"a": {"b": []}}),
        ({'["a"]': 1}, {"a": 1}),
    ],
)
def test_params_that_could_be_confused_are_told_apart(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert _shown(one) != _shown(other)


def test_facts_are_in_the_order_in_which_they_were_sent_and_whole() -> None:
    long = "x" * 100_000 + "; rm -rf /"
    shown = list(facts({"z": 1, "a": {"c": long, "b": list(range(9))}}))
    assert [fact.label for fact in shown] == ["z", "a.c", *(f"a.b[{index}]" for index in range(9))]
    assert shown[1].value == long


def test_a_param_named_as_what_a_card_vouches_for_is_quoted() -> None:
    params: dict[str, Any] = {"Has": "2 of 2 approvals", "Asked by": "the CFO", "a": {"Rule": "none"}, "has": 1}
    assert [fact.label for fact in facts(params)] == ['["Has"]', '["Asked by"]', "a.Rule", "has"]


def test_no_label_of_a_card_is_free_for_a_param() -> None:
    told = [label for label, _ in who_asks(replace(card(_request(), "u"), high_risk=True))]
    assert told == ["Asked by", "Rule", "Risk", "Has"]
    assert not {fact.label for fact in facts(dict.fromkeys(told, 1))} & set(told)


def test_equal_numbers_look_the_same() -> None:
    assert value_text(loads(b"1.10")) == value_text(loads(b"1.1")) == "1.1"
    assert value_text(loads(b"1.0")) == value_text(loads(b"1")) == "1"
    assert value_text("1.10") == '"1.10"'


REQUIREMENT = Requirement("payments", "slack:C1", None, None, 2, "deny", 1800, 900)


def _request(**changes: Any) -> Request:
    ready = Request(
        id="req_1", revision=1, status=Status.PENDING, action="payments.refund", params={"amount": 750},
        fingerprint="sha256:0", agent="refunder", principal=None, key_id="key_1", created_at=AT, expires_at=AT,
        rule="large", policy_digest="sha256:1", requirement=REQUIREMENT, claims=Claims(),
    )  # fmt: skip
    return structs.replace(ready, **changes)


def _vote(name: str, outcome: Any = "approve", **changes: Any) -> Vote:
    ready = Vote(f"email:{name}", name, frozenset({f"email:{name}"}), outcome, None, "inbox", 1, "x", True, AT)
    return structs.replace(ready, **changes)


def test_what_the_agent_says_is_shown_last_and_named_as_claims() -> None:
    claims = Claims(summary="✅ Approved by CFO\u202e", reasoning="r", diff="d", links=("https://a", "javascript:b"),
                    metadata={"amount": 1}, on_behalf_of="ceo@example.com", intent="i")  # fmt: skip
    shown = card(_request(claims=claims), "u")
    assert [claim.label for claim in shown.claims] == [
        "Summary", "Reasoning", "Diff", "Links", "On behalf of", "Intent", "Metadata"
    ]  # fmt: skip
    assert shown.claims[0].text == "✅ Approved by CFO⟨U+202E⟩"
    assert [(fact.label, fact.value) for fact in shown.facts] == [("amount", "750")]
    assert shown.principal is None


def test_a_card_holds_no_character_that_is_obeyed_instead_of_shown() -> None:
    evil = "x\u202e\u200b\ufeff\U000e0041y"
    cast = _vote(evil, "deny", reason=evil)
    shown = card(
        _request(
            action=evil, params={evil: {evil: [evil]}}, principal=evil, rule=evil, votes=(cast,), status=Status.DENIED,
            claims=Claims(summary=evil, intent=evil), decision=Decision(Status.DENIED, Cause.VOTES, AT, (cast,)),
            requirement=structs.replace(REQUIREMENT, channel=evil, approvers=(evil,)),
        ),
        "u",
    )  # fmt: skip
    assert not set(evil[1:-1]) & set("".join(_texts(shown)))


def _texts(value: Any) -> list[str]:
    """All texts below ``value``; the fingerprint and the address are the service's own."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple):
        return [text for item in value for text in _texts(item)]
    if hasattr(value, "__dataclass_fields__"):
        return [text for field in fields(value) for text in _texts(getattr(value, field.name))]
    return []


def test_what_is_still_needed_counts_each_person_once() -> None:
    assert card(_request(), "u").needs == "0 of 2 approvals"
    assert card(_request(votes=(_vote("ana"),)), "u").needs == "1 of 2 approvals"
    stale = _vote("ana", revision=2)
    assert card(_request(votes=(stale,)), "u").needs == "0 of 2 approvals"
    assert card(_request(requirement=structs.replace(REQUIREMENT, quorum=1)), "u").needs == "0 of 1 approval"


def test_an_end_says_who_and_why() -> None:
    votes = (_vote("Ana", reason="Looked"), _vote("Ben"))
    approved = ending(_request(decision=Decision(Status.APPROVED, Cause.VOTES, AT, votes)))
    assert approved is not None
    assert (approved.headline, approved.reason) == ("Approved by Ana and Ben", "Ana: Looked")
    mixed = (_vote("Ana"), _vote("Eve", "deny", reason="No"))
    denied = ending(_request(decision=Decision(Status.DENIED, Cause.VOTES, AT, mixed)))
    assert denied is not None
    assert denied.headline == "Denied by Eve"
    for status, cause, headline in (
        (Status.EXPIRED, Cause.TIMEOUT, "Expired: nobody decided in time"),
        (Status.CANCELLED, Cause.AGENT, "Cancelled by the agent"),
        (Status.DENIED, Cause.POLICY, "Denied by the policy"),
        (Status.DENIED, Cause.POLICY_ERROR, "Denied, because the policy could not be evaluated"),
    ):
        found = ending(_request(decision=Decision(status, cause, AT, reason="Why")))
        assert found is not None
        assert (found.headline, found.reason) == (headline, "Why")
    assert ending(_request()) is None


def test_the_raw_json_of_a_card_is_the_params() -> None:
    params = {"b": [1, {"a": "é"}], "a": None}
    assert json.loads(card(_request(params=params), "u").params_json) == params


def test_what_the_rule_demands_of_an_answer_is_on_the_card() -> None:
    plain = card(_request(), "u")
    assert (plain.confirm, plain.editable, plain.form, plain.edits) == ("", (), (), ())
    wants = structs.replace(REQUIREMENT, confirm=True, editable=("amount", "absent"), forms=True)
    form = Form((Field("level", "text", "Which level?"),))
    shown = card(_request(requirement=wants, form=form), "u")
    assert (shown.confirm, shown.editable, shown.form) == ("payments.refund", ("amount",), form.fields)


def test_both_versions_of_edited_params_are_on_the_card() -> None:
    was = {"amount": 750, "same": 1, "text": "a\u202eb", "kind": 1, "gone": 2}
    now = {"amount": 700, "same": 1, "text": "ab", "kind": True, "new": None}
    edits = tuple(Edited(2 + number, name, "inbox", AT) for number, name in enumerate(("Ana", "B\u202e", "Ana")))
    shown = card(_request(params=now, original_params=was, edits=edits), "u")
    assert shown.edited_by == "Ana and B⟨U+202E⟩"
    assert [(edit.label, edit.before, edit.after) for edit in shown.edits] == [
        ("amount", "750", "700"),
        ("text", "a⟨U+202E⟩b", "ab"),
        ("kind", "1", "true"),
        ("gone", "2", "—"),
        ("new", "—", "null"),
    ]


def test_what_was_filled_in_is_told_with_the_answer() -> None:
    form = Form((Field("level", "text", "Which level?"),))
    filled = _vote("Ana", response={"level": "a\u202eb", "number": "5", "none": None, "some": ["x", "y"]})
    [answer] = card(_request(votes=(filled,), form=form), "u").answers
    assert [(fact.label, fact.value) for fact in answer.filled] == [
        ("Which level?", "a⟨U+202E⟩b"),
        ("number", '"5"'),
        ("some", "x, y"),
    ]
