"""Forms: what an approver fills in is what the agent is given, or a sentence for each field that is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso_bot.domain.form import KINDS, Field, Form, FormInvalid, checked
from sayso_bot.domain.json import dumps, loads


def _wrong(field: Field, value: Any) -> str:
    with pytest.raises(FormInvalid) as refused:
        checked(Form((field,)), {field.name: value})
    assert list(refused.value.errors) == [field.name]
    return refused.value.errors[field.name]


@pytest.mark.parametrize(
    ("field", "value", "answer"),
    [
        (Field("a", "text", "A"), "two\nlines", "two\nlines"),
        (Field("a", "number", "A"), " 12.50 ", 12.5),
        (Field("a", "number", "A"), "7.0", 7),
        (Field("a", "number", "A", least=1, most=7), 7, 7),
        (Field("a", "choose", "A", options=("x", "y")), "y", "y"),
        (Field("a", "choose", "A", options=("x", "y")), ["y"], "y"),
        (Field("a", "choose", "A", options=("x", "y"), multiple=True), ["y", "x"], ["y", "x"]),
        (Field("a", "choose", "A", options=("x", "y"), multiple=True), "x", ["x"]),
        (Field("a", "date", "A"), "2026-11-24", "2026-11-24"),
        (Field("a", "time", "A"), "09:30", "09:30"),
        (Field("a", "datetime", "A"), "2026-11-24T10:30:00+01:00", "2026-11-24T09:30:00Z"),
        (Field("a", "text", "A", required=False), "", None),
    ],
)
def test_an_answer_is_given_to_the_agent_in_one_form(field: Field, value: Any, answer: Any) -> None:
    assert checked(Form((field,)), {"a": value}) == {"a": answer}


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        (Field("a", "text", "A"), "", "This is needed."),
        (Field("a", "text", "A"), 5, "must be a text"),
        (Field("a", "text", "A"), "x" * 3001, "at most 3000"),
        (Field("a", "number", "A"), "1e5", "must be a number"),
        (Field("a", "number", "A"), "NaN", "must be a number"),
        (Field("a", "number", "A"), True, "must be a number"),
        (Field("a", "number", "A"), 2.0**60, "too large"),
        (Field("a", "number", "A", least=1), 0.5, "at least 1."),
        (Field("a", "number", "A", most=7), "8", "at most 7."),
        (Field("a", "choose", "A", options=("x",)), "z", "from the options"),
        (Field("a", "choose", "A", options=("x", "y")), ["x", "y"], "Choose one."),
        (Field("a", "choose", "A", options=("x", "y"), multiple=True), ["x", "x"], "from the options"),
        (Field("a", "choose", "A", options=("x",)), [{"x": 1}], "from the options"),
        (Field("a", "date", "A"), "24.11.2026", "must be a date"),
        (Field("a", "time", "A"), "9:30", "time of day"),
        (Field("a", "time", "A"), "24:00", "time of day"),
        (Field("a", "datetime", "A"), "2026-11-24T09:30", "time zone"),
        (Field("a", "datetime", "A"), "0001-01-01T00:00+23:00", "of our time"),
        (Field("a", "datetime", "A"), "soon", "must be a date"),
    ],
)
def test_a_wrong_answer_is_told_in_a_sentence(field: Field, value: Any, why: str) -> None:
    assert why in _wrong(field, value)


def test_what_the_form_does_not_ask_is_refused_and_all_errors_are_told_at_once() -> None:
    form = Form((Field("a", "text", "A"), Field("b", "number", "B")))
    with pytest.raises(FormInvalid) as refused:
        checked(form, {"b": "x", "c": "y"})
    assert refused.value.errors == {
        "a": "This is needed.",
        "b": "This must be a number, such as 12 or 12.5.",
        "c": "The form has no such field.",
    }


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=3)
)


@given(st.sampled_from(KINDS), _VALUES, st.booleans())
def test_whatever_is_sent_is_refused_or_is_json_that_everybody_reads(kind: Any, value: Any, multiple: bool) -> None:
    options = ("x", "y") if kind == "choose" else ()
    try:
        found = checked(Form((Field("a", kind, "A", options=options, multiple=multiple),)), {"a": value})
    except FormInvalid:
        return
    if kind != "text":
        assert loads(dumps(found)) == found
