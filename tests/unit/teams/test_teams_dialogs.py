"""What stands in the card's place: pages that hold all of it, and questions that ask what the rule wants."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.teams_limits import MAX_CARD, card_faults, size
from sayso_adapters.teams.cards import message, too_long
from sayso_adapters.teams.dialogs import approval, denial, edited_texts, editing, told
from sayso_adapters.teams.fields import marked, response
from sayso_adapters.teams.review import pages, parts
from sayso_bot.domain.card import Card, card
from sayso_bot.domain.editing import editable_texts
from sayso_bot.domain.form import Field, Form, checked
from sayso_bot.domain.json import Json
from sayso_bot.domain.request import Claims
from sayso_bot.testing.samples import a_request
from unit.hostile import claims, fields, nasty, value
from unit.teams.teams_drawn import boxes, buttons, data, elements, inputs, lines, obeyed, words
from unit.teams.teams_drawn import told as plain

PLACE = "teams:19:payments@thread.tacv2"
TOKEN = "btn_0123456789abcdef"
URL = "https://sayso.example.com/inbox/req"
LETTER = "\n".join(f"Line {number} of a letter, with much to say." for number in range(400))
FORM = (
    Field("account", "choose", "Which account?", options=("Main", "Reserve")),
    Field("tags", "choose", "Tags", options=("a*", "b"), multiple=True, required=False),
    Field("note", "text", "A note", required=False),
    Field("limit", "number", "Up to how much?", least=1, most=500),
    Field("day", "date", "From when?", required=False),
    Field("hour", "time", "At what time?", required=False),
    Field("until", "datetime", "Until when?", required=False),
    Field("proof", "files", "A receipt", required=False),
)


def a_card(requirement: dict[str, Any] | None = None, **changes: Any) -> Card:
    return card(a_request(PLACE, requirement=requirement, **changes), URL)


def all_pages(asked: Card) -> list[Any]:
    """Every page of the dialog, turned as a person turns them."""
    found = [approval(asked, TOKEN)]
    while "next" in buttons(found[-1]):
        found.append(approval(asked, TOKEN, data(found[-1], "next")["page"]))
    return found


class TestPages:
    def test_what_fits_on_one_page_is_one_page_with_the_answers_at_its_end(self) -> None:
        assert buttons(approval(a_card(), TOKEN)) == ["give", "deny", "close"]

    def test_a_letter_is_read_page_by_page_and_approved_at_its_end_alone(self) -> None:
        shown = all_pages(a_card(params={"letter": LETTER, "order": "A-1"}))
        assert len(shown) > 2
        assert [("give" in buttons(page), "back" in buttons(page)) for page in shown] == [
            (False, False),
            *[(False, True)] * (len(shown) - 2),
            (True, True),
        ]
        assert f"page 2 of {len(shown)}" in words(shown[1])
        read = [text for page in shown for label, text in boxes(page) if label.startswith("letter (part ")]
        assert "".join(read) == LETTER

    def test_parts_are_the_text(self) -> None:
        for text in (LETTER, "x" * 20_000, "漢" * 9_000, "{{DATE(" * 2_000, "\n" * 9_000, "", "a\n\n\n\nb\n"):
            assert "".join(parts(text)) == text

    def test_going_back_leads_to_the_page_before(self) -> None:
        asked = a_card(params={"letter": LETTER})
        assert data(approval(asked, TOKEN, 2), "back") == {"token": TOKEN, "page": 1}

    def test_a_page_that_is_not_there_is_the_last_one(self) -> None:
        asked = a_card(params={"letter": LETTER})
        assert approval(asked, TOKEN, 10**6) == all_pages(asked)[-1]

    def test_agents_words_come_last_and_are_marked(self) -> None:
        said = lines(approval(a_card(claims=Claims(summary="Lost.", diff="- a\n+ b")), TOKEN))
        assert said.index("The agent says · Summary") > said.index("large refunds")
        assert "+ b" in said

    def test_what_nobody_reads_in_a_chat_is_answered_in_the_inbox(self) -> None:
        for params in ({"rows": "a\n" * 30_000}, {f"k{n}": n for n in range(10_000)}):
            asked = a_card(params=params)
            assert too_long(asked)
            assert buttons(message(asked, TOKEN).content) == ["deny", "open"]
            for shown in (message(asked, TOKEN).content, approval(asked, TOKEN)):
                assert "It is too long to be read here: open it in the inbox." in words(shown)
            assert buttons(approval(asked, TOKEN)) == ["deny", "close", "open"]


class TestWhatAnApprovalNeeds:
    def test_a_reason_is_asked_with_its_own_length(self) -> None:
        asked = inputs(approval(a_card({"reason": "always"}), TOKEN))
        assert list(asked) == ["reason"]
        assert (asked["reason"]["label"], asked["reason"]["maxLength"]) == ("Why do you approve it?", 2000)
        assert asked["reason"]["isRequired"]

    def test_the_actions_name_is_typed_where_the_rule_wants_it(self) -> None:
        shown = approval(a_card({"confirm": True}), TOKEN)
        assert list(inputs(shown)) == ["typed"]
        assert "Type payments.refund to approve" in lines(shown)

    def test_a_form_has_an_input_for_each_question_marked_as_the_agents(self) -> None:
        shown = approval(a_card(form=Form(FORM)), TOKEN)
        kinds = {name: element["type"].removeprefix("Input.") for name, element in inputs(shown).items()}
        assert kinds == {
            "form_0": "ChoiceSet",
            "form_1": "ChoiceSet",
            "form_2": "Text",
            "form_3": "Number",
            "form_4": "Date",
            "form_5": "Time",
            "form_6": "Date",
            "form_6_time": "Time",
        }
        asked = [line for line in lines(shown) if line.startswith("The agent asks · ")]
        assert len(asked) >= len(FORM)
        assert "The agent asks · Until when? – the day in UTC" in lines(shown)
        assert "Files are put there in the inbox." in lines(shown)
        assert inputs(shown)["form_3"]["placeholder"] == "At least 1, at most 500"

    def test_options_that_a_client_might_obey_stand_above_in_full(self) -> None:
        shown = approval(a_card(form=Form(FORM)), TOKEN)
        assert [choice["title"] for choice in inputs(shown)["form_0"]["choices"]] == ["Main", "Reserve"]
        assert [choice["title"] for choice in inputs(shown)["form_1"]["choices"]] == ["Option 1", "Option 2"]
        assert lines(shown)[lines(shown).index("1. a*") + 1] == "2. b"

    def test_what_is_typed_goes_along_with_the_answer_and_with_no_other_button(self) -> None:
        shown = approval(a_card({"reason": "always"}), TOKEN)
        collected = {e["verb"]: e["associatedInputs"] for e in elements(shown) if "verb" in e}
        assert collected == {"give": "auto", "deny": "none", "close": "none"}
        assert data(shown, "give") == {"token": TOKEN, "outcome": "approve", "page": 0}

    def test_what_was_wrong_is_said_at_its_input_and_what_was_typed_stays(self) -> None:
        asked = a_card({"reason": "always"}, form=Form(FORM))
        wrong = {**marked(FORM, {"limit": "This must be at most 500."}), "reason": "The rule wants a reason."}
        shown = approval(asked, TOKEN, wrong=wrong, given={"form_3": "900", "form_1": "0,1", "reason": " "})
        said = lines(shown)
        assert said.index("This must be at most 500.") + 1 == said.index("The agent asks · Up to how much?")
        assert said.index("The rule wants a reason.") + 1 == said.index("Why do you approve it?")
        assert [inputs(shown)[name]["value"] for name in ("form_3", "form_1", "reason")] == [900.0, "0,1", " "]

    def test_what_was_typed_is_asked_again_where_it_does_not_fit_beside_the_page(self) -> None:
        asked = a_card(form=Form(tuple(Field(f"f{n}", "text", "A note") for n in range(8))))
        shown = approval(asked, TOKEN, wrong={"form_0": "Too long."}, given={f"form_{n}": "𝕏" * 3000 for n in range(8)})
        assert "Not all of what you filled in fits here once more: look at every field." in lines(shown)
        assert "Too long." in lines(shown)
        assert "value" not in inputs(shown)["form_0"]

    def test_what_is_paused_wants_files_or_has_too_long_a_form_offers_no_approve(self) -> None:
        long = tuple(
            Field(f"f{n}", "choose", "x", options=tuple(f"{m}" + "é" * 70 for m in range(100))) for n in range(9)
        )
        for form, why in (
            ((Field("proof", "files", "A receipt"),), "The agent asks for files"),
            (long, "The form of this request is too long for Teams."),
        ):
            shown = approval(a_card(form=Form(form)), TOKEN)
            assert why in words(shown)
            assert buttons(shown) == ["deny", "close", "open"]
            assert inputs(shown) == {}


class TestWhatComesBack:
    def test_answers_are_read_by_the_forms_own_names(self) -> None:
        found = response(
            FORM,
            {
                "form_0": "1",
                "form_1": "0,1",
                "form_2": "",
                "form_3": "12.5",
                "form_4": "2026-11-24",
                "form_5": "09:30",
                "form_6": "2026-11-24",
                "form_6_time": "18:00",
            },
        )
        assert checked(Form(FORM), found) == {
            "account": "Reserve",
            "tags": ["a*", "b"],
            "note": None,
            "limit": 12.5,
            "day": "2026-11-24",
            "hour": "09:30",
            "until": "2026-11-24T18:00:00Z",
            "proof": None,
        }

    @pytest.mark.parametrize("picked", ["2", "-1", "a", "0,1", "１", "99999999999999999999"])
    def test_a_number_that_is_no_options_chooses_none(self, picked: str) -> None:
        assert response(FORM[:1], {"form_0": picked})["account"] not in FORM[0].options

    def test_half_a_moment_is_no_moment(self) -> None:
        assert response(FORM, {"form_6": "2026-11-24"})["until"] == "2026-11-24TZ"
        assert response(FORM, {"form_6_time": "09:30"})["until"] == "T09:30Z"

    def test_a_param_that_did_not_come_back_is_left_as_it_is(self) -> None:
        assert edited_texts(["amount", "order"], {"edit_1": "", "edit_7": "x"}) == {"order": ""}


class TestDenyingAndEditing:
    def test_a_denial_repeats_what_is_denied_and_asks_why(self) -> None:
        shown = denial(a_card({"reason": "deny"}), TOKEN)
        assert "refund-bot asks payments.refund: order “A-1017”, amount 900" in words(shown)
        assert list(inputs(shown)) == ["reason"]
        assert data(shown, "give") == {"token": TOKEN, "outcome": "deny", "page": 0}

    def test_an_edit_begins_with_the_params_as_they_are(self) -> None:
        params: dict[str, Json] = {"amount": 900, "note": "two\nlines", "hidden": "a\u200bb"}
        asked = a_card({"editable": tuple(params)}, params=params)
        shown = editing(asked, editable_texts(params, tuple(params)), TOKEN)
        assert {name: element["value"] for name, element in inputs(shown).items()} == {
            "edit_0": "900",
            "edit_1": "two\nlines",
        }
        assert "“hidden” cannot be edited here, only in the inbox." in lines(shown)
        assert "An edit makes a new revision: earlier answers count no longer." in lines(shown)
        assert buttons(shown) == ["give", "close", "open"]
        assert data(shown, "give")["outcome"] == "edit"

    def test_what_no_input_holds_leaves_nothing_to_save(self) -> None:
        params: dict[str, Json] = {"note": "x" * 4000}
        shown = editing(a_card({"editable": ("note",)}, params=params), {"note": "x" * 4000}, TOKEN)
        assert buttons(shown) == ["close", "open"]

    def test_a_wrong_edit_is_said_at_its_input(self) -> None:
        shown = editing(
            a_card(), {"amount": "900"}, TOKEN, wrong={"edit_0": "This must stay a number."}, given={"edit_0": "x"}
        )
        assert "This must stay a number." in lines(shown)
        assert inputs(shown)["edit_0"]["value"] == "x"


class TestWhatBecameOfIt:
    def test_a_sentence_stands_alone_or_above_the_card(self) -> None:
        assert lines(told("Your vote was not counted.")) == ["Your vote was not counted."]
        above = told("Your vote was not counted.", a_card(), TOKEN)
        assert lines(above)[:2] == ["Your vote was not counted.", "payments.refund"]
        assert buttons(above) == ["approve", "deny", "open"]

    def test_an_id_in_it_is_copied_as_it_is(self) -> None:
        alias = "teams:7a6c1c5e-0f3b-4b7e-8a34-1d2f3e4a5b6c/813fcbfe-2abd-5f3c-a326-fd4ac0e091a5"
        for shown in (told(f"As {alias}."), told(f"As {alias}.", a_card(), TOKEN)):
            assert alias in json.dumps(shown)


# --------------------------------------------------------------------------- anything at all


@settings(max_examples=15, deadline=None)
@given(
    params=st.dictionaries(nasty, value, max_size=30),
    claimed=claims,
    form=st.none() | st.lists(fields, min_size=1, max_size=20, unique_by=lambda one: one.name).map(tuple),
    confirm=st.booleans(),
    given=st.dictionaries(st.sampled_from([*(f"form_{n}" for n in range(20)), "reason", "typed", "edit_0"]), nasty),
)
def test_any_request_gives_dialogs_that_teams_takes_and_that_hide_nothing(
    params: Any, claimed: Claims, form: tuple[Field, ...] | None, confirm: bool, given: dict[str, str]
) -> None:
    requirement = {"reason": "always", "confirm": confirm, "editable": tuple(params)}
    asked = a_card(requirement, params=params, claims=claimed, form=Form(form) if form else None)
    read = all_pages(asked)
    wrong = dict.fromkeys(given, "This must be something else.")
    again = approval(asked, TOKEN, len(read), wrong=wrong, given=given)
    texts = editable_texts(params, tuple(params))
    for shown in [
        *read,
        again,
        denial(asked, TOKEN, wrong=wrong, given=given),
        editing(asked, texts, TOKEN, given=given),
    ]:
        assert card_faults(shown) == []
        assert obeyed(shown) == []
        assert size(shown) < MAX_CARD
    assert ["give" in buttons(page) for page in read[:-1]] == [False] * (len(read) - 1)
    _everything_is_there(asked, read)


def test_large_requests_are_whole() -> None:
    large: list[dict[str, Json]] = [
        {"a": "𝕏" * 12_000},
        {f"key{n}": n for n in range(400)},
        {"k" * 30_000: "v"},
        {"a": "\n" * 30_000},
        {"a": "line\n" * 800},
        {"zwj": "a\u200d" * 5_000, "bidi": "\u202e" * 5_000},
    ]
    for params in large:
        asked = a_card(params=params)
        assert not message(asked, TOKEN).complete or params == large[3]
        read = all_pages(asked)
        for shown in read:
            assert card_faults(shown) == []
            assert size(shown) < MAX_CARD
        _everything_is_there(asked, read)


def _everything_is_there(asked: Card, read: list[Any]) -> None:
    """Parts of a text follow one another, with only their labels between."""
    whole = "\x00".join(text for page in read for _, text in boxes(page))
    joined = "".join(text for page in read for _, text in boxes(page))
    for text in [*(fact.value for fact in asked.facts), *(claim.text for claim in asked.claims)]:
        assert plain(text) in whole or plain(text) in joined, json.dumps(text)[:200]
    assert len(read) >= len(pages(asked))
