"""Text from outside, made safe to look at: what would hide, reorder or imitate is shown as what it is.

Adapters escape markup for their own medium; this module only takes away the power of characters that no medium shows.
"""

from __future__ import annotations

import unicodedata

_KEPT = frozenset("\n\t")
_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b\u180c\u180d\u180e")


def visible(text: str) -> str:
    """``text`` with control, bidirectional, zero-width and blank characters written as ``⟨U+202E⟩``.

    New lines and tabs stay. Spaces other than U+0020 are named too. Nothing else is changed, so two texts that
    differ still differ.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if _plain(character) else f"⟨U+{ord(character):04X}⟩" for character in text)


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
