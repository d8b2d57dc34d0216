"""The dialogs of an admin's command: what it would do, why, and what came of it.

All words stand in ``plain_text``. A dialog carries a token alone; what was typed lies on the shelf.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sayso_adapters.slack.blocks import (
    MAX_TEXT,
    Block,
    bold,
    context,
    modal,
    plain,
    question,
    rich,
    section,
    text_input,
)
from sayso_adapters.slack.modals import answer
from sayso_bot.domain.deeds import MAX_WHY, Deed, Effect, PauseScope
from sayso_bot.domain.text import one_line
from sayso_bot.domain.wording import shortened

ADMIN = "admin"
WHY = "why"
MOST_LINES = 40
LONGEST_LINE = 600


def confirmation(deed: Deed, effect: Effect, token: str, notice: str = "") -> Block:
    """What ``deed`` would do. Submitting it says yes to the questions that it shows."""
    blocks = [section(plain(notice))] if notice else []
    blocks += [section(plain(shortened(one_line(line), LONGEST_LINE))) for line in effect.lines[:MOST_LINES]]
    if len(effect.lines) > MOST_LINES:
        blocks.append(context(f"{len(effect.lines) - MOST_LINES} more lines are not shown."))
    blocks += list(_questions(effect))
    if hasattr(deed, "why"):
        asked = text_input(initial=deed.why, longest=MAX_WHY)
        blocks.append(question(WHY, "Why?", asked, optional=True, hint="On the record, and in what is announced."))
    return modal(ADMIN, effect.title, blocks, metadata=token, submit=_verb(deed, effect))


def _questions(effect: Effect) -> Iterator[Block]:
    for text in effect.questions:
        yield rich(bold(shortened(one_line(text), LONGEST_LINE)))


def _verb(deed: Deed, effect: Effect) -> str:
    if effect.questions:
        return "Do it anyway"
    return "Pause" if isinstance(deed, PauseScope) else "Do it"


def came_of_it(sentence: str) -> Block:
    """The dialog after it was done, or refused: it can only be closed."""
    return modal("told", "Sayso", [section(plain(shortened(sentence, MAX_TEXT)))])


def why_of(values: Mapping[str, Any]) -> str:
    """What was written as the reason, on one line."""
    return " ".join(str(answer(values, WHY).get("value") or "").split())
