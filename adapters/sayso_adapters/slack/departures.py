"""When a workspace removes the app, Slack says so: its tokens are forgotten, and that goes on the record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sayso_adapters.slack.installations import Installation, Installations
from sayso_adapters.slack.many import installation_ids, is_org_wide
from sayso_bot.ports import AdapterContext

EVENTS = frozenset({"app_uninstalled", "tokens_revoked"})


class Departures:
    """The handler of `EVENTS`. ``installations`` is None where the token comes from the environment."""

    def __init__(self, context: AdapterContext, installations: Installations | None) -> None:
        self._context = context
        self._installations = installations

    async def take(self, body: Mapping[str, Any]) -> None:
        """Raises `Unavailable` where it could not be recorded; Slack then says it again."""
        event: Mapping[str, Any] = body["event"]
        if event["type"] == "tokens_revoked" and not _bots(event):
            return  # people's own tokens, of which Sayso has none
        if self._installations is None:
            todo = "Install the app again and give the service the new SLACK_BOT_TOKEN."
            self._context.log.error("slack.uninstalled", what=event["type"], todo=todo)
            return
        said_at = body.get("event_time")
        if not isinstance(said_at, int) or not 0 <= said_at < 2**33:
            self._context.log.warning("slack.departure_without_time", what=event["type"])
            return

        async def note(installation: Installation) -> None:
            await self._context.journal("slack_uninstalled", {**installation.about, "what": event["type"]})

        for name in _departed(body):
            if await self._installations.remove(name, before=datetime.fromtimestamp(said_at, UTC), note=note):
                self._context.log.info("slack.uninstalled", what=event["type"], installation=name)


def _bots(event: Mapping[str, Any]) -> bool:
    tokens = event.get("tokens")
    return bool(isinstance(tokens, Mapping) and tokens.get("bot"))


def _departed(body: Mapping[str, Any]) -> list[str]:
    """Which installation is over. One workspace that leaves does not end that of its whole organisation."""
    found = installation_ids(body)
    return found if is_org_wide(body) else found[:1]
