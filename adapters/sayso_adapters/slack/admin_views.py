"""The dialog of an admin's command: what it would do, and why.

All words stand in ``plain_text``. It carries a token alone; what was typed lies on the shelf.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sayso_adapters import administering
from sayso_adapters.administering import WHY_HINT, not_shown, verb, what_it_asks, what_it_does
from sayso_adapters.slack.blocks import (
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
from sayso_bot.domain.deeds import MAX_WHY, Deed, Effect

ADMIN = "admin"
WHY = "why"


def confirmation(deed: Deed, effect: Effect, token: str, notice: str = "") -> Block:
    """What ``deed`` would do. Submitting it says yes to the questions that it shows."""
    blocks = [section(plain(notice))] if notice else []
    blocks += [section(plain(line)) for line in what_it_does(effect)]
    if left := not_shown(effect):
        blocks.append(context(left))
    blocks += [rich(bold(line)) for line in what_it_asks(effect)]
    if hasattr(deed, "why"):
        asked = text_input(initial=deed.why, longest=MAX_WHY)
        blocks.append(question(WHY, administering.WHY, asked, optional=True, hint=WHY_HINT))
    return modal(ADMIN, effect.title, blocks, metadata=token, submit=verb(deed, effect))


def why_of(values: Mapping[str, Any]) -> str:
    """What was written as the reason, on one line."""
    return " ".join(str(answer(values, WHY).get("value") or "").split())
