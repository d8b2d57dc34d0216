"""Text from outside, made safe to look at: what would hide, reorder or imitate is shown as what it is.

Adapters escape markup for their own medium; this module only takes away the power of characters that no medium shows.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

MOST_MARKS = 3
"""Marks on one letter that scripts need; more of them, or marks on anything else, draw over what stands beside."""
_KEPT = frozenset("\n\t")
_BLANKS = frozenset(
    "\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2d7f\ufffc"
    "\U00013441\U00013442\U00016fe4\U0001d159"
)
_IMITATION = re.compile(r"⟨(?=U\+[0-9A-F]{4,6}⟩)")


def visible(text: str) -> str:
    """``text`` with control, bidirectional, zero-width and blank characters written as ``⟨U+202E⟩``.

    New lines and tabs stay. Spaces other than U+0020 are named too, and so are marks that no letter carries or that
    are too many for one. A text that imitates such a name has its first character named. Nothing else is changed, so
    two texts that differ still differ.
    """
    if text.isascii() and text.isprintable():
        return text
    imitations = {found.start() for found in _IMITATION.finditer(text)}
    shown = []
    room = 0
    for at, character in enumerate(text):
        kind = _kind(character)
        room = MOST_MARKS if kind == "letter" else room - 1 if kind == "mark" else 0
        plain = kind != "hidden" and at not in imitations and (kind != "mark" or room >= 0)
        shown.append(character if plain else f"⟨U+{ord(character):04X}⟩")
    return "".join(shown)


def one_line(text: str) -> str:
    """`visible`, on one line: line breaks and tabs are named as well."""
    return visible(text).replace("\n", "⟨U+000A⟩").replace("\t", "⟨U+0009⟩")


def says_something(text: str) -> bool:
    """Whether there is anything to be seen in it."""
    return any(not character.isspace() and visible(character) == character for character in text)


@lru_cache(65_536)
def _kind(character: str) -> str:
    """``letter`` (which may carry marks), ``mark``, ``plain`` or ``hidden``."""
    if character in _KEPT or character == " ":
        return "plain"
    if character in _BLANKS or 0xFE00 <= ord(character) <= 0xFE0F or 0xE0000 <= ord(character) <= 0xE0FFF:
        return "hidden"
    category = unicodedata.category(character)
    if category.startswith(("C", "Z")) or category == "Me":
        return "hidden"
    return "mark" if category.startswith("M") else "letter" if category.startswith("L") else "plain"
