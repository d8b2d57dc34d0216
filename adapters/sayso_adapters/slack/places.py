"""Where cards are: ``slack:C1`` or ``slack:T1/C1`` to the channel's id and back, and the id of a post there.

``slack:U1`` is the direct messages between the bot and one person. Slack names that conversation when it is opened,
says the same name whenever it is asked again, and sends taps from there under it. Slack may
answer a post with another channel id than it was sent to (a channel that was converted). The post's id then carries
that channel, and the shelf keeps it for the taps that come from there.
"""

from __future__ import annotations

import re

from slack_sdk.web.async_slack_response import AsyncSlackResponse

from sayso_adapters.slack.home import Home
from sayso_adapters.slack.people import CHANNEL, USER
from sayso_adapters.slack.workspaces import OTHER_WORKSPACE, Workspaces
from sayso_bot.errors import SaysoError
from sayso_bot.ports import AdapterContext, AdapterError, Gone, LookupFailed, Rejected

MOVED_SECONDS = 400 * 86400

_POST = re.compile(r"(?:([CGD][A-Z0-9]{1,30})/)?([0-9]{1,12}\.[0-9]{1,9})\Z")


class Places:
    def __init__(self, context: AdapterContext, workspaces: Workspaces) -> None:
        self._context = context
        self._workspaces = workspaces
        self._opened: dict[tuple[str, str], str] = {}

    async def channel(self, place: str, home: Home) -> str:
        """The channel's id; the conversation with a person is opened for it.

        Raises `Gone` for another workspace's, `Rejected` for what is no Slack channel, else what opening it raises.
        """
        if not place.startswith("slack:"):
            raise Rejected("not_a_slack_place")
        found = home.local(place)
        if found is None:
            raise Gone(OTHER_WORKSPACE)
        if USER.match(found):
            return await self._conversation(place, found, home)
        if not CHANNEL.match(found):
            raise Rejected("not_a_channel_id")
        return found

    async def _conversation(self, place: str, user: str, home: Home) -> str:
        """The id of the direct messages with ``user``, asked of Slack once in this process. Raises `AdapterError`."""
        there = (home.team, user)
        if there not in self._opened:
            said = await self._workspaces.of_name(place).call("conversations.open", users=user)
            self._opened[there] = str(said["channel"]["id"])
        return self._opened[there]

    def post_id(self, place: str, channel: str, ts: str, home: Home) -> str:
        """The id of the message ``ts`` of ``channel``, as a post at ``place``."""
        return ts if home.local(place) == channel else f"{channel}/{ts}"

    async def message(self, place: str, post: str, home: Home) -> tuple[str, str]:
        """The channel and the ``ts`` of a post."""
        found = _POST.match(post)
        if found is None:
            raise Rejected("not_a_message_id")
        return found[1] or await self.channel(place, home), found[2]

    async def is_at(self, channel: str, place: str, home: Home) -> bool:
        """Whether a message in ``channel`` can be a post at ``place``. Raises `LookupFailed`."""
        asked = home.local(place) if place.startswith("slack:") else None
        if asked is None or asked == channel:
            return asked is not None
        if USER.match(asked):
            try:
                return await self._conversation(place, asked, home) == channel
            except AdapterError as error:
                raise LookupFailed.of(error) from None
        return await self._context.shelf.get(f"moved/{home.team}/{asked}/{channel}") is not None

    async def posted(self, place: str, said: AsyncSlackResponse, home: Home) -> str:
        """The id of the post at ``place`` that Slack has answered with."""
        channel = str(said["channel"])
        await self._remember(place, channel, home)
        return self.post_id(place, channel, str(said["ts"]), home)

    async def _remember(self, place: str, channel: str, home: Home) -> None:
        """Slack put a post for ``place`` into ``channel``, perhaps another than was named."""
        asked = home.local(place)
        if asked == channel or (asked is not None and USER.match(asked)):
            return
        self._context.log.warning(
            "slack.channel_moved", place=place, channel=channel, todo="Put the new channel's id into the policy."
        )
        try:
            await self._context.shelf.put(f"moved/{home.team}/{asked}/{channel}", b"1", ttl_seconds=MOVED_SECONDS)
        except SaysoError as error:  # the card is posted; not to say so would post it twice
            self._context.log.warning("slack.channel_moved_not_kept", place=place, code=error.code)
