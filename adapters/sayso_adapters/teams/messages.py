"""What people write to the bot: what waits, one request, where things go; and an admin's commands, which are shown with
what they would do before they are done.

Every answer is for who asked alone, so in a channel or a group chat it goes to their own chat with the bot, and what
stands under the question says no more than that. Nothing is changed by words: an admin's command takes effect by the
button of the card that shows it.
"""

from __future__ import annotations

from collections.abc import Sequence

from microsoft_agents.activity import Activity

from sayso_adapters.looking import GUEST, UNSEEN, Viewer
from sayso_adapters.teams.activities import Arrived
from sayso_adapters.teams.admin import Admins
from sayso_adapters.teams.cards import Message
from sayso_adapters.teams.dialogs import told
from sayso_adapters.teams.elements import Element
from sayso_adapters.teams.looking import SURFACE, Looking, safely
from sayso_adapters.teams.overview import help_message, pending_message, routes_message, told_of
from sayso_adapters.teams.people import People
from sayso_adapters.teams.saying import Chats, card, words
from sayso_adapters.teams.tappers import Tapper
from sayso_adapters.teams.wire import Address, Wire
from sayso_bot.domain.admin import Caller
from sayso_bot.domain.commands import is_admins
from sayso_bot.ports import AdapterContext, AdapterError

WHICH = "Say which request: show req_…, with the id that stands on its card."
ANSWERED = "Answered in your chat with Sayso."
NO_CHAT = (
    "Answers are for you alone, and Sayso cannot open a chat with you. Add the app to your own chats, and ask there."
)


class Messages:
    def __init__(self, context: AdapterContext, people: People, wire: Wire, chats: Chats, admins: Admins) -> None:
        self._context = context
        self._wire = wire
        self._chats = chats
        self._admins = admins
        self._looking = Looking(context.desk, people)
        self._inbox = f"{context.public_url.rstrip('/')}/inbox"

    async def answer(self, text: str, at: Arrived) -> None:
        """Answer who wrote ``text``."""
        looked = await safely(self._do(text.split(), at), self._context.log, at.object_id)
        shown = _activity(looked)
        try:
            if at.kind == "personal":
                await self._wire.post(Address(at.conversation, at.service_url), shown)
                return
            reached = await self._chats.tell(at.user, at.object_id, at.conversation, shown)
            said = words(ANSWERED if reached else NO_CHAT)
            await self._wire.post(Address(at.spoken_in, at.service_url), said)
        except AdapterError as error:
            self._context.log.warning("teams.not_answered", user=at.object_id, what=error.what)

    async def _do(self, said: Sequence[str], at: Arrived) -> Message | Element | str:
        tapper = Tapper(at.user, at.object_id, at.conversation)
        viewer = await self._looking.viewer(tapper)
        if isinstance(viewer, str):
            return viewer
        if is_admins(said):
            return await self._admins.begin(said, at, viewer)
        match [word.lower() for word in said]:
            case ["pending"]:
                return await self._pending(viewer)
            case ["show", request_id]:
                return await self._show(viewer, request_id)
            case ["show", *_]:
                return WHICH
            case ["routes"]:
                return GUEST if viewer.guest else routes_message(self._looking.where(viewer))
            case _:
                caller = Caller(SURFACE, viewer.person, guest=viewer.guest)
                return help_message(admin=await self._context.office.is_admin(caller))

    async def _pending(self, viewer: Viewer) -> Message | str:
        waiting = await self._looking.waiting(viewer)
        return GUEST if viewer.guest and not waiting.requests else pending_message(waiting, self._inbox)

    async def _show(self, viewer: Viewer, request_id: str) -> Message | str:
        found = await self._looking.find(viewer, request_id)
        return UNSEEN if found is None else told_of(self._context.desk.card(found.request), found)


def _activity(looked: Message | Element | str) -> Activity:
    if isinstance(looked, Message):
        return card(looked.content, looked.text)
    return card(told(looked), looked) if isinstance(looked, str) else card(looked)
