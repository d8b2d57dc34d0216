"""Params edited by hand keep their types, and what nobody touched stays to the byte."""

from __future__ import annotations

from typing import Any

import pytest

from sayso_bot.domain.editing import editable_texts, edited
from sayso_bot.errors import InvalidField

PARAMS: dict[str, Any] = {
    "amount": 129.5,
    "note": "5",
    "to": ["a", "b"],
    "deep": {"x": 1},
    "on": True,
    "none": None,
    "odd": "a\u202eb",
}
NAMES = tuple(PARAMS)


def test_what_is_edited_begins_with_the_value_and_comes_back_the_same() -> None:
    texts = editable_texts(PARAMS, (*NAMES, "absent"))
    assert texts["note"] == "5"
    assert texts["to"] == '["a", "b"]'
    assert "absent" not in texts
    assert edited(PARAMS, NAMES, texts) == PARAMS


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("amount", "100", 100),
        ("amount", " 99.5 ", 99.5),
        ("note", "true", "true"),
        ("to", '["c"]', ["c"]),
        ("deep", '{"x": 2}', {"x": 2}),
        ("on", "false", False),
    ],
)
def test_an_edit_changes_the_value_and_not_its_type(name: str, text: str, value: Any) -> None:
    assert edited(PARAMS, NAMES, {name: text}) == {**PARAMS, name: value}


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("amount", "many", "must be a number"),
        ("amount", '"100"', "must stay a number"),
        ("amount", '1, "note": "x"', "must be a number"),
        ("amount", "true", "must stay a number"),
        ("amount", "1e400", "must be a number"),
        ("on", "1", "must stay true or false"),
        ("to", '{"a": 1}', "must stay a list"),
        ("deep", '{"x": 1, "x": 2}', "must be an object"),
        ("note", "a\u200bb", "invisible"),
        ("odd", "a\u202ec", "invisible"),
        ("none", "5", "must stay null"),
        ("other", "5", "does not let other be edited"),
    ],
)
def test_another_type_or_what_readers_disagree_about_is_refused_by_name(name: str, text: str, why: str) -> None:
    with pytest.raises(InvalidField, match=why) as refused:
        edited(PARAMS, NAMES, {name: text})
    assert refused.value.field == name


def test_only_what_the_rule_names_can_be_edited() -> None:
    with pytest.raises(InvalidField, match="does not let amount be edited"):
        edited(PARAMS, ("note",), {"amount": "1"})
