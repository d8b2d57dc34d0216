"""What is done about each activity that Teams sends: a tap, words to the bot, being added somewhere, or taken out.

Whatever comes from a place teaches how it is reached now. A tap is waited for, because Teams shows its answer in the
card's place; all else is acknowledged at once and done after it. Teams says once where the bot is: what cannot be
written down or asked for then is tried again, for about two hours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from microsoft_agents.activity import Activity

from sayso_adapters.answering import UNKNOWN_BUTTON
from sayso_adapters.payloads import as_id
from sayso_adapters.teams.activities import Arrived, as_name, event_of, names_bot, spoken
from sayso_adapters.teams.admin import Admins
from sayso_adapters.teams.dialogs import told
from sayso_adapters.teams.messages import Messages
from sayso_adapters.teams.places import PREFIX, Places
from sayso_adapters.teams.reading import read_invoke, read_submit
from sayso_adapters.teams.saying import CARD
from sayso_adapters.teams.submissions import Submissions
from sayso_adapters.teams.taps import Taps
from sayso_adapters.teams.wire import Wire
from sayso_bot.ports import AdapterContext, AdapterError, Gone, Retry

TAPPED = "adaptiveCard/action"
LEARN_SECONDS = 1.0
"""A tap must be answered in time, however slow the shelf is."""
AGAIN_SECONDS = (1.0, 5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0)
_CHANNEL_GONE, _TEAM_GONE = frozenset({"channelDeleted"}), frozenset({"teamDeleted", "teamArchived"})
_CHANNEL_CAME = frozenset({"channelCreated", "channelRenamed", "channelRestored"})


class Hearing:
    def __init__(
        self,
        context: AdapterContext,
        wire: Wire,
        places: Places,
        taps: Taps,
        submissions: Submissions,
        messages: Messages,
        admins: Admins,
    ) -> None:
        self._context = context
        self._wire = wire
        self._places = places
        self._taps = taps
        self._submissions = submissions
        self._messages = messages
        self._admins = admins
        self._unlearnt: dict[str, Arrived] = {}

    async def heard(self, activity: Activity, at: Arrived) -> Mapping[str, Any] | None:
        """Handle one activity; of a tap, the body of the answer to it. Raises `SaysoError` where nothing was done."""
        if self._is_leaving(activity, at):
            self._unlearnt.pop(at.conversation, None)
            self._context.spawn(self._leave(activity, at))
            return None
        await self._learn(at)
        match activity.type:
            case "invoke" if activity.name == TAPPED:
                return await self._tapped(activity, at)
            case "message" if activity.value is not None and (tap := read_submit(activity.value)):
                self._context.spawn(self._submissions.take(tap, at))
            case "message":
                self._context.spawn(self._messages.answer(spoken(activity), at))
            case "conversationUpdate":
                self._context.spawn(self._came(activity, at))
        return None

    async def _tapped(self, activity: Activity, at: Arrived) -> Mapping[str, Any]:
        tap = read_invoke(activity.value)
        if tap is None:
            shown = told(UNKNOWN_BUTTON)
        else:
            shown = await (self._admins.take(tap, at) if self._admins.is_admins(tap) else self._taps.take(tap, at))
        return {"statusCode": 200, "type": CARD, "value": shown}

    # ------------------------------------------------------------------ where the bot is

    async def _learn(self, at: Arrived) -> None:
        """Learn the place now, or, because what was asked can be done all the same, later."""
        try:
            async with asyncio.timeout(LEARN_SECONDS):
                await self._places.learn(at)
            self._unlearnt.pop(at.conversation, None)
        except (AdapterError, TimeoutError) as error:
            self._context.log.warning("teams.place_not_kept", what=getattr(error, "what", "slow"))
            is_tried = at.conversation in self._unlearnt
            self._unlearnt[at.conversation] = at
            if not is_tried:
                self._context.spawn(self._learn_later(at.conversation))

    async def _learn_later(self, conversation: str) -> None:
        async def learn() -> None:
            while (at := self._unlearnt.get(conversation)) is not None:
                await self._places.learn(at)
                if self._unlearnt.get(conversation) is at:
                    del self._unlearnt[conversation]

        await self._surely(learn, "teams.place_not_kept")
        self._unlearnt.pop(conversation, None)

    async def _surely(self, work: Callable[[], Awaitable[None]], failed: str) -> None:
        """Do ``work``, where it fails for a moment again, ever later; ``failed`` is what the log is told each time."""
        for pause in (*AGAIN_SECONDS, None):
            try:
                await work()
            except AdapterError as error:
                self._context.log.warning(failed, what=error.what)
                if pause is None or not isinstance(error, Retry):
                    return
                await asyncio.sleep(max(pause, error.after or 0.0))
            else:
                return

    def _is_leaving(self, activity: Activity, at: Arrived) -> bool:
        if activity.type == "installationUpdate":
            return str(activity.action or "").startswith("remove")
        event = event_of(activity)
        return activity.type == "conversationUpdate" and (
            names_bot(activity.members_removed, at.bot) or event in _CHANNEL_GONE or event in _TEAM_GONE
        )

    async def _leave(self, activity: Activity, at: Arrived) -> None:
        try:
            await self._places.left(at, whole_team=event_of(activity) not in _CHANNEL_GONE)
        except AdapterError as error:
            self._context.log.warning("teams.place_not_kept", what=error.what)

    async def _came(self, activity: Activity, at: Arrived) -> None:
        """Learn the channels of a team to which the bot was added, so that each can be named without a word there."""
        added = names_bot(activity.members_added, at.bot)
        if not at.team or not (added or event_of(activity) in _CHANNEL_CAME):
            return
        await self._surely(lambda: self._learn_channels(at), "teams.channels_not_listed")

    async def _learn_channels(self, at: Arrived) -> None:
        try:
            of = await self._places.known(f"{PREFIX}{at.conversation}")
        except Gone as error:  # it is still to be written down
            raise Retry(error.what) from None
        for channel in await self._wire.channels(of.address, at.team):
            await self._places.learn_channel(of, as_id(channel.get("id")), as_name(channel.get("name")) or "General")
