"""What is read from a tap: our own buttons and inputs, and nothing from anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso_adapters.teams.cards import message
from sayso_adapters.teams.dialogs import approval, denial, editing
from sayso_adapters.teams.reading import Tap, read_invoke, read_submit
from sayso_bot.domain.card import card
from sayso_bot.domain.form import Field, Form
from sayso_bot.testing.samples import a_request
from unit.teams.teams_drawn import elements, inputs

TOKEN = "btn_0123456789abcdef"
GIVEN: dict[str, Any] = {"token": TOKEN, "outcome": "approve", "page": 0, "reason": "as agreed", "form_0": "1"}


def invoke(verb: Any, data: Any, kind: Any = "Action.Execute") -> Any:
    return {"action": {"type": kind, "verb": verb, "data": data}, "trigger": "manual"}


def test_every_button_that_is_drawn_is_read_as_what_it_is() -> None:
    form = Form((Field("day", "datetime", "When?"), Field("note", "text", "Why?")))
    asked = card(a_request("teams:x", form=form, requirement={"reason": "always", "confirm": True}), "https://s/1")
    for drawn in (
        message(asked, TOKEN).content,
        approval(asked, TOKEN),
        denial(asked, TOKEN),
        editing(asked, {"amount": "900"}, TOKEN),
    ):
        typed = dict.fromkeys(inputs(drawn), "typed")
        for button in elements(drawn):
            if button["type"] == "Action.Execute":
                data = {**button["data"], **(typed if button["associatedInputs"] == "auto" else {})}
                tap = read_invoke(invoke(button["verb"], data))
                assert tap is not None
                assert (tap.verb, tap.token) == (button["verb"], TOKEN)
                assert tap == read_submit({"verb": button["verb"], **data}), "an old client says the same"
                if button["associatedInputs"] == "auto":
                    found = {**tap.form, **tap.edits, "reason": tap.reason, "typed": tap.typed}
                    assert {name: found[name] for name in typed} == typed


def test_what_was_filled_in_is_text() -> None:
    data = {**GIVEN, "form_1": 12.5, "form_2": 900, "form_3": "0,2", "form_4_time": "09:30", "form_5": None}
    tap = read_invoke(invoke("give", data))
    assert tap is not None
    assert tap.form == {"form_0": "1", "form_1": "12.5", "form_2": "900", "form_3": "0,2", "form_4_time": "09:30"}
    assert (tap.outcome, tap.reason, tap.page) == ("approve", "as agreed", 0)


def test_line_breaks_are_of_one_kind() -> None:
    tap = read_invoke(invoke("give", {**GIVEN, "outcome": "edit", "edit_0": "a\r\nb\rc\nd"}))
    assert tap is not None
    assert tap.edits == {"edit_0": "a\nb\nc\nd"}


def test_what_is_no_input_of_ours_is_left_alone() -> None:
    tap = read_invoke(invoke("give", {**GIVEN, "msteams": {"x": 1}, "form_": "x", "form_100": "x", "edit_x": "x"}))
    assert tap == Tap("give", TOKEN, 0, "approve", reason="as agreed", form={"form_0": "1"})


@pytest.mark.parametrize("page", [3, "3"])
def test_a_page_may_come_back_as_text(page: Any) -> None:
    assert read_invoke(invoke("next", {"token": TOKEN, "page": page})) == Tap("next", TOKEN, 3)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "give",
        [],
        {},
        {"action": None},
        {"action": []},
        invoke("give", GIVEN, "Action.Submit"),
        invoke("give", None),
        invoke("give", [GIVEN]),
        invoke("approve_all", {"token": TOKEN}),
        invoke(["approve"], {"token": TOKEN}),
        invoke("approve", {}),
        invoke("approve", {"token": None}),
        invoke("approve", {"token": "btn_\n"}),
        invoke("approve", {"token": "btn_é"}),
        invoke("approve", {"token": "b" * 161}),
        invoke("approve", {"token": TOKEN, "outcome": "approve"}),
        invoke("give", {"token": TOKEN}),
        invoke("give", {**GIVEN, "outcome": "cancel"}),
        invoke("give", {**GIVEN, "outcome": ["approve"]}),
        invoke("give", {**GIVEN, "page": -1}),
        invoke("give", {**GIVEN, "page": True}),
        invoke("give", {**GIVEN, "page": 10**9}),
        invoke("give", {**GIVEN, "page": "１"}),
        invoke("give", {**GIVEN, "page": 1.0}),
        invoke("give", {**GIVEN, "reason": {"text": "x"}}),
        invoke("give", {**GIVEN, "reason": "x" * 40_000}),
        invoke("give", {**GIVEN, "reason": "\ud800"}),
        invoke("give", {**GIVEN, "form_0": True}),
        invoke("give", {**GIVEN, "form_0": float("nan")}),
        invoke("give", {**GIVEN, "form_0": 10**400}),
        invoke("give", {**GIVEN, **{f"x{n}": "" for n in range(300)}}),
    ],
)
def test_anything_else_is_no_tap(value: Any) -> None:
    assert read_invoke(value) is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(alphabet=st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from([*GIVEN, "action", "verb"]), inner),
    max_leaves=20,
)


@given(anything, anything)
def test_nothing_that_anybody_sends_raises(value: Any, other: Any) -> None:
    for read in (
        read_invoke(value),
        read_submit(value),
        read_invoke(invoke("give", {**GIVEN, "reason": value, "form_0": other})),
        read_invoke(invoke("next", {"token": TOKEN, "page": value})),
        read_submit({"verb": value, "token": other}),
    ):
        assert read is None or (read.token and json.dumps([read.reason, read.typed, dict(read.form), dict(read.edits)]))
