"""Slack's side of an app that many workspaces install: consent page, codes, tokens that rotate, one API for all.

    async with FakeSlackApp() as app:
        first = app.add_workspace("T1ONE")              # a `FakeSlack` without a port of its own
        app.consents("T1ONE", user="U0ADMIN")           # who will agree on the consent page; `app.declines()`
        settings = app.settings()                       # SLACK_CLIENT_ID, SLACK_CLIENT_SECRET and the rest
        await app.event(service_url, "T1ONE", "app_uninstalled")

``app.rotates`` makes tokens expire after so many seconds. A refresh token works once; the token that it replaces goes
on until its time is up. ``app.grants`` are the calls of ``oauth.v2.access``, ``app.used`` who called what with which
token.
"""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from fakes.slack import FakeSlack
from fakes.slack_workspace import BOT_USER, Json

CLIENT_ID = "1.2"
CLIENT_SECRET = "0c0ffee0stand0in0client0secret00"


class Member(FakeSlack):
    """A workspace of the app; whose call it is, the app has checked."""

    async def _answer(self, http_request: web.Request, method: str, arguments: Json) -> web.StreamResponse:
        return await self.carry_out("", method, arguments)


@dataclass
class Token:
    installation: str
    expires_at: float | None
    revoked: bool = False


class FakeSlackApp:
    """See the module's docstring."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.tokens: dict[str, Token] = {}
        self.grants: list[Mapping[str, str]] = []
        self.used: list[tuple[str, str, str]] = []
        self.rotates: int | None = None
        self.drops_grants = 0
        self.name = "Example"
        self.asked: list[Mapping[str, str]] = []
        self._consent: tuple[str, str] | None = None
        self._codes: dict[str, tuple[str, str, str]] = {}
        self._refreshes: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._port = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/oauth/v2/authorize", self._authorize)
        app.router.add_post("/api/oauth.v2.access", self._grant)
        app.router.add_route("*", "/api/{method}", self._serve)
        app.router.add_post("/told/{team}", self._told)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def settings(self) -> dict[str, str]:
        return {
            "SLACK_CLIENT_ID": CLIENT_ID,
            "SLACK_CLIENT_SECRET": CLIENT_SECRET,
            "SLACK_SIGNING_SECRET": FakeSlack().signing_secret,
            "SLACK_API_URL": f"{self.origin}/api/",
        }

    def add_workspace(self, team: str, *, enterprise: str | None = None) -> Member:
        self.members[team] = Member(team=team, enterprise=enterprise)
        return self.members[team]

    def consents(self, team: str, *, user: str = "U0ADMIN") -> None:
        """The next consent page is agreed to by ``user`` for ``team``, or for an organisation (``E…``)."""
        self._consent = (team, user)

    def declines(self) -> None:
        self._consent = None

    def code(self, team: str, *, user: str = "U0ADMIN", redirect_uri: str = "") -> str:
        code = f"{next(self._numbers)}.code.stand-in"
        self._codes[code] = (team, user, redirect_uri)
        return code

    def revoke(self, installation: str) -> None:
        for token in self.tokens.values():
            token.revoked = token.revoked or token.installation == installation

    def expire(self, installation: str) -> None:
        for token in self.tokens.values():
            if token.installation == installation and token.expires_at is not None:
                token.expires_at = 0.0

    def spend_refresh_tokens(self) -> None:
        """As after a refresh whose answer nobody has kept."""
        self._refreshes.clear()

    async def event(
        self, service: str, team: str, kind: str, *, at: float | None = None, secret: str | None = None, **more: Any
    ) -> int:
        """Tell ``service`` of an event; its status. ``more`` goes into the event."""
        member = self.members[team]
        body = json.dumps(
            {
                "type": "event_callback",
                "team_id": team,
                "api_app_id": "A0SAYSO",
                "event": {"type": kind, **more},
                "event_id": f"Ev{next(self._numbers)}",
                "event_time": int(at if at is not None else time.time() + 1),
            }
        )
        headers = {**member.signed(body, secret=secret), "Content-Type": "application/json"}
        return await member.send(service, body, headers)

    # ----------------------------------------------------------------- the wire

    async def _authorize(self, http_request: web.Request) -> web.StreamResponse:
        asked = dict(http_request.query)
        self.asked.append(asked)
        if asked.get("client_id") != CLIENT_ID or not asked.get("scope"):
            return web.Response(status=400)
        said = {"state": asked["state"]}
        if self._consent is None:
            said["error"] = "access_denied"
        else:
            team, user = self._consent
            said["code"] = self.code(team, user=user, redirect_uri=asked["redirect_uri"])
        raise web.HTTPFound(f"{asked['redirect_uri']}?{urlencode(said)}")

    async def _grant(self, http_request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await http_request.post()).items()}
        self.grants.append(form)
        ours = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if http_request.headers.get("Authorization") != f"Basic {ours}":
            return _refused("bad_client_secret")
        if form.get("grant_type") == "refresh_token":
            installation = self._refreshes.pop(form.get("refresh_token", ""), None)
            said = _refused("invalid_refresh_token") if installation is None else self._granted(installation, "")
        else:
            team, user, redirect_uri = self._codes.pop(form.get("code", ""), ("", "", ""))
            if not team:
                said = _refused("invalid_code")
            elif redirect_uri and form.get("redirect_uri") != redirect_uri:
                said = _refused("bad_redirect_uri")
            else:
                said = self._granted(team, user)
        if self.drops_grants:
            self.drops_grants -= 1
            assert http_request.transport is not None
            http_request.transport.abort()
        return said

    def _granted(self, installation: str, user: str) -> web.Response:
        number = next(self._numbers)
        token = f"{'xoxe.' if self.rotates else ''}xoxb-{number}-stand-in"
        self.tokens[token] = Token(installation, time.time() + self.rotates if self.rotates else None)
        whole = installation.startswith("E")
        member = next(m for m in self.members.values() if installation in (m.team, m.enterprise))
        said: Json = {
            "ok": True,
            "app_id": "A0SAYSO",
            "authed_user": {"id": user},
            "scope": member.scopes,
            "token_type": "bot",
            "access_token": token,
            "bot_user_id": BOT_USER,
            "team": None if whole else {"id": member.team, "name": self.name},
            "enterprise": {"id": member.enterprise, "name": "Org"} if member.enterprise else None,
            "is_enterprise_install": whole,
        }
        if self.rotates:
            refresh = f"xoxe-{number}-stand-in"
            self._refreshes[refresh] = installation
            said |= {"refresh_token": refresh, "expires_in": self.rotates}
        return web.json_response(said)

    async def _serve(self, http_request: web.Request) -> web.StreamResponse:
        presented = http_request.headers.get("Authorization", "").removeprefix("Bearer ")
        known = self.tokens.get(presented)
        if known is None:
            return _refused("invalid_auth")
        self.used.append((known.installation, http_request.match_info["method"], presented))
        if known.revoked:
            return _refused("token_revoked")
        if known.expires_at is not None and known.expires_at < time.time():
            return _refused("token_expired")
        if http_request.match_info["method"] == "auth.revoke":
            known.revoked = True
            return web.json_response({"ok": True, "revoked": True})
        member = next(m for m in self.members.values() if known.installation in (m.team, m.enterprise))
        return await member.serve_method(http_request)

    async def _told(self, http_request: web.Request) -> web.StreamResponse:
        """A ``response_url``: its text is told to the user ``response_url``."""
        member = self.members[http_request.match_info["team"]]
        member.ephemerals.append(("response_url", (await http_request.json())["text"]))
        await member.notify()
        return web.Response()


class Browser:
    """A person's browser: keeps cookies, follows redirects."""

    def __init__(self) -> None:
        self._jar = aiohttp.CookieJar(unsafe=True)

    async def open(self, url: str, *, follow: bool = True) -> tuple[int, str, Mapping[str, str]]:
        """The status, the text and the headers of where it ends."""
        async with (
            aiohttp.ClientSession(cookie_jar=self._jar) as session,
            session.get(url, allow_redirects=follow) as answer,
        ):
            return answer.status, await answer.text(), answer.headers


def _refused(error: str) -> web.Response:
    return web.json_response({"ok": False, "error": error})
