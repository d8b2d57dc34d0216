"""Text that came from elsewhere, made safe for a terminal or a log line.

The same spelling as on the cards, on one line: what would hide, move, colour or imitate other text is written as
``⟨U+202E⟩``. The service has this rule in ``sayso_bot.domain.text``, which the client cannot import; a test holds the
two equal.
"""

from __future__ import annotations

import re
import unicodedata

_BLANKS = frozenset(
    "\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2d7f\ufffc"
    "\U00013441\U00013442\U00016fe4\U0001d159"
)
_IMITATION = re.compile(r"⟨(?=U\+[0-9A-F]{4,6}⟩)")


def visible(text: str) -> str:
    """``text`` on one line, with control, bidirectional, zero-width and blank characters named.

    A text that imitates such a name has its first character named, so two texts that differ still differ.
    """
    if text.isascii() and text.isprintable():
        return text
    imitations = {found.start() for found in _IMITATION.finditer(text)}
    return "".join(
        character if _plain(character) and at not in imitations else f"⟨U+{ord(character):04X}⟩"
        for at, character in enumerate(text)
    )


def _plain(character: str) -> bool:
    if character == " ":
        return True
    if character in _BLANKS or "\ufe00" <= character <= "\ufe0f" or "\U000e0000" <= character <= "\U000e0fff":
        return False
    return not unicodedata.category(character).startswith(("C", "Z"))
