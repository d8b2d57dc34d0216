"""Text from outside is shown as what it is: nothing hides, nothing imitates."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso_bot.domain.text import one_line, visible

# Default_Ignorable_Code_Point (DerivedCoreProperties.txt) and White_Space (PropList.txt), as ranges.
IGNORABLE = (
    "00AD 034F 061C 115F-1160 17B4-17B5 180B-180F 200B-200F 202A-202E 2060-206F 3164 FE00-FE0F FEFF FFA0 FFF0-FFF8"
    " 1BCA0-1BCA3 1D173-1D17A E0000-E0FFF"
)
SPACES = "0009-000D 0085 00A0 1680 2000-200A 2028-2029 202F 205F 3000"
LOOKS_EMPTY = "2800 2D7F 16FE4 1D159 13441-13442"
MARK = re.compile(r"⟨U\+([0-9A-F]{4,6})⟩")
NASTY = st.text(st.sampled_from("⟨⟩U+0123456789ABCDEFa\n\t\u202e\u200b \u00a0é"))


def _every(ranges: str) -> list[str]:
    found = []
    for part in ranges.split():
        first, _, last = part.partition("-")
        found += [chr(code) for code in range(int(first, 16), int(last or first, 16) + 1)]
    return found


def _read_back(shown: str) -> str:
    return MARK.sub(lambda found: chr(int(found[1], 16)), shown)


@pytest.mark.parametrize("character", [c for c in _every(f"{IGNORABLE} {LOOKS_EMPTY}") if ord(c) < 0xE0000])
def test_what_no_font_shows_is_named(character: str) -> None:
    assert visible(f"a{character}b") == f"a⟨U+{ord(character):04X}⟩b"


def test_tags_and_variation_selectors_are_named_all() -> None:
    assert all(visible(chr(code)) == f"⟨U+{code:04X}⟩" for code in range(0xE0000, 0xE1000))


@pytest.mark.parametrize("character", sorted(set(_every(SPACES)) - set("\n\t")))
def test_spaces_that_are_not_the_space_are_named(character: str) -> None:
    assert visible(character) == one_line(character) == f"⟨U+{ord(character):04X}⟩"


def test_no_character_at_all_is_shown_that_cannot_be_seen() -> None:
    for code in (*range(0x33480), *range(0xDFFF0, 0xF0010), sys.maxunicode):
        shown = visible(chr(code))
        if shown == chr(code):
            assert shown in "\n\t " or unicodedata.category(shown)[0] not in "CZ", hex(code)


@given(st.text() | NASTY)
def test_two_texts_that_differ_look_different(text: str) -> None:
    """The text can be read back from what is shown, so no two look alike, imitations of names included."""
    assert _read_back(visible(text)) == text
    assert _read_back(one_line(text)) == text


@given(NASTY, NASTY)
def test_texts_that_differ_side_by_side(one: str, other: str) -> None:
    assert (visible(one) == visible(other)) == (one == other)
    assert (one_line(one) == one_line(other)) == (one == other)


@given(st.text() | NASTY)
def test_one_line_is_one_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
    assert "\t" not in one_line(text)


def test_plain_text_is_left_as_it_is() -> None:
    for text in ("", "Refund order A-1", "Grüße an Zoë 日本語 ✅ 🙂", "a ⟨b⟩ c", "two\nlines\tand a tab"):
        assert visible(text) == text
