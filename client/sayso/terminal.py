"""Text that came from elsewhere, made safe for a terminal or a log line.

The same spelling as on the cards, on one line: what would hide, move, colour or imitate other text is written as
``⟨U+202E⟩``. The service has this rule in ``sayso_bot.domain.text``, which the client cannot import; a test holds the
two equal.
"""

from __future__ import annotations

import re
import unicodedata

_MOST_MARKS = 3
_BLANKS = frozenset(
    "\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2d7f\ufffc"
    "\U00013441\U00013442\U00016fe4\U0001d159"
)
_IMITATION = re.compile(r"⟨(?=U\+[0-9A-F]{4,6}⟩)")


def visible(text: str) -> str:
    """``text`` on one line, with control, bidirectional, zero-width and blank characters named.

    So are marks that no letter carries, or that are too many for one. A text that imitates such a name has its first
    character named, so two texts that differ still differ.
    """
    if text.isascii() and text.isprintable():
        return text
    imitations = {found.start() for found in _IMITATION.finditer(text)}
    shown = []
    room = 0
    for at, character in enumerate(text):
        kind = _kind(character)
        room = _MOST_MARKS if kind == "letter" else room - 1 if kind == "mark" else 0
        plain = kind != "hidden" and at not in imitations and (kind != "mark" or room >= 0)
        shown.append(character if plain else f"⟨U+{ord(character):04X}⟩")
    return "".join(shown)


def _kind(character: str) -> str:
    """``letter`` (which may carry marks), ``mark``, ``plain`` or ``hidden``."""
    if character == " ":
        return "plain"
    if character in _BLANKS or "\ufe00" <= character <= "\ufe0f" or "\U000e0000" <= character <= "\U000e0fff":
        return "hidden"
    category = unicodedata.category(character)
    if category.startswith(("C", "Z")) or category == "Me":
        return "hidden"
    return "mark" if category.startswith("M") else "letter" if category.startswith("L") else "plain"
