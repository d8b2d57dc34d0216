"""What was said in a channel or to one person, looked through for what lost its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sayso_adapters.slack.marks import is_ours
from sayso_adapters.slack.wire import next_page
from sayso_adapters.slack.workspaces import Workspace
from sayso_bot.domain.request import REQUEST_ID
from sayso_bot.ports import Log

PAGE = 200
PAGES = 10
CLOCKS_APART_SECONDS = 3600


async def newest(
    workspace: Workspace, channel: str, request_id: str, is_wanted: Callable[[Mapping[str, Any]], bool], log: Log
) -> str | None:
    """The newest wanted message of ours there, by its ``ts``, of those since this request was made; None where there is
    none among the newest `PAGES` of the channel. Raises `AdapterError`.
    """
    cursor = ""
    for _ in range(PAGES):
        said = await workspace.call(
            "conversations.history",
            channel=channel,
            include_all_metadata=True,
            limit=PAGE,
            **({"oldest": oldest} if (oldest := _oldest(request_id)) else {}),
            **({"cursor": cursor} if cursor else {}),
        )
        for message in said["messages"]:
            if is_ours(message, workspace.home) and is_wanted(message):
                return str(message["ts"])
        cursor = next_page(said)
        if not cursor:
            return None
    log.warning("slack.history_too_long", channel=channel, request=request_id)
    return None


def _oldest(request_id: str) -> str | None:
    """Where to stop looking: an hour before the time that the request's id carries."""
    if not REQUEST_ID.match(request_id):
        return None
    made = int(request_id.removeprefix("req_").replace("-", "")[:12], 16) / 1000
    return f"{max(0.0, made - CLOCKS_APART_SECONDS):.6f}"
