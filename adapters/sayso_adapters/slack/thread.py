"""The story of requests: replies in the thread of the message that shows them, and a word to one person alone.

What lost its answer is looked up by its metadata before it is sent again. Nobody is written to because an agent names
them: the principal is whom an operator has bound to the agent's key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sayso_adapters.payloads import as_object
from sayso_adapters.slack.blocks import AS_IT_IS, MAX_TEXT, escape, plain, section
from sayso_adapters.slack.history import newest
from sayso_adapters.slack.places import Places
from sayso_adapters.slack.wire import next_page
from sayso_adapters.slack.workspaces import Workspace, Workspaces
from sayso_bot.domain.story import Entry
from sayso_bot.domain.wording import shortened
from sayso_bot.errors import Unavailable
from sayso_bot.ports import AdapterContext, LookupFailed, Retry

EVENT_TYPE = "sayso_story"
LOOKED_AT = 200
LONGEST_OF_SEVERAL = 250


class Thread:
    def __init__(self, context: AdapterContext, workspaces: Workspaces, places: Places) -> None:
        self._log = context.log
        self._workspaces = workspaces
        self._places = places

    async def narrate(self, place: str, post: str, entries: Sequence[Entry]) -> None:
        """As `sayso_bot.ports.ChatAdapter.narrate`."""
        workspace = self._workspaces.of_name(place)
        channel, ts = await self._places.message(place, post, workspace.home)
        await _say(workspace, entries, channel=channel, thread_ts=ts)

    async def told(self, place: str, post: str, entries: Sequence[Entry]) -> Sequence[Entry]:
        """As `sayso_bot.ports.ChatAdapter.told`."""
        workspace = self._workspaces.of_name(place)
        channel, ts = await self._places.message(place, post, workspace.home)
        thread = {"channel": channel, "ts": ts, "limit": LOOKED_AT, "include_all_metadata": True}
        names = await _told(workspace, thread)
        return [entry for entry in entries if _name(entry) in names]

    async def notify(self, address: str, entry: Entry, *, near: str, look: bool) -> str | None:
        """As `sayso_bot.ports.ChatAdapter.notify`: by direct message, to the account with this confirmed address."""
        peopled = await self._nearest_first(near)
        all_asked = len(peopled) == len(self._workspaces.all())
        for workspace in peopled:
            try:
                account = await workspace.people.with_address(address)
            except LookupFailed as error:
                if workspace in self._workspaces.peopled():
                    raise Retry(error.what) from None
                all_asked = False
                continue
            if account is None or account.why_never(workspace.home):
                continue
            said = await workspace.call("conversations.open", users=account.id)
            channel = str(said["channel"]["id"])
            if look and (ts := await self._directly(workspace, channel, entry)):
                return f"{workspace.home.alias(account.id)}/{ts}"
            return f"{workspace.home.alias(account.id)}/{await _say(workspace, [entry], channel=channel)}"
        if not all_asked:
            raise LookupFailed("token_refused", lasting=True)
        self._log.debug("slack.principal_not_here", request=entry.request_id)
        return None

    async def _directly(self, workspace: Workspace, channel: str, entry: Entry) -> str | None:
        """The message that has told it there already, by its ``ts``."""

        def is_wanted(message: Mapping[str, Any]) -> bool:
            return _name(entry) in _names(message)

        return await newest(workspace, channel, entry.request_id, is_wanted, self._log)

    async def _nearest_first(self, near: str) -> Sequence[Workspace]:
        """The workspace in which people were asked comes before the others. Raises `AdapterError`."""
        try:
            await self._workspaces.ready(near if near.startswith("slack:") else "")
        except Unavailable as error:
            raise Retry(error.code) from None
        found = self._workspaces.peopled()
        return sorted(found, key=lambda workspace: not (near.startswith("slack:") and workspace.home.local(near)))


async def _told(workspace: Workspace, thread: Mapping[str, Any]) -> set[str]:
    """The names of all that is told there."""
    found: set[str] = set()
    while True:
        said = await workspace.call("conversations.replies", **thread)
        for message in said["messages"]:
            found |= _names(message)
        cursor = next_page(said)
        if not cursor:
            return found
        thread = {**thread, "cursor": cursor}


def _names(message: object) -> set[str]:
    """Of what this message tells."""
    metadata = as_object(as_object(message).get("metadata"))
    names = as_object(metadata.get("event_payload")).get("told")
    if metadata.get("event_type") != EVENT_TYPE or not isinstance(names, list):
        return set()
    return {str(name) for name in names}


async def _say(workspace: Workspace, entries: Sequence[Entry], **where: str) -> str:
    """Say all of them in one message; its ``ts``."""
    longest = MAX_TEXT if len(entries) == 1 else LONGEST_OF_SEVERAL
    texts = [shortened(entry.text, longest) for entry in entries]
    said = await workspace.call(
        "chat.postMessage",
        text=escape("\n".join(texts) if len(texts) > 1 else entries[0].text),
        blocks=[section(plain(text)) for text in texts],
        metadata={"event_type": EVENT_TYPE, "event_payload": {"told": [_name(entry) for entry in entries]}},
        **AS_IT_IS,
        **where,
    )
    return str(said["ts"])


def _name(entry: Entry) -> str:
    return f"{entry.request_id} {entry.key}"
