"""Adaptive Card 1.5 elements, and how much of them one card holds.

Words that others wrote stand in TextRuns alone: Teams reads markdown in TextBlocks, FactSets and the titles of choices,
and none in a TextRun. What a TextRun does obey, ``{{DATE(…)}}`` and ``{{TIME(…)}}``, is taken apart. Each line of a
text is a paragraph of its own, blanks that a client would draw as one are hard ones, and a long word may break, so that
a text looks like what it is in every client and no end of it lies outside of the card.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, TypeAlias

from sayso_bot.domain.wording import ELSEWHERE, in_utc, shortened

Element: TypeAlias = dict[str, Any]

MAX_CARD = 18_000
"""Bytes of a card's JSON. Teams' documents name limits from 28 to 100 KB, some in UTF-16; this is below all of them."""
MAX_URL = 2000
LINE_BYTES, FUNCTION_BYTES = 70, 40
MOST_BLANK_LINES = 2
SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
TOO_OLD = "This Teams is too old to show the card. Update it, or answer in the inbox."
NEEDED = "This is needed."
ANSWER = "Your answer"

WORD, NARROW_WORD, COPIED_WORD = 24, 12, 100
"""Characters after which a word may break; later in what is ours, because the ids in it are there to be copied."""

_HARD_BLANK, _BREAK = "\u00a0", "\u200b"
_TAB = _HARD_BLANK * 4
_BLANKS = re.compile(r"^ +| +$| (?= )")
_FUNCTION = re.compile(r"(?<=\{)(?=\{(?i:DATE|TIME)\()")
# What is the same with and without markdown, for where a client may read it.
_TAME = re.compile(r"[^\W\d_](?:[^\W_]|[ .,?%€$£/+'’“”·–—-]){0,199}\Z")
_ADDRESS = re.compile(r"www\.|  ", re.IGNORECASE)


# --------------------------------------------------------------------------- how much


def size(value: Any) -> int:
    """How much room ``value`` takes: its JSON in UTF-8, a comma and a blank included."""
    return len(json.dumps(value, ensure_ascii=False).encode()) + 2


def drawn_size(text: str) -> int:
    """About as much as `paragraphs` of it take, known at once."""
    lines = sum(map(bool, text.split("\n")))
    return len(text.encode(errors="replace")) + LINE_BYTES * lines + FUNCTION_BYTES * len(_FUNCTION.findall(text))


class Room:
    """What is left of a card. `take` reserves, and says no instead of cutting."""

    def __init__(self, taken: Sequence[Element], *, whole: int = MAX_CARD) -> None:
        self._left = whole - size(card(taken))

    def holds(self, text: str, *, around: int = LINE_BYTES) -> bool:
        """False where ``text`` is too long for certain, with ``around`` bytes drawn around it."""
        return len(text) + around <= self._left

    def take(self, *elements: Element) -> bool:
        wanted = sum(map(size, elements))
        if wanted > self._left:
            return False
        self._left -= wanted
        return True


def fitted(text: str, room: int) -> str:
    """``text``, or as much of it as takes at most ``room`` bytes on a card, with a note that says where the rest is."""
    shown, length = text, len(text)
    while size(paragraphs(shown)) > room and length > len(ELSEWHERE):
        length = max(len(ELSEWHERE), min(length * 3 // 4, room))
        shown = shortened(text, length)
    return shown


# --------------------------------------------------------------------------- text


def runs(line: str, *, word: int = WORD, **looks: Any) -> list[Element]:
    """One line of anybody's words. ``looks`` are properties of each TextRun."""
    drawn = _BLANKS.sub(lambda found: _HARD_BLANK * len(found[0]), line.replace("\t", _TAB)) or _HARD_BLANK
    broken = " ".join(_breakable(each, word) if len(each) > word else each for each in drawn.split(" "))
    return [{"type": "TextRun", "text": piece, **looks} for piece in _FUNCTION.split(broken)]


def _breakable(text: str, word: int) -> str:
    """``text`` with a place to break in every ``word`` characters, but before none that belongs to the one before."""
    pieces, start = [], 0
    for at in range(word, len(text)):
        if at - start >= word and (text[at].isascii() or unicodedata.category(text[at])[0] in "LNPZ"):
            pieces.append(text[start:at])
            start = at
    return _BREAK.join([*pieces, text[start:]])


