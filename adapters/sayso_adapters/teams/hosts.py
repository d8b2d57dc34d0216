"""Where our token may be sent: to Microsoft's own hosts over https, wherever an activity says that its connector is.

An activity names that address itself, so one that is believed for it would get the token. A stand-in on this machine is
met where the keys that prove Teams come from this machine too, and with Microsoft's emulator.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import aiohttp
from microsoft_agents.hosting.core import OutboundHostValidator

from sayso_adapters.teams.settings import TeamsSettings
from sayso_bot.domain.hosts import is_loopback


class Hosts(OutboundHostValidator):
    """The SDK's validator, which is off unless it is asked for."""

    def __init__(self, settings: TeamsSettings) -> None:
        super().__init__(enabled=True)
        self._stand_in = settings.stand_in

    def is_allowed(self, url: Any) -> bool:
        return self._is_stand_in(url) or super().is_allowed(url)

    def session(self, base: str, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
        """A session for one connector; each call has a connection of its own.

        Its host, the addresses that this resolves to, and where it redirects are held against what is allowed.
        """
        arguments: dict[str, Any] = {"base_url": base, "timeout": timeout, "headers": {"Connection": "close"}}
        return aiohttp.ClientSession(**arguments) if self._is_stand_in(base) else self.client(arguments)

    def _is_stand_in(self, url: Any) -> bool:
        if not self._stand_in:
            return False
        try:
            parts = urlsplit(str(url))
            return parts.scheme in ("http", "https") and is_loopback(parts.hostname or "")
        except ValueError:
            return False
