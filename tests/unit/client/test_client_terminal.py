"""The client and the service name the same characters, though neither can import the other."""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from sayso.terminal import visible
from sayso_bot.domain.text import one_line

NASTY = st.text(st.sampled_from("⟨⟩U+0123456789ABCDEFa\n\t\u202e\u200b \u00a0é\u0301\u0488"))


def test_every_character_is_shown_as_on_the_cards() -> None:
    """The planes that hold letters, the tags and variation selectors, and the ends of what is for private use."""
    for code in (*range(0x33480), *range(0xDFFF0, 0xF0010), *range(0x10FFF0, sys.maxunicode + 1)):
        assert visible(chr(code)) == one_line(chr(code)), hex(code)


@given(st.text() | NASTY)
def test_every_text_is_shown_as_on_the_cards_imitations_too(text: str) -> None:
    assert visible(text) == one_line(text)


def test_an_imitation_of_a_name_is_named() -> None:
    assert visible("⟨U+202E⟩") == "⟨U+27E8⟩U+202E⟩"
    assert visible("⟨b⟩") == "⟨b⟩"


def test_marks_that_paint_over_a_line_are_named() -> None:
    assert visible("e" + "\u0301" * 5 + " \u0336") == "e\u0301\u0301\u0301" + "⟨U+0301⟩" * 2 + " ⟨U+0336⟩"
