"""An admin's command in Teams: read, shown with what it would do, and carried out by the button of that card.

Who the account is and whether it administers is looked up when the command is typed, and again when the button is
tapped, which may be an hour later. The card carries a token; what was typed, where, by whom and what the admin saw lies
on the shelf. Nobody but who typed it can carry it out.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from sayso_adapters.administering import UNSURE, Administering, Typed
from sayso_adapters.answering import NOTHING
from sayso_adapters.looking import Viewer
from sayso_adapters.teams.activities import Arrived
from sayso_adapters.teams.cards import CLOSE, CONFIRM
from sayso_adapters.teams.dialogs import told
from sayso_adapters.teams.elements import Element
from sayso_adapters.teams.looking import SURFACE, Looking, safely
from sayso_adapters.teams.once import Once
from sayso_adapters.teams.overview import confirmation
from sayso_adapters.teams.people import People
from sayso_adapters.teams.places import PREFIX
from sayso_adapters.teams.reading import Tap
from sayso_adapters.teams.tappers import Tapper
from sayso_bot.domain.admin import Caller
from sayso_bot.domain.commands import Said, Unreadable
from sayso_bot.errors import SaysoError, Unavailable
from sayso_bot.ports import AdapterContext, LookupFailed

SLOW = "It is not known yet whether this was done. The routes show how things stand in a minute."
CANNOT_CHECK = f"Teams could not be asked who you are. {NOTHING} Try again in a minute."
LONGEST_CALLED = 80


class Admins:
    """Each button is handled once in this process, however often its tap comes; the office does so across processes."""

    def __init__(self, context: AdapterContext, people: People) -> None:
        self._context = context
        self._looking = Looking(context.desk, people)
        self._administering = Administering(context)
        self._once: Once[Element] = Once(context)

    async def finish(self, seconds: float) -> None:
        await self._once.finish(seconds)

    @staticmethod
    def is_admins(tap: Tap) -> bool:
        """Whether a tap is on the card of an admin's command."""
        return tap.verb == CONFIRM or tap.token.startswith("adm_")

    async def begin(self, words: Sequence[str], at: Arrived, viewer: Viewer) -> Element | str:
        """The card that shows what a command would do; a sentence where it cannot be read, or why not."""
        place = "" if at.kind == "personal" else f"{PREFIX}{at.conversation}"
        called = at.name[:LONGEST_CALLED] if place else ""
        typed = Typed(tuple(words), Said(place, called, datetime.now(UTC)), viewer.user)
        try:
            typed.deed()
        except Unreadable as error:
            return error.sentence
        return await self._look(typed, viewer)

    async def _look(self, typed: Typed, viewer: Viewer, *, notice: str = "", wrong: str = "") -> Element | str:
        looked = await self._administering.look(typed, _caller(typed, viewer))
        if isinstance(looked, str):
            return looked
        return confirmation(looked.deed, looked.effect, looked.token, notice=notice, wrong=wrong)

    async def take(self, tap: Tap, at: Arrived) -> Element:
        """What became of a tap on such a card, as the card that is shown from now on."""
        if tap.verb == CLOSE:
            return told(NOTHING)
        given = hashlib.sha256(tap.reason.encode()).hexdigest()[:32]
        delivery = f"{tap.token}:{at.id}:{at.object_id}:{given}"
        try:
            return await self._once.outcome(delivery, lambda known: self._confirm(tap, at, delivery, known))
        except Unavailable:
            return told(SLOW)

    async def _confirm(self, tap: Tap, at: Arrived, delivery: str, known: asyncio.Future[Element]) -> None:
        shown: Element | str = UNSURE
        try:
            shown = await self._done(tap, at)
        except LookupFailed:
            shown = CANNOT_CHECK
        except SaysoError as error:
            self._context.log.warning("teams.admin_failed", user=at.object_id, code=error.code)
        finally:
            if shown in (UNSURE, CANNOT_CHECK):
                self._once.forget(delivery)
            known.set_result(told(shown) if isinstance(shown, str) else shown)

    async def _done(self, tap: Tap, at: Arrived) -> Element | str:
        tapper = Tapper(at.user, at.object_id, at.conversation)
        viewer = await safely(self._looking.viewer(tapper), self._context.log, at.object_id)
        if isinstance(viewer, str):
            return viewer
        typed = await self._administering.typed(tap.token, viewer.user)
        if isinstance(typed, str):
            return typed
        why = " ".join(tap.reason.split()) if hasattr(typed.deed(), "why") else None
        came = await self._administering.carry_out(typed, _caller(typed, viewer), f"teams:admin:{tap.token}", why)
        if came.changed:
            return await self._look(typed, viewer, notice=came.said)
        return await self._look(typed, viewer, wrong=came.said) if came.reason_wrong else came.said


def _caller(typed: Typed, viewer: Viewer) -> Caller:
    return Caller(SURFACE, viewer.person, place=typed.said.place, guest=viewer.guest)
