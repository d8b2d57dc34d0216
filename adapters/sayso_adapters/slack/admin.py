"""An admin's command in Slack: read, shown with what it would do, and carried out when the dialog is submitted.

Slack's leave to open a dialog lives three seconds, so the dialog opens at once and says to wait; who the account is and
whether it administers is looked up then, and again when the dialog is submitted, which may be an hour later. The
dialog carries a token; what was typed, where, by whom and what the admin saw lies on the shelf.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sayso_adapters.administering import UNSURE, Administering, Typed
from sayso_adapters.answering import NOTHING
from sayso_adapters.payloads import as_id, as_object
from sayso_adapters.slack import once
from sayso_adapters.slack.admin_views import ADMIN, WHY, confirmation, why_of
from sayso_adapters.slack.answers import Answers
from sayso_adapters.slack.blocks import Block
from sayso_adapters.slack.looking import CANNOT_CHECK, SURFACE, Looking, safely
from sayso_adapters.slack.modals import told
from sayso_adapters.slack.people import CHANNEL, USER
from sayso_adapters.slack.tappers import Tapper, tapper_in
from sayso_adapters.slack.workspaces import Workspace, Workspaces
from sayso_bot.domain.admin import Caller
from sayso_bot.domain.commands import Said, Unreadable
from sayso_bot.errors import SaysoError, Unavailable
from sayso_bot.ports import AdapterContext, AdapterError, LookupFailed

ONE_MOMENT = "One moment: this is looked at."
NO_NAME = "privategroup"
"""What Slack calls every private channel in a command's payload."""
NOT_OPENED = f"The dialog could not be opened in time. {NOTHING} Type the command again."


@dataclass(frozen=True, slots=True)
class Submitted:
    tapper: Tapper
    view: str
    token: str
    why: str
    has_why: bool

    @property
    def operation(self) -> str:
        """What a dialog shows is done once, whatever is written into it later."""
        return f"slack:admin:{self.token}"

    @property
    def delivery(self) -> str:
        """The same for every delivery of this submission."""
        said = hashlib.sha256(self.why.encode()).hexdigest()[:32]
        return f"{self.operation}:{self.view}:{self.tapper.user}:{said}"


