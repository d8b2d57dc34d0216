"""Text that came from elsewhere, made safe for a terminal or a log line.

The same spelling as on the cards: what would hide, move or colour other text is written as ``⟨U+202E⟩``.
"""

from __future__ import annotations

import unicodedata

_BLANKS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b\u180c\u180d\u180e")


def visible(text: str) -> str:
    """``text`` on one line, with control, bidirectional, zero-width and blank characters named."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if _plain(character) else f"⟨U+{ord(character):04X}⟩" for character in text)


def _plain(character: str) -> bool:
    if character == " ":
        return True
    if character in _BLANKS or "\ufe00" <= character <= "\ufe0f" or "\U000e0000" <= character <= "\U000e0fff":
        return False
    return not unicodedata.category(character).startswith(("C", "Z"))