def paragraph(line: str, *, spacing: str = "", word: int = WORD, **looks: Any) -> Element:
    """One line. What stands in a card of ours stands in such, but for times."""
    made: Element = {"type": "RichTextBlock", "inlines": runs(line, word=word, **looks)}
    if spacing:
        made["spacing"] = spacing
    return made


def paragraphs(text: str, **looks: Any) -> list[Element]:
    """A paragraph for each line; many blank lines one after the other are counted in one."""
    return [paragraph(line, spacing="None", **look) for line, look in _lines(text, looks)]


def _lines(text: str, looks: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for blank, lines in groupby(text.split("\n"), key=lambda line: not line):
        found = list(lines)
        if blank and len(found) > MOST_BLANK_LINES:
            yield f"({len(found)} blank lines)", {"italic": True, "isSubtle": True}
        else:
            yield from ((line, looks) for line in found)


def bold(line: str, **looks: Any) -> Element:
    return paragraph(line, weight="Bolder", **looks)


def small(line: str) -> Element:
    return paragraph(line, word=COPIED_WORD, size="Small", isSubtle=True)


def boxed(label: str, text: str, *, preformatted: bool = False) -> Element:
    """A label over a text of any number of lines, in a box of its own."""
    looks = {"fontType": "Monospace"} if preformatted else {}
    return container(bold(label), *paragraphs(text, **looks), style="emphasis")


def container(*items: Element, style: str = "") -> Element:
    made: Element = {"type": "Container", "items": list(items)}
    if style:
        made["style"] = style
    return made


def pair(label: str, value: Element) -> Element:
    """A label and a value side by side."""
    columns = [_column(2, paragraph(label, word=NARROW_WORD, isSubtle=True)), _column(5, value)]
    return {"type": "ColumnSet", "columns": columns, "spacing": "Small"}


def _column(width: int, item: Element) -> Element:
    return {"type": "Column", "width": width, "items": [item]}


def moment(at: datetime, *, before: str = "") -> Element:
    """A time in the reader's own zone, with UTC beside it. The only text for Teams to read, and all of it is ours."""
    stamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = f"{before}{{{{DATE({stamp},SHORT)}}}} {{{{TIME({stamp})}}}} ({in_utc(at)})"
    return {"type": "TextBlock", "text": text, "wrap": True}


def is_tame(text: str) -> bool:
    """Whether ``text`` reads the same where markdown is obeyed."""
    return bool(_TAME.match(text)) and not _ADDRESS.search(text)


# --------------------------------------------------------------------------- buttons


def button(verb: str, title: str, token: str, *, style: str = "", inputs: bool = False, **data: Any) -> Element:
    """A button that carries ``token`` and ``data``; an old client sends the same as a message.

    ``inputs``: what was filled in goes along, and must be filled in.
    """
    looks: Element = {"title": title, "associatedInputs": "auto" if inputs else "none"}
    if style:
        looks["style"] = style
    carried = {"token": token, **data}
    submit = {"type": "Action.Submit", **looks, "data": {"verb": verb, **carried}}
    return {"type": "Action.Execute", "verb": verb, **looks, "data": carried, "fallback": submit}


def link(title: str, url: str) -> list[Element]:
    return [{"type": "Action.OpenUrl", "title": title, "url": url}] if 0 < len(url) <= MAX_URL else []


def actions(buttons: Sequence[Element]) -> list[Element]:
    """A row of buttons, or nothing where there are none."""
    return [{"type": "ActionSet", "actions": list(buttons)}] if buttons else []


# --------------------------------------------------------------------------- inputs


def question(kind: str, name: str, label: str, *, required: bool, wrong: str = "", **looks: Any) -> list[Element]:
    """An input whose answer comes back under ``name``. ``wrong`` is what was wrong with an earlier answer.

    A label that a client might read as markup stands above the input.
    """
    made: Element = {"type": f"Input.{kind}", "id": name, "label": label, **looks}
    above: list[Element] = []
    if not is_tame(label):
        above = paragraphs(label, weight="Bolder")
        made["label"] = ANSWER
    if required:
        made |= {"isRequired": True, "errorMessage": NEEDED}
    return [*above, *([paragraph(wrong, color="Attention", weight="Bolder")] if wrong else []), made]


# --------------------------------------------------------------------------- the card


def card(body: Sequence[Element]) -> Element:
    return {
        "type": "AdaptiveCard",
        "$schema": SCHEMA,
        "version": "1.5",
        "fallbackText": TOO_OLD,
        "body": list(body),
    }
