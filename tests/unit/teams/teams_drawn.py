"""What a card of Teams says to people, and which of its words a client may obey."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

_OURS = re.compile(
    r"(?:until |You (?:approved|denied) it )?\{\{DATE\([0-9T:-]{19}Z,SHORT\)\}\} \{\{TIME\([0-9T:-]{19}Z\)\}\}"
    r" \([0-9: -]{16} UTC\)\Z"
)
_FUNCTION = re.compile(r"\{\{(DATE|TIME)\(", re.IGNORECASE)
_COUNTED = re.compile(r"\(([0-9]+) blank lines\)\Z")
_MARKUP = re.compile(r"[*_`\[\]()<>#~|\\{}&!@]|://|www\.|\n|^\s*[-+\d]")


def elements(node: Any) -> Iterator[Json]:
    """All of a card in reading order, without what only an old client would use."""
    if isinstance(node, list):
        for item in node:
            yield from elements(item)
    elif isinstance(node, dict):
        if "type" in node:
            yield node
        for name in ("body", "columns", "items", "inlines", "actions"):
            yield from elements(node.get(name, []))


def line_of(paragraph: Json) -> str:
    """A paragraph's text with plain blanks again, and without places to break."""
    text = "".join(run["text"] for run in paragraph["inlines"]).replace("\u00a0", " ").replace("\u200b", "")
    counted = _COUNTED.match(text) if paragraph["inlines"][0].get("italic") else None
    return "\n" * (int(counted[1]) - 1) if counted else text


def lines(card: Any) -> list[str]:
    """Every line that stands on it, labels of inputs and buttons included."""
    found = []
    for element in elements(card):
        if element["type"] == "RichTextBlock":
            found.append(line_of(element))
        elif element["type"] == "TextBlock":
            found.append(element["text"])
        else:
            found += [element[name] for name in ("label", "placeholder", "title") if name in element]
            found += [choice["title"] for choice in element.get("choices", [])]
    return found


def words(card: Any) -> str:
    return "\n".join(lines(card))


def told(text: str) -> str:
    """``text`` as `words` gives it back: tabs are four blanks, and a line of one blank is an empty one."""
    return "\n".join("" if line == " " else line for line in text.replace("\t", "    ").split("\n"))


def boxes(card: Any) -> list[tuple[str, str]]:
    """Label and text of each box, and of each pair side by side."""
    found = []
    for element in elements(card):
        items = element.get("items", [])
        if element["type"] == "Container" and len(items) > 1 and all("inlines" in item for item in items):
            label, *rest = map(line_of, items)
            found.append((label, told("\n".join(rest))))
        elif element["type"] == "ColumnSet":
            label, value = (lines(column)[0] for column in element["columns"])
            found.append((label, told(value)))
    return found


def buttons(card: Any) -> list[str]:
    """Verbs in their order; a link is ``open``."""
    return [element.get("verb", "open") for element in elements(card) if element["type"].startswith("Action.")]


def data(card: Any, verb: str) -> Json:
    """What the one button with this verb sends."""
    (found,) = [element for element in elements(card) if element.get("verb") == verb]
    carried: Json = found["data"]
    return carried


def inputs(card: Any) -> dict[str, Json]:
    return {element["id"]: element for element in elements(card) if element["type"].startswith("Input.")}


def too_wide(card: Any) -> list[str]:
    """Lines with a stretch that no client can break, so that its end may lie outside of the card."""
    found = []
    for element in elements(card):
        if element["type"] == "RichTextBlock":
            text = "".join(run["text"] for run in element["inlines"])
            ours = text.startswith("req_")
            found += [word for word in re.split("[ \u200b]", text) if word.isascii() and len(word) > 24 and not ours]
    return found


def obeyed(card: Any) -> list[str]:
    """Words that a client might take for markup, a list or a function, and that are not ours."""
    found = []
    for element in elements(card):
        kind, text = element["type"], element.get("text", "")
        if (kind == "TextBlock" and not _OURS.match(text)) or (kind == "TextRun" and _FUNCTION.search(text)):
            found.append(text)
        elif kind.startswith("Input."):
            read = [element["label"], *(choice["title"] for choice in element.get("choices", []))]
            found += [text for text in read if _MARKUP.search(text)]
    return found
