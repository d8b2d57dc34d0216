"""What is done about each activity that Teams sends: a tap, words to the bot, being added somewhere, or taken out.

Whatever comes from a place teaches how it is reached now. A tap is waited for, because Teams shows its answer in the
card's place; all else is acknowledged at once and done after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
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
from sayso_bot.ports import AdapterContext, AdapterError

TAPPED = "adaptiveCard/action"
LEARN_SECONDS = 1.0
"""A tap must be answered in time, however slow the shelf is."""
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

    async def heard(self, activity: Activity, at: Arrived) -> Mapping[str, Any] | None:
        """Handle one activity; of a tap, the body of the answer to it. Raises `SaysoError` where nothing was done."""
        if self._is_leaving(activity, at):
            self._context.spawn(self._leave(activity, at))
            return None
        try:
            async with asyncio.timeout(LEARN_SECONDS):
                await self._places.learn(at)
        except (AdapterError, TimeoutError) as error:  # what was asked can be done all the same
            self._context.log.warning("teams.place_not_kept", what=getattr(error, "what", "slow"))
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
        try:
            of = await self._places.known(f"{PREFIX}{at.conversation}")
            for channel in await self._wire.channels(of.address, at.team):
                await self._places.learn_channel(
                    of, as_id(channel.get("id")), as_name(channel.get("name")) or "General"
                )
        except AdapterError as error:
            self._context.log.warning("teams.channels_not_listed", what=error.what)
