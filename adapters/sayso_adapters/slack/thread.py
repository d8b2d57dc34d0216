"""The story of a request: replies in the thread of its card, and a word to the principal when it has ended.

A reply whose answer was lost is looked up by its metadata before it is sent again. Nobody is written to because an
agent names them: the principal is whom an operator has bound to the agent's key.
"""

from __future__ import annotations

from typing import Any

from sayso_adapters.slack.blocks import MAX_TEXT, escape, plain, section, shortened
from sayso_adapters.slack.places import Places
from sayso_adapters.slack.workspaces import Workspace, Workspaces
from sayso_bot.domain.story import Entry
from sayso_bot.ports import AdapterContext, LookupFailed, Retry

EVENT_TYPE = "sayso_story"
LOOKED_AT = 200


class Thread:
    def __init__(self, context: AdapterContext, workspaces: Workspaces, places: Places) -> None:
        self._log = context.log
        self._workspaces = workspaces
        self._places = places

    async def narrate(self, request_id: str, place: str, post: str, entry: Entry, *, look: bool) -> None:
        """As `sayso_bot.ports.ChatAdapter.narrate`."""
        workspace = self._workspaces.of_name(place)
        if entry.to is not None:
            await self._tell(workspace, request_id, entry, entry.to, look=look)
            return
        channel, ts = await self._places.message(place, post, workspace.home)
        thread = {"channel": channel, "ts": ts, "limit": LOOKED_AT, "include_all_metadata": True}
        if look and await self._stands(workspace, "conversations.replies", thread, request_id, entry):
            return
        await self._say(workspace, request_id, entry, channel=channel, thread_ts=ts)

    async def _tell(self, workspace: Workspace, request_id: str, entry: Entry, address: str, *, look: bool) -> None:
        """By direct message, to the account whose confirmed address this is."""
        try:
            account = await workspace.people.with_address(address)
        except LookupFailed as error:
            raise Retry(error.what) from None
        if account is None or account.why_never(workspace.home):
            self._log.debug("slack.principal_not_here", request=request_id)
            return
        said = await workspace.call("conversations.open", users=account.id)
        channel = str(said["channel"]["id"])
        messages = {"channel": channel, "limit": LOOKED_AT, "include_all_metadata": True}
        if look and await self._stands(workspace, "conversations.history", messages, request_id, entry):
            return
        await self._say(workspace, request_id, entry, channel=channel)

    async def _stands(
        self, workspace: Workspace, method: str, where: dict[str, Any], request_id: str, entry: Entry
    ) -> bool:
        """Whether the entry is among the messages there. Where there are more than a page, the newest are looked at."""
        wanted = _metadata(request_id, entry)
        while True:
            said = await workspace.call(method, **where)
            if any(found.get("metadata") == wanted for found in said["messages"]):
                return True
            cursor = (said.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor or method == "conversations.history":
                return False
            where = {**where, "cursor": cursor}

    async def _say(self, workspace: Workspace, request_id: str, entry: Entry, **where: str) -> None:
        await workspace.call(
            "chat.postMessage",
            text=escape(entry.text),
            blocks=[section(plain(shortened(entry.text, MAX_TEXT)))],
            metadata=_metadata(request_id, entry),
            unfurl_links=False,
            unfurl_media=False,
            mrkdwn=False,
            parse="none",
            link_names=False,
            **where,
        )


def _metadata(request_id: str, entry: Entry) -> dict[str, Any]:
    return {"event_type": EVENT_TYPE, "event_payload": {"request_id": request_id, "entry": entry.key}}
