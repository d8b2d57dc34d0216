"""Shortcuts, and the buttons of lists: each opens a dialog at once and fills it when it has been read.

Slack's leave to open a dialog lives three seconds and works once, so nothing comes before it; Slack is acknowledged at
once, because nothing is decided here. A button names a request, which is no right to see it: that is checked each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sayso_adapters.buttons import BUTTON, opened
from sayso_adapters.looking import GUEST, UNSEEN
from sayso_adapters.payloads import as_id, as_object, first
from sayso_adapters.slack.answers import Answers
from sayso_adapters.slack.blocks import Block
from sayso_adapters.slack.handlers import NotOffered
from sayso_adapters.slack.looking import Looking, Viewer, safely
from sayso_adapters.slack.marks import is_ours, request_of
from sayso_adapters.slack.modals import ONE_MOMENT, approval, told
from sayso_adapters.slack.overview import ANSWER_IT, listed, reading
from sayso_adapters.slack.people import USER
from sayso_adapters.slack.tappers import Tapper, home_of, tapper_in
from sayso_adapters.slack.workspaces import Workspace, Workspaces
from sayso_bot.domain.request import REQUEST_ID
from sayso_bot.ports import AdapterContext, AdapterError

PENDING, SHOW = "sayso_pending", "sayso_show"
NO_CARD = "This message is not the card of one request of Sayso's."
NOT_OPENED = "The dialog could not be opened in time. Try again, or open the inbox."


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to see. ``trigger`` is the leave to open a dialog, ``view`` the one that is open already.

    ``what`` is the callback id of a shortcut or the action id of a button, ``about`` what it carries: the button's
    value, or the message.
    """

    tapper: Tapper
    what: str
    about: Any
    trigger: str
    view: str
    hash: str


def read_wish(body: Mapping[str, Any]) -> Wish | None:
    """The wish in a shortcut's payload or in a tap's, or None for what lacks what it needs."""
    view, action = as_object(body.get("view")), first(body.get("actions"))
    is_open = view.get("type") == "modal"
    found = Wish(
        tapper=tapper_in(body),
        what=as_id(action.get("action_id") or body.get("callback_id")),
        about=action.get("value") if action else as_object(body.get("message")),
        trigger=as_id(body.get("trigger_id")),
        view=as_id(view.get("id")) if is_open else "",
        hash=as_id(view.get("hash")) if is_open else "",
    )
    return found if USER.match(found.tapper.user) and (found.view or found.trigger) else None


class Shortcuts:
    def __init__(self, context: AdapterContext, workspaces: Workspaces, inbox: str) -> None:
        self._context = context
        self._desk = context.desk
        self._workspaces = workspaces
        self._looking = Looking(context.desk, workspaces)
        self._answers = Answers(context, lambda: False)
        self._inbox = inbox

    async def take(self, body: Mapping[str, Any]) -> None:
        """A shortcut. Raises `NotOffered` for one that is not ours."""
        if body.get("callback_id") not in (PENDING, SHOW):
            raise NotOffered
        self._begin(body)

    async def tapped(self, body: Mapping[str, Any]) -> None:
        """A button of `sayso_adapters.slack.overview.READING`."""
        self._begin(body)

    def _begin(self, body: Mapping[str, Any]) -> None:
        wish, workspace = read_wish(body), self._workspaces.of_payload(body)
        if wish is not None and workspace is not None:
            self._context.spawn(self._fulfil(wish, workspace))

    async def _fulfil(self, wish: Wish, workspace: Workspace) -> None:
        try:
            where = {"view_id": wish.view, "hash": wish.hash} if wish.view else await _open(wish, workspace)
            shown = await safely(self._view(wish, workspace), self._context.log, wish.tapper.user)
            await workspace.call("views.update", view=told(shown) if isinstance(shown, str) else shown, **where)
        except AdapterError as error:
            if error.what == "exchanged_trigger_id":  # another delivery of the same has opened it
                return
            self._context.log.warning("slack.dialog_not_opened", user=wish.tapper.user, what=error.what)
            await self._answers.tell(workspace, wish.tapper.user, NOT_OPENED, None)

    async def _view(self, wish: Wish, workspace: Workspace) -> Block | str:
        viewer = await self._looking.viewer(wish.tapper, workspace)
        if isinstance(viewer, str):
            return viewer
        if wish.what == PENDING:
            return await self._pending(viewer)
        if wish.what == SHOW:
            request_id = await self._card_of(as_object(wish.about), workspace)
            return NO_CARD if request_id is None else await self._request(viewer, request_id, 0)
        request_id, _, page = as_id(wish.about).partition("/")
        number = int(page) if page.isdigit() and len(page) < 6 else 0
        return await self._request(viewer, request_id, number, answer=wish.what == ANSWER_IT)

    async def _pending(self, viewer: Viewer) -> Block | str:
        waiting = await self._looking.waiting(viewer)
        return GUEST if viewer.guest and not waiting.requests else listed(waiting, self._inbox)

    async def _request(self, viewer: Viewer, request_id: str, page: int, *, answer: bool = False) -> Block | str:
        found = await self._looking.find(viewer, request_id)
        if found is None:
            return UNSEEN
        card = self._desk.card(found.request)
        if answer and found.may_vote:
            return approval(card, opened(found.request))
        return reading(card, found, page)

    async def _card_of(self, message: Mapping[str, Any], workspace: Workspace) -> str | None:
        """The request whose card ``message`` is: by its metadata, its buttons, or the line under it.

        None for any other message, and for one that lists several requests.
        """
        if not is_ours(message, home_of(workspace)):
            return None
        named = request_of(message)
        if isinstance(named, str):
            return named
        texts = list(_values(message.get("blocks")))
        tokens = {text for text in texts if BUTTON.match(text)}
        if tokens:
            button = await self._desk.button(tokens.pop())
            return button.request_id if button and not tokens else None
        return next((found for text in texts if REQUEST_ID.match(found := text.partition(" ")[0])), None)


async def _open(wish: Wish, workspace: Workspace) -> dict[str, str]:
    """Open a dialog that says to wait; what names it. Raises `AdapterError`."""
    said = await workspace.call("views.open", trigger_id=wish.trigger, view=told(ONE_MOMENT))
    return {"view_id": str(said["view"]["id"])}


def _values(blocks: object) -> Iterator[str]:
    """Values of the buttons and texts of the small print, of a message of ours."""
    for block in blocks if isinstance(blocks, list) else []:
        if as_object(block).get("type") in ("actions", "context"):
            for element in block.get("elements") or []:
                text = as_object(element).get("value") or as_object(element).get("text")
                if isinstance(text, str):
                    yield text