class Admins:
    """The command's dialog, from its opening to what came of it. Each submission is handled once in this process."""

    def __init__(self, context: AdapterContext, workspaces: Workspaces) -> None:
        self._context = context
        self._workspaces = workspaces
        self._looking = Looking(context.desk, workspaces)
        self._administering = Administering(context)
        self._once: once.Once[Mapping[str, Any] | None] = once.Once(context)
        self._answers = Answers(context, lambda: self._once.ending)

    async def finish(self, seconds: float) -> None:
        await self._once.finish(seconds)

    # ------------------------------------------------------------------ typed

    def begin(self, words: Sequence[str], body: Mapping[str, Any], tapper: Tapper, workspace: Workspace) -> str | None:
        """Open the dialog of a command. The sentence for who typed it where it cannot be read."""
        typed = _typed(words, body, tapper, workspace)
        try:
            typed.deed()
        except Unreadable as error:
            return error.sentence
        self._context.spawn(self._open(typed, as_id(body.get("trigger_id")), tapper, workspace))
        return None

    async def _open(self, typed: Typed, trigger: str, tapper: Tapper, workspace: Workspace) -> None:
        try:
            said = await workspace.call("views.open", trigger_id=trigger, view=told(ONE_MOMENT))
            shown = await self._look(typed, tapper, workspace)
            await workspace.call("views.update", view_id=str(said["view"]["id"]), view=shown)
        except AdapterError as error:
            if error.what == "exchanged_trigger_id":  # another delivery of the same has opened it
                return
            self._context.log.warning("slack.dialog_not_opened", user=tapper.user, what=error.what)
            await self._answers.tell(workspace, tapper.user, NOT_OPENED, typed.channel or None)

    async def _look(self, typed: Typed, tapper: Tapper, workspace: Workspace, notice: str = "") -> Block:
        """The dialog that shows what would be done, or why not."""
        caller = await self._caller(typed, tapper, workspace)
        looked = caller if isinstance(caller, str) else await self._administering.look(typed, caller)
        if isinstance(looked, str):
            return told(looked)
        return confirmation(looked.deed, looked.effect, looked.token, notice)

    async def _caller(self, typed: Typed, tapper: Tapper, workspace: Workspace) -> Caller | str:
        """Who it is, or the sentence that says why they do nothing here."""
        viewer = await safely(self._looking.viewer(tapper, workspace), self._context.log, tapper.user)
        if isinstance(viewer, str):
            return viewer
        return Caller(SURFACE, viewer.person, place=typed.said.place, guest=viewer.guest)

    # ------------------------------------------------------------------ submitted

    async def submit(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What Slack is answered, once it is done or refused.

        Raises `Unavailable` when that is not known after two seconds, because Slack gives up after three; the work goes
        on, and the admin is told.
        """
        submitted, workspace = _submitted(body), self._workspaces.of_payload(body)
        if submitted is None or workspace is None:
            return None
        answered = await self._once.outcome(submitted.delivery, lambda known: self._submit(submitted, workspace, known))
        if answered is None:
            raise Unavailable("It is not known yet whether this was done.", retry_after=1)
        return answered

    async def _submit(
        self, submitted: Submitted, workspace: Workspace, known: asyncio.Future[Mapping[str, Any] | None]
    ) -> None:
        began = asyncio.get_running_loop().time()
        answered: Mapping[str, Any] | None = None
        channel, said = "", UNSURE
        try:
            typed = await self._administering.typed(submitted.token, submitted.tapper.user)
            channel = "" if isinstance(typed, str) else typed.channel
            answered, said = await self._done(typed, submitted, workspace)
        except LookupFailed:
            answered, said = _updated(told(CANNOT_CHECK)), CANNOT_CHECK
        except SaysoError as error:
            self._context.log.warning("slack.admin_failed", user=submitted.tapper.user, code=error.code)
        finally:
            late = asyncio.get_running_loop().time() - began >= once.ACKNOWLEDGE_SECONDS
            known.set_result(answered)
            if answered is None:
                self._once.forget(submitted.delivery)
            if answered is None or late:
                await self._answers.tell(workspace, submitted.tapper.user, said, channel or None)

    async def _done(
        self, typed: Typed | str, submitted: Submitted, workspace: Workspace
    ) -> tuple[Mapping[str, Any], str]:
        """Carry it out; what Slack is answered, and the sentence for the admin."""
        if isinstance(typed, str):
            return _updated(told(typed)), typed
        caller = await self._caller(typed, submitted.tapper, workspace)
        if isinstance(caller, str):
            return _updated(told(caller)), caller
        came = await self._administering.carry_out(
            typed, caller, submitted.operation, submitted.why if submitted.has_why else None
        )
        if came.changed:
            return _updated(await self._look(typed, submitted.tapper, workspace, came.said)), came.said
        if came.reason_wrong:
            return {"response_action": "errors", "errors": {WHY: came.said}}, came.said
        return _updated(told(came.said)), came.said


def _updated(view: Block) -> Mapping[str, Any]:
    return {"response_action": "update", "view": view}


def _typed(words: Sequence[str], body: Mapping[str, Any], tapper: Tapper, workspace: Workspace) -> Typed:
    channel, name = as_id(body.get("channel_id")), body.get("channel_name")
    here = CHANNEL.match(channel) is not None
    place = f"slack:{workspace.home.team}/{channel}" if here else ""
    called = name if here and isinstance(name, str) and name != NO_NAME else ""
    return Typed(tuple(words), Said(place, called[:80], datetime.now(UTC)), tapper.user, channel if here else "")


def _submitted(body: Mapping[str, Any]) -> Submitted | None:
    """The submission of such a dialog, or None for any other payload."""
    view = as_object(body.get("view"))
    if body.get("type") != "view_submission" or view.get("callback_id") != ADMIN:
        return None
    values = as_object(as_object(view.get("state")).get("values"))
    tapper = tapper_in(body)
    found = Submitted(tapper, as_id(view.get("id")), as_id(view.get("private_metadata")), why_of(values), WHY in values)
    return found if found.view and found.token and USER.match(tapper.user) else None
