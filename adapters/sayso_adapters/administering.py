"""An admin's command in a chat: read, shown with what it would do, and carried out once that was confirmed.

What is shown carries a token alone; what was typed, where, by whom and what the admin saw lies on the shelf. Who it is
and whether they administer is proved when it is shown and again when it is confirmed, which may be an hour later.
Nobody but who typed it can confirm it.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sayso_adapters.answering import NOTHING
from sayso_bot.domain.admin import Caller
from sayso_bot.domain.commands import Said, parse
from sayso_bot.domain.deeds import Call, Deed, Effect, PauseScope, Resume
from sayso_bot.domain.text import one_line
from sayso_bot.domain.wording import shortened
from sayso_bot.errors import ChangedMeanwhile, InvalidField, SaysoError, Unconfirmed
from sayso_bot.ports import AdapterContext

KEPT_SECONDS = 3600
MOST_LINES = 40
LONGEST_LINE = 600
WHY, WHY_HINT = "Why?", "On the record, and in what is announced."
TOO_OLD = f"This dialog is from too long ago. {NOTHING} Type the command again."
NOT_YOURS = f"Somebody else has typed this command. {NOTHING} Type it yourself."
CHANGED = "Another admin has changed something meanwhile. This is how it would be now:"
ASKED = "Something has changed meanwhile, so this must be confirmed. This is how it would be now:"
UNSURE = "Something went wrong, so it is not known whether this was done. The routes show how things stand."


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as it was typed, by the account ``by`` of the chat's. Of its dialog, ``version`` is what it has shown,
    ``asked`` the questions (`Effect.asks`) to which whoever submits it says yes, ``pause`` the pause that it would end.
    ``channel`` is where one is told what came of it, where that is not with the dialog's answer.
    """

    words: tuple[str, ...]
    said: Said
    by: str
    channel: str = ""
    version: int = -1
    asked: str = ""
    pause: str = ""

    def deed(self) -> Deed:
        """Raises `Unreadable`."""
        deed = parse(self.words, self.said)
        return replace(deed, pause=self.pause) if isinstance(deed, Resume) else deed

    def packed(self) -> bytes:
        said = {"place": self.said.place, "called": self.said.called, "now": self.said.now.isoformat()}
        about = {name: getattr(self, name) for name in ("words", "by", "channel", "version", "asked", "pause")}
        return json.dumps({**about, "said": said}).encode()

    @classmethod
    def unpacked(cls, record: bytes) -> Typed:
        found = json.loads(record)
        said = Said(found["said"]["place"], found["said"]["called"], datetime.fromisoformat(found["said"]["now"]))
        seen = {"asked": found.get("asked", ""), "pause": found.get("pause", "")}  # not kept before this version
        return cls(tuple(found["words"]), said, found["by"], found["channel"], found["version"], **seen)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a command would do. ``token`` is what confirming it names."""

    deed: Deed
    effect: Effect
    token: str


def verb(deed: Deed, effect: Effect) -> str:
    """What the button says that confirms it."""
    if effect.questions:
        return "Do it anyway"
    return "Pause" if isinstance(deed, PauseScope) else "Do it"


def what_it_does(effect: Effect) -> list[str]:
    """Its first `MOST_LINES` sentences, each on one line."""
    return [shortened(one_line(line), LONGEST_LINE) for line in effect.lines[:MOST_LINES]]


def what_it_asks(effect: Effect) -> list[str]:
    return [shortened(one_line(text), LONGEST_LINE) for text in effect.questions]


def not_shown(effect: Effect) -> str:
    """That there are more sentences, or nothing."""
    return f"{len(effect.lines) - MOST_LINES} more lines are not shown." if len(effect.lines) > MOST_LINES else ""


@dataclass(frozen=True, slots=True)
class Came:
    """What came of it, in a sentence. ``changed``: nothing, because things stand otherwise than was shown, so they are
    to be shown again. ``reason_wrong``: nothing, because of the reason that was given.
    """

    said: str
    changed: bool = False
    reason_wrong: bool = False


class Administering:
    def __init__(self, context: AdapterContext) -> None:
        self._office = context.office
        self._shelf = context.shelf

    async def look(self, typed: Typed, caller: Caller) -> Looked | str:
        """What it would do, kept to be confirmed; or why not."""
        try:
            deed = typed.deed()
            effect = await self._office.preview(deed, caller)
            token = f"adm_{secrets.token_urlsafe(24)}"
            kept = replace(typed, version=effect.version, asked=effect.asks, pause=effect.pause)
            await self._shelf.put(f"admin/{token}", kept.packed(), ttl_seconds=KEPT_SECONDS)
        except SaysoError as error:
            return error.detail
        return Looked(deed, effect, token)

    async def typed(self, token: str, by: str) -> Typed | str:
        """What the account ``by`` has typed, or a sentence: why it confirms nothing. Raises `Unavailable`."""
        record = await self._shelf.get(f"admin/{token}")
        if record is None:
            return TOO_OLD
        typed = Typed.unpacked(record)
        return typed if typed.by == by else NOT_YOURS

    async def carry_out(self, typed: Typed, caller: Caller, operation: str, why: str | None) -> Came:
        """Do what was shown and confirmed, with the reason ``why`` where one was asked for."""
        deed: Any = typed.deed()
        if why is not None:
            deed = replace(deed, why=why)
        try:
            done = await self._office.do(deed, caller, Call(operation, typed.version, answered=typed.asked))
        except ChangedMeanwhile:
            return Came(CHANGED, changed=True)
        except Unconfirmed:
            return Came(ASKED, changed=True)
        except InvalidField as error:
            return Came(error.detail, reason_wrong=error.field == "reason")
        except SaysoError as error:
            return Came(error.detail)
        return Came(done.said)
