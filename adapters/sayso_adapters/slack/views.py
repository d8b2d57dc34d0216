"""What is done in a dialog: a step through the pages of a review, a denial, an answer or an edit that is submitted.

A submission is answered once it is recorded or refused: the dialog closes, says why not, or marks the field that is
wrong. Where that takes longer than Slack waits, Slack is answered 503, keeps the dialog as it is and says that
something went wrong, while the work goes on; the person is then told alone. A view is believed to come from Slack, and
nothing else: who submits, what they may and what there is to decide is looked up anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sayso_adapters import answering
from sayso_adapters.answering import UNKNOWN_BUTTON, UNSURE, past
from sayso_adapters.buttons import is_token, meaning
from sayso_adapters.payloads import as_id, as_object, first
from sayso_adapters.slack import once
from sayso_adapters.slack.answers import Answers
from sayso_adapters.slack.blocks import Block
from sayso_adapters.slack.cards import APPROVE, DENY, EDIT
from sayso_adapters.slack.fetching import chosen
from sayso_adapters.slack.filling import FETCHING, Filling
from sayso_adapters.slack.looking import SURFACE
from sayso_adapters.slack.modals import (
    BACK,
    EDITED,
    FORM,
    NEXT,
    REASON,
    TYPED,
    answer,
    approval,
    denial,
    edited_texts,
    response,
    told,
)
from sayso_adapters.slack.people import USER
from sayso_adapters.slack.tappers import Tapper, is_of, person, tapper_in
from sayso_adapters.slack.taps import CANNOT_CHECK, OTHER_PLACE
from sayso_adapters.slack.workspaces import Workspace, Workspaces
from sayso_bot.domain.dialog import wants_dialog
from sayso_bot.domain.editing import edited
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Outcome, Request
from sayso_bot.errors import (
    BodyTooLarge,
    CannotCheck,
    ConfirmationRequired,
    InvalidField,
    ReasonRequired,
    ResponseInvalid,
    SaysoError,
    Unavailable,
    VoteRefused,
)
from sayso_bot.ports import AdapterContext, AdapterError, Ballot, Button, Edit, LookupFailed

_SUBMITTED = frozenset({APPROVE, DENY, EDIT})
_STEPS = frozenset({NEXT, BACK, DENY})
_CLOSE: Mapping[str, Any] = {"response_action": "clear"}
NOT_TURNED = "Slack did not show what comes next. Tap again, or answer in the inbox. Nothing was changed."
MEANWHILE = "hash_conflict"


@dataclass(frozen=True, slots=True)
class Shown:
    """A view as a payload of Slack gives it. ``done`` is the callback id of a submission, the action id of a step."""

    tapper: Tapper
    view: str
    hash: str
    token: str
    done: str
    value: str
    values: Mapping[str, Any]
    blocks: frozenset[str]
    at: str

    @property
    def operation(self) -> str:
        """The same for every delivery of this deed with these values, and for no other."""
        said = hashlib.sha256(json.dumps(self.values, sort_keys=True).encode()).hexdigest()[:32]
        return f"slack:view:{self.view}:{self.tapper.user}:{self.done}:{self.token}:{self.at}:{said}"


@dataclass(frozen=True, slots=True)
class Result:
    """``answered``: what Slack is told of a submission. ``said``: the sentence for the person.

    ``alone``: the person is told outside the dialog even where Slack is answered in time. ``then`` is what comes after
    Slack was answered, and tells the person itself; then ``said`` is None.
    """

    answered: Mapping[str, Any]
    said: str | None
    alone: bool = False
    then: Callable[[], Awaitable[None]] | None = None


def read_view(body: Mapping[str, Any]) -> Shown | None:
    """The submission or step in a payload about a modal, or None where it is neither."""
    view, action = as_object(body.get("view")), first(body.get("actions"))
    submitted = body.get("type") == "view_submission"
    token, value = as_id(view.get("private_metadata")), as_id(action.get("value"))
    found = Shown(
        tapper=tapper_in(body),
        view=as_id(view.get("id")),
        hash=as_id(view.get("hash")),
        token=token if is_token(token) else "",
        done=as_id(view.get("callback_id") if submitted else action.get("action_id")),
        value=value,
        values=as_object(as_object(view.get("state")).get("values")) if submitted else {},
        blocks=frozenset(_inputs(view)),
        at="" if submitted else as_id(action.get("action_ts")),
    )
    known = found.done in (_SUBMITTED if submitted else _STEPS)
    return found if known and found.view and USER.match(found.tapper.user) and view.get("type") == "modal" else None


def _inputs(view: Mapping[str, Any]) -> list[str]:
    blocks = view.get("blocks")
    found = [as_object(block) for block in (blocks if isinstance(blocks, list) else [])]
    return [as_id(block.get("block_id")) for block in found if block.get("type") == "input"]


class Views:
    """Handles each submission once in this process, however often it comes; the desk does so across processes."""

    def __init__(self, context: AdapterContext, workspaces: Workspaces) -> None:
        self._context = context
        self._desk = context.desk
        self._workspaces = workspaces
        self._once: once.Once[Mapping[str, Any] | None] = once.Once(context)
        self._answers = Answers(context, lambda: self._once.ending)
        self._filling = Filling(context, self._answers)

    async def submit(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What Slack is answered, once the submission is recorded or refused.

        Raises `Unavailable` when that is not known after two seconds, because Slack gives up after three.
        """
        shown, workspace = read_view(body), self._workspaces.of_payload(body)
        if shown is None or workspace is None:
            return None
        answered = await self._once.outcome(shown.operation, lambda known: self._submit(shown, workspace, known))
        if answered is None:
            raise Unavailable("It is not known yet whether this counts.", retry_after=1)
        return answered

    async def step(self, body: Mapping[str, Any]) -> None:
        """Do what a button within a dialog says. Raises `Unavailable` as `submit` does."""
        shown, workspace = read_view(body), self._workspaces.of_payload(body)
        if shown is None or workspace is None:
            return
        if await self._once.outcome(shown.operation, lambda known: self._step(shown, workspace, known)) is None:
            raise Unavailable("It is not known yet whether this counts.", retry_after=1)

    async def finish(self, seconds: float) -> None:
        await self._once.finish(seconds)

    # ------------------------------------------------------------------ submitted

    async def _submit(
        self, shown: Shown, workspace: Workspace, known: asyncio.Future[Mapping[str, Any] | None]
    ) -> None:
        began = asyncio.get_running_loop().time()
        result: Result | None = None
        try:
            result = await self._surely_known(shown, workspace)
        finally:  # whatever else breaks, the person is told, and the task's failure is logged by who spawned it
            late = asyncio.get_running_loop().time() - began >= once.ACKNOWLEDGE_SECONDS
            known.set_result(result.answered if result else None)
            if result is None:
                self._once.forget(shown.operation)
            if result is None or result.alone or late:
                await self._tell(shown, workspace, result.said if result else UNSURE)
        if result and result.then:
            await result.then()

    async def _surely_known(self, shown: Shown, workspace: Workspace) -> Result | None:
        """What became of it; None where nobody knows."""
        try:
            return await self._decide(shown, workspace)
        except LookupFailed as error:
            self._context.log.warning("slack.tap_not_checked", user=shown.tapper.user, what=error.what)
            self._once.forget(shown.operation)
            return _mend(shown, CANNOT_CHECK)
        except SaysoError as error:
            self._context.log.warning("slack.tap_failed", user=shown.tapper.user, code=error.code)
            return None

    async def _decide(self, shown: Shown, workspace: Workspace) -> Result:
        button = await meaning(shown.token, self._desk)
        if button is None:
            return _over(UNKNOWN_BUTTON)
        if button.place and not is_of(button.place, workspace, self._workspaces):
            return _over(OTHER_PLACE)
        request = await self._desk.look(button.request_id)
        who = await person(shown.tapper, request, workspace)
        if isinstance(who, str):
            return _over(who)
        try:
            if shown.done == EDIT:
                return await self._edit(shown, button, who, request)
            return await self._vote(shown, workspace, button, who, request)
        except ReasonRequired as error:
            return _wrong(shown, {REASON: error.detail}, error.detail)
        except ConfirmationRequired as error:
            return _wrong(shown, {TYPED: error.detail}, error.detail)
        except ResponseInvalid as error:
            names = [field.name for field in request.form.fields] if request.form else []
            marked = {f"{FORM}{names.index(name)}": why for name, why in error.fields.items() if name in names}
            return _wrong(shown, marked, error.detail)
        except CannotCheck as error:
            self._once.forget(shown.operation)
            return _mend(shown, error.detail)
        except VoteRefused as error:
            return _over(error.detail)

    async def _vote(self, shown: Shown, workspace: Workspace, button: Button, who: Person, request: Request) -> Result:
        """A dialog may stay open for days, so it proves no place: whether the person is in the channel is asked now."""
        outcome: Outcome = "deny" if shown.done == DENY else "approve"
        form = request.form.fields if request.form and outcome == "approve" else ()
        ballot = Ballot(
            request_id=button.request_id,
            revision=button.revision,
            person=who,
            outcome=outcome,
            surface=SURFACE,
            operation=shown.operation,
            reason=_text(shown, REASON),
            typed=_text(shown, TYPED),
            response=response(form, shown.values) if form else None,
        )
        named = chosen(form, shown.values)
        if any(named.values()):
            return await self._later(shown, workspace, ballot, request, named)
        voted = await self._answers.vote(ballot)
        return Result(_CLOSE, self._answers.counted(voted.request, ballot), alone=True)

    async def _later(
        self, shown: Shown, workspace: Workspace, ballot: Ballot, request: Request, named: Mapping[str, list[str]]
    ) -> Result:
        """Slack is answered now, and the vote comes when its files are there."""
        await self._filling.check(ballot, request, named)

        async def tell(said: str) -> None:
            await self._tell(shown, workspace, said)

        async def then() -> None:
            await self._filling.finish(ballot, named, workspace, shown.tapper.user, shown.view, tell)

        return Result({"response_action": "update", "view": told(FETCHING)}, None, then=then)

    async def _edit(self, shown: Shown, button: Button, who: Person, request: Request) -> Result:
        card = self._desk.card(request)
        try:
            # an earlier revision's texts are nobody's params any more; the desk refuses, or knows the edit already
            texts = edited_texts(card.editable, shown.values) if request.revision == button.revision else {}
            params = edited(request.params, card.editable, texts)
            change = Edit(button.request_id, button.revision, who, params, SURFACE, shown.operation)
            await self._answers.edit(change)
        except (InvalidField, BodyTooLarge) as error:
            names = list(card.editable)
            marked = {f"{EDITED}{names.index(error.field)}": error.detail} if error.field in names else {}
            return _wrong(shown, marked, error.detail)
        return Result(_CLOSE, answering.edited(card.action), alone=True)

    async def _tell(self, shown: Shown, workspace: Workspace, said: str | None) -> None:
        if said is None:
            return
        try:
            button = await meaning(shown.token, self._desk)
            channel = workspace.home.local(button.place) if button and button.place.startswith("slack:") else None
        except (SaysoError, AdapterError) as error:  # the person is told all the same, by direct message
            self._context.log.warning("slack.channel_unknown", user=shown.tapper.user, error=type(error).__name__)
            channel = None
        await self._answers.tell(workspace, shown.tapper.user, said, channel)

    # ------------------------------------------------------------------ steps

    async def _step(self, shown: Shown, workspace: Workspace, known: asyncio.Future[Mapping[str, Any] | None]) -> None:
        answered: Mapping[str, Any] | None = None
        try:
            view, said = await self._stepped(shown, workspace)
            answered = {}
            known.set_result(answered)
            await self._show(shown, workspace, view, said)
        except SaysoError as error:
            self._context.log.warning("slack.tap_failed", user=shown.tapper.user, code=error.code)
        finally:
            if answered is None:
                self._once.forget(shown.operation)
                known.set_result(None)
                await self._tell(shown, workspace, UNSURE)

    async def _stepped(self, shown: Shown, workspace: Workspace) -> tuple[Block, str | None]:
        """The view that comes next, and what the person is told where Slack does not show it."""
        try:
            return await self._next(shown, workspace)
        except LookupFailed as error:
            self._context.log.warning("slack.tap_not_checked", user=shown.tapper.user, what=error.what)
            return told(CANNOT_CHECK), CANNOT_CHECK

    async def _next(self, shown: Shown, workspace: Workspace) -> tuple[Block, str | None]:
        """As `_stepped`. Raises `LookupFailed`."""
        button = await meaning(shown.token, self._desk)
        if button is None:
            return told(UNKNOWN_BUTTON), UNKNOWN_BUTTON
        if button.place and not is_of(button.place, workspace, self._workspaces):
            return told(OTHER_PLACE), OTHER_PLACE
        request = await self._desk.look(button.request_id)
        card = self._desk.card(request)
        answers = shown.done == DENY and not wants_dialog(card, "deny")
        if not answers and (over := past(request, button)):  # an answer may be one that counted before
            return told(over), over
        who = await person(shown.tapper, request, workspace)
        if isinstance(who, str):
            return told(who), who
        if shown.done in (NEXT, BACK):
            page = int(shown.value) if shown.value.isdigit() and len(shown.value) < 6 else 0
            return approval(card, shown.token, page), NOT_TURNED
        if not answers:
            return denial(card, shown.token), NOT_TURNED
        result = await self._denied(shown, workspace, button, who, request)
        return told(result), result

    async def _denied(self, shown: Shown, workspace: Workspace, button: Button, who: Person, request: Request) -> str:
        try:
            result = await self._vote(shown, workspace, button, who, request)
        except VoteRefused as error:
            return error.detail
        return result.said or f"You denied {request.action}. The agent is told."

    async def _show(self, shown: Shown, workspace: Workspace, view: Block, said: str | None) -> None:
        """Show ``view`` in the dialog's place, if that is still as it was when the button in it was tapped."""
        try:
            await workspace.call("views.update", view_id=shown.view, hash=shown.hash, view=view)
        except AdapterError as error:
            self._context.log.warning("slack.dialog_not_updated", user=shown.tapper.user, what=error.what)
            if error.what != MEANWHILE:  # an earlier tap has changed it already
                await self._tell(shown, workspace, said)


def _text(shown: Shown, name: str) -> str | None:
    value = answer(shown.values, name).get("value")
    return value if isinstance(value, str) and value else None


def _over(said: str) -> Result:
    """The dialog says ``said`` and can only be closed."""
    return Result({"response_action": "update", "view": told(said)}, said)


def _wrong(shown: Shown, marked: Mapping[str, str], said: str) -> Result:
    """Sentences at the inputs that are wrong; the dialog keeps what was filled in."""
    there = {name: why for name, why in marked.items() if name in shown.blocks}
    return Result({"response_action": "errors", "errors": there}, said) if there else _over(said)


def _mend(shown: Shown, said: str) -> Result:
    """``said`` at some input, so that what was filled in is kept and can be sent again."""
    return _wrong(shown, {sorted(shown.blocks)[0]: said}, said) if shown.blocks else _over(said)
