"""A tap on a card: who is it, may such an account decide, what does the desk say, and what is shown to the tapper.

Every tap is answered with a card that the tapper alone sees in place of the one that was tapped: the next step of a
dialog, or what became of it. The answer comes within the time that Teams waits; where it is not known by then, it says
so, and the work goes on. The card of all is never touched here: delivery brings it up to date from what was recorded.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict

from sayso_adapters import answering
from sayso_adapters.answering import NOTHING, UNKNOWN_BUTTON, UNSURE, Answering, past
from sayso_adapters.buttons import meaning
from sayso_adapters.looking import UNSEEN, Found
from sayso_adapters.teams.activities import Arrived
from sayso_adapters.teams.cards import APPROVE, CLOSE, DENY, EDIT, GIVE, message
from sayso_adapters.teams.dialogs import EDITED, REASON, TYPED, approval, denial, edited_texts, editing, not_now, told
from sayso_adapters.teams.elements import Element
from sayso_adapters.teams.fields import marked, response
from sayso_adapters.teams.looking import SURFACE, Looking
from sayso_adapters.teams.once import Once
from sayso_adapters.teams.overview import reading, told_of
from sayso_adapters.teams.people import People
from sayso_adapters.teams.places import PREFIX, Places
from sayso_adapters.teams.reading import Tap
from sayso_adapters.teams.tappers import Tapper, person
from sayso_bot.domain.dialog import wants_dialog
from sayso_bot.domain.editing import editable_texts, edited
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Outcome, Request
from sayso_bot.errors import (
    BodyTooLarge,
    CannotCheck,
    ConfirmationRequired,
    InvalidField,
    NotFound,
    ReasonRequired,
    ResponseInvalid,
    SaysoError,
    Unavailable,
    VoteRefused,
)
from sayso_bot.ports import AdapterContext, Ballot, Button, Edit, LookupFailed

CANNOT_CHECK = (
    "Teams could not be asked who you are, so your tap may not have counted."
    " If the card still waits for you in a minute, tap again."
)
"""It may have come twice, and Teams could be asked the other time."""
NOT_CHECKED = f"It could not be checked what you may see, so your tap was not counted. {NOTHING} Try again in a minute."
OTHER_PLACE = f"This button was made for another conversation. {NOTHING}"
CHANGED = "The request has changed since this card was made. The conversation has the card as it is now."
SLOW = (
    "It is not known yet whether your tap counts. If the card still shows its buttons in a minute, tap again, or answer"
    " in the inbox."
)


class Taps:
    """Handles each tap once in this process, however often it is delivered; the desk does so across processes."""

    def __init__(self, context: AdapterContext, people: People, places: Places) -> None:
        self._context = context
        self._desk = context.desk
        self._people = people
        self._places = places
        self._looking = Looking(context.desk, people)
        self._once: Once[Element] = Once(context)
        self._answers = Answering(context.desk)

    async def take(self, tap: Tap, at: Arrived) -> Element:
        """The card that the tapper sees from now on, once the tap is recorded or refused, or says that nobody knows."""
        operation = operation_of(tap, at)
        try:
            return await self._once.outcome(operation, lambda known: self._handle(tap, at, operation, known))
        except Unavailable:
            return told(SLOW)

    async def finish(self, seconds: float) -> None:
        """Take no more taps, and let those under way be recorded, for ``seconds`` at most."""
        await self._once.finish(seconds)

    async def _handle(self, tap: Tap, at: Arrived, operation: str, known: asyncio.Future[Element]) -> None:
        shown: Element | None = None
        try:
            shown = await self._answer(tap, at, operation)
        except SaysoError as error:
            self._context.log.warning("teams.tap_failed", user=at.object_id, code=error.code)
        finally:  # whatever else breaks, the tapper is told, and the task's failure is logged by who spawned it
            if shown is None:
                self._once.forget(operation)  # another delivery of this tap may try again
            known.set_result(told(UNSURE) if shown is None else shown)

    async def _answer(self, tap: Tap, at: Arrived, operation: str) -> Element:
        button = await meaning(tap.token, self._desk)
        if button is None:
            return told(UNKNOWN_BUTTON)
        if button.place and button.place != f"{PREFIX}{at.conversation}":
            return told(OTHER_PLACE)
        try:
            request = await self._desk.look(button.request_id)
        except NotFound:
            return told(UNSEEN)
        tapper = Tapper(at.user, at.object_id, at.conversation)
        try:
            found = None if button.place else await self._found(tapper, request)
            who = await person(tapper, request, self._people)
        except LookupFailed as error:
            self._context.log.warning("teams.tap_not_checked", user=at.object_id, what=error.what)
            self._once.forget(operation)
            return self._told(CANNOT_CHECK, request, tap, button) if button.place else not_now(NOT_CHECKED, tap.token)
        if isinstance(found, str):
            return told(found)
        if found is not None and (not found.may_vote or tap.verb == CLOSE) and tap.verb not in (DENY, GIVE):
            return self._read(tap, found)
        if isinstance(who, str):
            return self._told(who, request, tap, button) if button.place else told(who)
        if tap.verb in (APPROVE, DENY, EDIT) and button.place and at.reply_to:
            await self._seen(button, request, at)
        if tap.verb != GIVE and (shown := self._stepped(tap, button, request)) is not None:
            return shown
        return await self._given(tap, button, who, request, operation)

    async def _found(self, tapper: Tapper, request: Request) -> Found | str:
        """The request, or why who taps may not see it. A button of no place names what anybody could write down."""
        viewer = await self._looking.viewer(tapper)
        if isinstance(viewer, str):
            return viewer
        return await self._looking.find(viewer, request.id) or UNSEEN

    def _read(self, tap: Tap, found: Found) -> Element:
        """A request that was opened away from its card, for who may not answer it; and for all who close it again."""
        card = self._desk.card(found.request)
        return told_of(card, found).content if tap.verb == CLOSE else reading(card, tap.token, tap.page)

    async def _seen(self, button: Button, request: Request, at: Arrived) -> None:
        """The card that was tapped is there, perhaps before delivery has recorded it. A row of a list is no card."""
        if request.requirement is None or not request.requirement.digest:
            await self._desk.tapped(button, at.reply_to)

    def _stepped(self, tap: Tap, button: Button, request: Request) -> Element | None:
        """What a button shows; None where the tap itself is the answer, because nothing more is wanted.

        A card that left something out has no Approve button, and a tap on one opens the review all the same.
        """
        card = self._desk.card(request)
        whole = message(card, tap.token)
        if tap.verb == CLOSE:
            return self._told("", request, tap, button)
        asks = not whole.complete or wants_dialog(card, "approve")
        if (tap.verb == APPROVE and not asks) or (tap.verb == DENY and not wants_dialog(card, "deny")):
            return None
        if over := past(request, button):
            return self._told(over, request, tap, button)
        if tap.verb == EDIT:
            editable = request.requirement.editable if request.requirement else ()
            return editing(card, editable_texts(request.params, editable), tap.token)
        return denial(card, tap.token) if tap.verb == DENY else approval(card, tap.token, tap.page)

    # ------------------------------------------------------------------ answered

    async def _given(self, tap: Tap, button: Button, who: Person, request: Request, operation: str) -> Element:
        """Record an answer; where it will not do, its dialog, with what is wrong at its inputs."""
        try:
            if tap.outcome == EDIT:
                return await self._edit(tap, button, who, request, operation)
            return await self._vote(tap, button, who, request, operation)
        except ReasonRequired as error:
            return self._again(tap, request, {REASON: error.detail})
        except ConfirmationRequired as error:
            return self._again(tap, request, {TYPED: error.detail})
        except ResponseInvalid as error:
            form = request.form.fields if request.form else ()
            wrong = marked(form, error.fields)
            return self._again(tap, request, wrong) if wrong else told(error.detail)
        except CannotCheck as error:
            now = await self._desk.look(request.id)
            if tap.verb != GIVE or past(now, button):
                return self._told(error.detail, now, tap, button)
            return self._again(tap, now, {}, said=error.detail)

    def _again(self, tap: Tap, request: Request, wrong: Mapping[str, str], *, said: str = "") -> Element:
        """The dialog that was sent, with what was filled in."""
        card = self._desk.card(request)
        if tap.outcome == EDIT:
            editable = request.requirement.editable if request.requirement else ()
            texts = editable_texts(request.params, editable)
            return editing(card, texts, tap.token, wrong=wrong, given=tap.edits, said=said)
        if DENY in (tap.verb, tap.outcome):
            return denial(card, tap.token, wrong=wrong, given={REASON: tap.reason}, said=said)
        given = {REASON: tap.reason, TYPED: tap.typed, **tap.form}
        return approval(card, tap.token, tap.page, wrong=wrong, given=given, said=said)

    async def _vote(self, tap: Tap, button: Button, who: Person, request: Request, operation: str) -> Element:
        outcome: Outcome = "deny" if DENY in (tap.verb, tap.outcome) else "approve"
        form = request.form.fields if request.form and outcome == "approve" and tap.verb == GIVE else ()
        ballot = Ballot(
            request_id=button.request_id,
            revision=button.revision,
            person=who,
            outcome=outcome,
            surface=SURFACE,
            operation=operation,
            reason=tap.reason or None,
            typed=tap.typed or None,
            response=response(form, tap.form) if form else None,
        )
        try:
            voted = await self._answers.vote(ballot)
        except (ReasonRequired, ConfirmationRequired, ResponseInvalid, CannotCheck):
            raise
        except VoteRefused as error:
            return self._told(error.detail, await self._desk.look(request.id), tap, button)
        return self._told(self._answers.counted(voted.request, ballot), voted.request, tap, button)

    async def _edit(self, tap: Tap, button: Button, who: Person, request: Request, operation: str) -> Element:
        card = self._desk.card(request)
        try:
            # an earlier revision's texts are nobody's params any more; the desk refuses, or knows the edit already
            texts = edited_texts(card.editable, tap.edits) if request.revision == button.revision else {}
            params = edited(request.params, card.editable, texts)
            change = Edit(button.request_id, button.revision, who, params, SURFACE, operation)
            done = await self._answers.edit(change)
        except (InvalidField, BodyTooLarge) as error:
            names = list(card.editable)
            if error.field not in names:
                return told(error.detail)
            return self._again(tap, request, {f"{EDITED}{names.index(error.field)}": error.detail})
        except CannotCheck:
            raise
        except VoteRefused as error:
            return self._told(error.detail, await self._desk.look(request.id), tap, button)
        return told(answering.edited(self._desk.card(done.request).action))

    def _told(self, said: str, request: Request, tap: Tap, button: Button) -> Element:
        """``said`` above the card as it stands, which has no buttons of an earlier revision."""
        if not request.settled and button.revision != request.revision:
            return told(said or CHANGED)
        return message(self._desk.card(request), tap.token, said=said).content


def operation_of(tap: Tap, at: Arrived) -> str:
    """The same for every delivery of this tap, and for no other tap."""
    given = hashlib.sha256(json.dumps(asdict(tap), sort_keys=True).encode()).hexdigest()[:32]
    return f"teams:{at.id}:{at.object_id}:{at.conversation}:{at.reply_to}:{given}"
