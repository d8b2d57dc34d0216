"""Text from outside, made safe to look at: what would hide, reorder or imitate is shown as what it is.

Adapters escape markup for their own medium; this module only takes away the power of characters that no medium shows.
"""

from __future__ import annotations

import re
import unicodedata

_KEPT = frozenset("\n\t")
_BLANKS = frozenset(
    "\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2d7f\ufffc"
    "\U00013441\U00013442\U00016fe4\U0001d159"
)
_IMITATION = re.compile(r"⟨(?=U\+[0-9A-F]{4,6}⟩)")


def visible(text: str) -> str:
    """``text`` with control, bidirectional, zero-width and blank characters written as ``⟨U+202E⟩``.

    New lines and tabs stay. Spaces other than U+0020 are named too. A text that imitates such a name has its first
    character named. Nothing else is changed, so two texts that differ still differ.
    """
    if text.isascii() and text.isprintable():
        return text
    imitations = {found.start() for found in _IMITATION.finditer(text)}
    return "".join(
        character if _plain(character) and at not in imitations else f"⟨U+{ord(character):04X}⟩"
        for at, character in enumerate(text)
    )


def one_line(text: str) -> str:
    """`visible`, on one line: line breaks and tabs are named as well."""
    return visible(text).replace("\n", "⟨U+000A⟩").replace("\t", "⟨U+0009⟩")


def _plain(character: str) -> bool:
    if character in _KEPT or character == " ":
        return True
    if character in _BLANKS:
        return False
    if 0xFE00 <= ord(character) <= 0xFE0F or 0xE0000 <= ord(character) <= 0xE0FFF:
        return False
    return not unicodedata.category(character).startswith(("C", "Z"))
