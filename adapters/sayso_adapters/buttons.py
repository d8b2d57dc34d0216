"""What a dialog is about: the opaque button of a card, or a request that somebody opened away from its card.

The second names the request and its revision and says nothing of a place, so an answer from there counts only for who
may answer wherever they are. Neither says who may.
"""

from __future__ import annotations

import re

from sayso_bot.domain.request import REQUEST_ID, Outline
from sayso_bot.ports import Button, DeskFace

BUTTON = re.compile(r"btn_[A-Za-z0-9_-]{1,64}\Z")
_REVISION = re.compile(r"[0-9]{1,9}\Z")
NOWHERE = ""


def opened(request: Outline) -> str:
    """The token of a dialog about ``request`` as it is now."""
    return f"{request.id}.{request.revision}"


def is_token(text: str) -> bool:
    return bool(BUTTON.match(text)) or _opened(text) is not None


async def meaning(token: str, desk: DeskFace) -> Button | None:
    """What ``token`` stands for; its place is `NOWHERE` away from a card. None for what this book never made."""
    return await desk.button(token) if BUTTON.match(token) else _opened(token)


def _opened(text: str) -> Button | None:
    request_id, _, revision = text.rpartition(".")
    if not REQUEST_ID.match(request_id) or not _REVISION.match(revision):
        return None
    return Button(request_id, int(revision), NOWHERE)
