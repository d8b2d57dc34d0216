"""A tap on a button: who is it, may such an account decide, what does the desk say, and what is the person told.

A tap is acknowledged only once it is recorded or refused. Where that takes longer than Slack waits, Slack is answered
503 and shows its user an error, while the work goes on; what became of the tap is told to the tapper alone either way.
The card is never touched here: delivery brings it up to date from what was recorded.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sayso_adapters.answering import NOTHING, UNKNOWN_BUTTON, UNSURE, past
from sayso_adapters.buttons import BUTTON
from sayso_adapters.payloads import as_id, as_object, first
from sayso_adapters.slack.answers import Answers
from sayso_adapters.slack.blocks import Block
from sayso_adapters.slack.cards import APPROVE, DENY, EDIT, OPEN, REVIEW, message
from sayso_adapters.slack.home import Home
from sayso_adapters.slack.looking import SURFACE
from sayso_adapters.slack.modals import ONE_MOMENT, approval, denial, editing, told
from sayso_adapters.slack.once import Once
from sayso_adapters.slack.people import USER
from sayso_adapters.slack.places import Places
from sayso_adapters.slack.tappers import Tapper, home_of, is_of, person, refused, stranger
from sayso_adapters.slack.workspaces import Workspace, Workspaces
from sayso_bot.domain.dialog import wants_dialog
from sayso_bot.domain.editing import editable_texts
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Outcome, Request
from sayso_bot.errors import SaysoError, Unavailable, VoteRefused
from sayso_bot.ports import AdapterContext, AdapterError, Ballot, Button, LookupFailed

_CHANNEL = re.compile(r"[CGD][A-Z0-9]{1,30}\Z")
_MESSAGE = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}\Z")
_TRIGGER = re.compile(r"[A-Za-z0-9._-]{1,200}\Z")
_ACTIONS = frozenset({APPROVE, DENY, REVIEW, EDIT})

CANNOT_CHECK = (
    "Slack could not be asked who you are, so your tap may not have counted."
    " If the card still waits for you in a minute, tap again."
)
"""It may have come twice, and Slack could be asked the other time."""
NOT_OPENED = f"The dialog could not be opened in time. {NOTHING} Tap again, or answer in the inbox."
OTHER_PLACE = f"This button was made for another channel. {NOTHING}"


@dataclass(frozen=True, slots=True)
class Tap:
    """What a payload of Slack says. ``at`` names this very click; ``trigger`` is its leave to open a dialog."""

    user: str
    team: str
    enterprise: str
    channel: str
    post: str
    action: str
    token: str
    at: str
    trigger: str

    @property
    def tapper(self) -> Tapper:
        return Tapper(self.user, self.team, self.enterprise)

    @property
    def operation(self) -> str:
        """The same for every delivery of this click, and for no other click."""
        return f"slack:{self.at}:{self.user}:{self.action}:{self.token}"


def read_tap(body: Mapping[str, Any]) -> Tap | None:
    """The tap in a ``block_actions`` payload, or None for a click that decides nothing or lacks what a tap needs."""
    action = first(body.get("actions"))
    user, channel, container = (as_object(body.get(name)) for name in ("user", "channel", "container"))
    tap = Tap(
        user=as_id(user.get("id")),
        team=as_id(user.get("team_id")),
        enterprise=as_id(as_object(body.get("enterprise")).get("id")),
        channel=as_id(channel.get("id")) or as_id(container.get("channel_id")),
        post=as_id(container.get("message_ts")) or as_id(as_object(body.get("message")).get("ts")),
        action=as_id(action.get("action_id")),
        token=value if BUTTON.match(value := as_id(action.get("value"))) else "",
        at=as_id(action.get("action_ts")),
        trigger=found if _TRIGGER.match(found := as_id(body.get("trigger_id"))) else "",
    )
    whole = USER.match(tap.user) and _CHANNEL.match(tap.channel) and _MESSAGE.match(tap.post) and tap.at
    return tap if whole and tap.action != OPEN else None


class Taps:
    """Handles each tap once in this process, however often it is delivered; the desk does so across processes."""

    def __init__(self, context: AdapterContext, workspaces: Workspaces, places: Places) -> None:
        self._context = context
        self._desk = context.desk
        self._workspaces = workspaces
        self._places = places
        self._once: Once[bool] = Once(context)
        self._answers = Answers(context, lambda: self._once.ending)

    async def take(self, body: Mapping[str, Any]) -> None:
        """Return when the tap is recorded or refused, or its dialog is open.

        Raises `Unavailable` when that is not known after two seconds, because Slack gives up after three. The work
        goes on; the operation's name makes another delivery of the same click safe.
        """
        tap = read_tap(body)
        workspace = self._workspaces.of_payload(body)
        if tap is None or workspace is None:
            return
        if not await self._once.outcome(tap.operation, lambda known: self._handle(tap, workspace, known)):
            raise Unavailable("It is not known yet whether this tap counts.", retry_after=1)

    async def finish(self, seconds: float) -> None:
        """Take no more taps, and let those under way be recorded and told, for ``seconds`` at most."""
        await self._once.finish(seconds)

    async def _handle(self, tap: Tap, workspace: Workspace, known: asyncio.Future[bool]) -> None:
        said: str | None = UNSURE
        try:
            said = await self._answer(tap, workspace)
        except LookupFailed as error:
            self._context.log.warning("slack.tap_not_checked", user=tap.user, what=error.what)
            said = CANNOT_CHECK
        except SaysoError as error:
            self._context.log.warning("slack.tap_failed", user=tap.user, code=error.code)
        finally:  # whatever else breaks, the tapper is told, and the task's failure is logged by who spawned it
            if said in (UNSURE, CANNOT_CHECK):
                self._once.forget(tap.operation)  # another delivery of this click may try again
            known.set_result(said is not UNSURE)
            if said:
                await self._answers.tell(workspace, tap.user, said, tap.channel)

    async def _answer(self, tap: Tap, workspace: Workspace) -> str | None:
        """Do what the tap asks; what the person is told of it, None where a dialog or an earlier delivery tells it."""
        button = await self._desk.button(tap.token) if tap.action in _ACTIONS and tap.token else None
        if button is None:
            return UNKNOWN_BUTTON
        home = home_of(workspace)
        ours = is_of(button.place, workspace, self._workspaces)
        if not ours or not await self._places.is_at(tap.channel, button.place, home):
            return OTHER_PLACE
        request = await self._desk.look(button.request_id)
        view = self._dialog(tap, request)
        if view is not None:
            never = stranger(tap.tapper, home) or past(request, button)
            said = never or await self._open(tap, view, request, workspace)
            self._context.spawn(self._note(tap, button, request, home))  # Slack waits for the dialog, and not for long
            return said
        who = await person(tap.tapper, request, workspace)
        if isinstance(who, str):
            return who
        await self._seen(tap, button, request, home)
        return await self._vote(tap, button, who)

    async def _note(self, tap: Tap, button: Button, request: Request, home: Home) -> None:
        try:
            await self._seen(tap, button, request, home)
        except SaysoError as error:
            self._context.log.warning("slack.card_not_noted", request=request.id, code=error.code)

    async def _seen(self, tap: Tap, button: Button, request: Request, home: Home) -> None:
        """The card that was tapped is there, perhaps before delivery has recorded it. A row of a list is no card."""
        if request.requirement is None or not request.requirement.digest:
            await self._desk.tapped(button, self._places.post_id(button.place, tap.channel, tap.post, home))

    def _dialog(self, tap: Tap, request: Request) -> Block | None:
        """The dialog that this tap opens; None where the tap itself is the answer.

        A card that left something out has no Approve button, and a tap on one opens the review all the same.
        """
        card = self._desk.card(request)
        if tap.action == EDIT:
            editable = request.requirement.editable if request.requirement else ()
            return editing(card, editable_texts(request.params, editable), tap.token)
        if tap.action == DENY:
            return denial(card, tap.token) if wants_dialog(card, "deny") else None
        whole = not card.open or message(card, tap.token).complete
        if tap.action == APPROVE and whole and not wants_dialog(card, "approve"):
            return None
        return approval(card, tap.token)

    async def _open(self, tap: Tap, view: Block, request: Request, workspace: Workspace) -> str | None:
        """Open a dialog. Nothing slow may come before: Slack's leave to do so lives three seconds, and works once. So
        for who was not looked up lately it opens empty, and is filled when it is known that they may see it.
        """
        account = workspace.people.seen(tap.user)
        if account is not None and (why := refused(account, request, home_of(workspace))):
            return why
        try:
            shown = view if account else told(ONE_MOMENT)
            said = await workspace.call("views.open", trigger_id=tap.trigger, view=shown)
        except AdapterError as error:
            if error.what == "exchanged_trigger_id":  # another delivery of this click has opened it
                return None
            self._context.log.warning("slack.dialog_not_opened", user=tap.user, what=error.what)
            return NOT_OPENED
        if account is None:
            self._context.spawn(self._fill(tap, str(said["view"]["id"]), view, request, workspace))
        return None

    async def _fill(self, tap: Tap, opened: str, view: Block, request: Request, workspace: Workspace) -> None:
        """Show ``view`` in the dialog ``opened``, or why this person may not see it."""
        try:
            who = await person(tap.tapper, request, workspace)
            shown = told(who) if isinstance(who, str) else view
        except LookupFailed as error:
            self._context.log.warning("slack.tap_not_checked", user=tap.user, what=error.what)
            shown = told(CANNOT_CHECK)
        try:
            await workspace.call("views.update", view_id=opened, view=shown)
        except AdapterError as error:
            self._context.log.warning("slack.dialog_not_updated", user=tap.user, what=error.what)
            await self._answers.tell(workspace, tap.user, NOT_OPENED, tap.channel)

    async def _vote(self, tap: Tap, button: Button, who: Person) -> str:
        outcome: Outcome = "approve" if tap.action == APPROVE else "deny"
        ballot = Ballot(
            request_id=button.request_id,
            revision=button.revision,
            person=who,
            outcome=outcome,
            surface=SURFACE,
            operation=tap.operation,
        )
        try:
            voted = await self._answers.vote(ballot)
        except VoteRefused as error:
            return error.detail
        return self._answers.counted(voted.request, ballot)
