"""Block Kit, and how much of it one message holds.

Words that others wrote go into ``plain_text`` and ``rich_text``, which Slack shows and does not obey; ``mrkdwn`` is for
our own labels and dates, and is escaped. Sizes are counted in JSON: Slack refuses a message somewhere above 13,000
characters, text and wrapping together, and publishes no exact rule, so we stay well below.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from sayso_bot.domain.wording import in_utc

Block: TypeAlias = dict[str, Any]
Text: TypeAlias = dict[str, Any]

MAX_BLOCKS = 50
MAX_JSON = 12_000
MAX_TEXT = 3000
MAX_FIELDS = 10
MAX_HEADER = 150
MAX_URL = 3000
MAX_VIEW_BYTES = 220_000
MAX_TITLE = 24
MAX_OPTION = 75
MAX_INPUT = 3000

AS_IT_IS: Mapping[str, Any] = {
    "unfurl_links": False,
    "unfurl_media": False,
    "mrkdwn": False,
    "parse": "none",
    "link_names": False,
}
"""Arguments of a new message: Slack shows what we wrote, and looks nothing up and calls nobody for it."""

ANSWER = "answer"
"""The action id of every input; its block id says which it is."""

BAR = "| "


def size(value: Any) -> int:
    """How much room ``value`` takes: its JSON in UTF-16 units, a comma included."""
    return len(json.dumps(value, ensure_ascii=False).encode("utf-16-le")) // 2 + 1


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def date(at: datetime) -> str:
    """mrkdwn: the time in the reader's own zone, in UTC where a client cannot do that."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{in_utc(at)}>"


def plain(text: str) -> Text:
    return {"type": "plain_text", "text": text, "emoji": False}


def mrkdwn(text: str) -> Text:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text)}


def section(text: Text) -> Block:
    return {"type": "section", "text": text, "expand": True}


def fields(texts: Sequence[Text]) -> Block:
    return {"type": "section", "fields": list(texts), "expand": True}


def context(text: str) -> Block:
    return {"type": "context", "elements": [plain(text)]}


def divider() -> Block:
    return {"type": "divider"}


def button(action: str, label: str, *, value: str | None = None, url: str | None = None, style: str = "") -> Block:
    made: Block = {"type": "button", "action_id": action, "text": plain(label)}
    if value is not None:
        made["value"] = value
    if url is not None:
        made["url"] = url
    if style:
        made["style"] = style
    return made


def actions(buttons: Sequence[Block]) -> Block:
    return {"type": "actions", "elements": list(buttons)}


def bold(text: str) -> Block:
    return {"type": "rich_text_section", "elements": [{"type": "text", "text": text, "style": {"bold": True}}]}


def boxed(text: str) -> Block:
    return {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}


def quote(text: str) -> Block:
    return {"type": "rich_text_quote", "elements": [{"type": "text", "text": text}]}


def rich(*elements: Block) -> Block:
    return {"type": "rich_text", "elements": list(elements)}


def barred(label: str, text: str) -> Block:
    """A label and a text of any number of lines for a client without ``rich_text``.

    A bar before each line of the text keeps it from passing for anything else on the card.
    """
    lines = "\n".join(BAR + line for line in text.split("\n"))
    return section(plain(f"{label}\n{lines}"))


def question(block_id: str, label: str, element: Block, *, optional: bool = False, hint: str = "") -> Block:
    """An input whose answer comes back under ``block_id``. Views only."""
    made: Block = {"type": "input", "block_id": block_id, "label": plain(label), "element": element}
    made["optional"] = optional
    if hint:
        made["hint"] = plain(hint)
    return made


def text_input(*, multiline: bool = False, initial: str = "", longest: int = MAX_INPUT) -> Block:
    made: Block = {"type": "plain_text_input", "action_id": ANSWER, "multiline": multiline, "max_length": longest}
    if initial:
        made["initial_value"] = initial
    return made


def file_input(most: int, accept: Sequence[str]) -> Block:
    """In an input of a modal only. Slack knows endings and no types; what is taken is judged when it has come."""
    made: Block = {"type": "file_input", "action_id": ANSWER, "max_files": most}
    if accept and all(each.startswith(".") for each in accept):
        made["filetypes"] = [each[1:] for each in accept]
    return made


def modal(callback: str, title: str, blocks: Sequence[Block], *, metadata: str = "", submit: str = "") -> Block:
    """A view. Without ``submit`` it can only be closed."""
    made: Block = {
        "type": "modal",
        "callback_id": callback,
        "title": plain(title[:MAX_TITLE]),
        "close": plain("Close"),
        "blocks": list(blocks),
        "private_metadata": metadata,
    }
    if submit:
        made["submit"] = plain(submit)
    return made


class Room:
    """What is left of a message. `take` reserves, and says no instead of cutting."""

    def __init__(self, taken: Sequence[Block], *, blocks: int = MAX_BLOCKS, json_size: int = MAX_JSON) -> None:
        self._blocks = blocks - len(taken)
        self._json = json_size - size(list(taken))

    def take(self, *pieces: Block | Text, blocks: int) -> bool:
        """Room for ``pieces``, which make ``blocks`` more blocks."""
        wanted = sum(size(piece) for piece in pieces)
        if blocks > self._blocks or wanted > self._json:
            return False
        self._blocks -= blocks
        self._json -= wanted
        return True
