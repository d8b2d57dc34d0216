"""Slack's half of an installation: where its consent page is, and the exchange of a code or a refresh token.

Neither works twice, so neither is sent twice. Nothing that Slack answers here is ever logged: it holds tokens.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urljoin

import aiohttp

from sayso_adapters.payloads import as_object
from sayso_adapters.slack.installations import INSTALLATION, Installation, Now
from sayso_adapters.slack.people import USER
from sayso_adapters.slack.settings import SlackSettings
from sayso_adapters.slack.wire import CONNECT_SECONDS, TIMEOUT_SECONDS, client, failures_named
from sayso_bot.domain.text import one_line
from sayso_bot.ports import Rejected

LONGEST_NAME = 80
BOT_TOKENS = ("xoxb-", "xoxe.xoxb-")


@dataclass(frozen=True, slots=True)
class OAuth:
    """The app's own identity at Slack: GovSlack's where ``SLACK_API_URL`` is, a stand-in's likewise."""

    settings: SlackSettings
    redirect_uri: str
    scopes: tuple[str, ...]
    now: Now

    def consent_page(self, state: str) -> str:
        """Where a person agrees to the installation; Slack sends them back to `redirect_uri` with ``state``."""
        asked = {
            "client_id": self.settings.client_id,
            "scope": ",".join(self.scopes),
            "redirect_uri": self.redirect_uri,
            "state": state,
        }
        return f"{urljoin(self.settings.api_url, '/oauth/v2/authorize')}?{urlencode(asked)}"

    async def installation(self, code: str) -> tuple[Installation, str]:
        """The installation that ``code`` stands for, and the id of the account that made it. Raises `AdapterError`."""
        said = await self._ask(code=code, redirect_uri=self.redirect_uri)
        by = as_object(said.get("authed_user")).get("id")
        return self._read(said), by if isinstance(by, str) and USER.match(by) else ""

    async def refreshed(self, known: Installation) -> Installation:
        """``known`` with the next token. Raises `AdapterError`."""
        if known.refresh is None:
            raise Rejected("no_refresh_token")
        found = self._read(await self._ask(grant_type="refresh_token", refresh_token=known.refresh))
        if found.id != known.id or found.refresh is None:
            raise Rejected("bad_answer")
        return replace(known, token=found.token, refresh=found.refresh, expires_at=found.expires_at)

    async def _ask(self, **fields: str) -> Mapping[str, Any]:
        limits = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, sock_connect=CONNECT_SECONDS)
        ours = base64.b64encode(f"{self.settings.client_id}:{self.settings.client_secret}".encode()).decode()
        async with aiohttp.ClientSession(timeout=limits) as session, failures_named(lost=True):
            asked = client(self.settings, token=None, session=session)
            said = await asked.api_call("oauth.v2.access", data=fields, headers={"Authorization": f"Basic {ours}"})
        return as_object(said.data)

    def _read(self, said: Mapping[str, Any]) -> Installation:
        """Raises `Rejected` for an answer that is not that of an installed bot."""
        team, enterprise = as_object(said.get("team")), as_object(said.get("enterprise"))
        whole = said.get("is_enterprise_install") is True
        token, user, lives = said.get("access_token"), said.get("bot_user_id"), said.get("expires_in")
        refresh = said.get("refresh_token")
        now = self.now()
        found = Installation(
            team="" if whole else str(team.get("id")),
            enterprise=str(enterprise["id"]) if enterprise.get("id") else None,
            name=one_line(str((enterprise if whole else team).get("name") or ""))[:LONGEST_NAME],
            bot_user=str(user),
            scopes=tuple(str(said.get("scope") or "").split(",")),
            installed_at=now,
            kept_at=now,
            token=str(token),
            refresh=refresh if isinstance(refresh, str) and refresh else None,
            expires_at=now + timedelta(seconds=lives) if isinstance(lives, int) and lives > 0 else None,
        )
        if not (found.token.startswith(BOT_TOKENS) and INSTALLATION.match(found.id) and USER.match(found.bot_user)):
            raise Rejected("bad_answer")
        return found
