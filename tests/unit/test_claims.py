"""What an agent says is shown and kept under the names of `Claims`, and what it did not say is not there."""

from __future__ import annotations

from typing import Any

import pytest

from sayso_bot.domain.request import Claims

SAID: dict[str, Any] = {
    "summary": "a", "reasoning": "b", "diff": "c", "links": ("d",), "metadata": {"e": 1}, "on_behalf_of": "f",
    "intent": "g", "urgency": "low", "approver": "h@example.com",
}  # fmt: skip


def test_every_claim_is_said() -> None:
    assert SAID.keys() == set(Claims.__struct_fields__)
    assert Claims(**SAID).said() == SAID


def test_what_was_not_said_is_not_there() -> None:
    assert Claims().said() == {}


@pytest.mark.parametrize("name", SAID)
def test_each_is_said_alone(name: str) -> None:
    assert Claims(**{name: SAID[name]}).said() == {name: SAID[name]}


@pytest.mark.parametrize("name", ["summary", "reasoning", "diff", "on_behalf_of", "intent"])
def test_an_empty_text_was_said(name: str) -> None:
    empty: dict[str, Any] = {name: ""}
    assert Claims(**empty).said() == empty
