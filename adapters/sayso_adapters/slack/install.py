"""How a workspace comes to Sayso: an operator's link, Slack's consent, and back, in one browser and within ten minutes.

Who may install is the operator's to say, because whoever's workspace is in is believed about its people's addresses. A
link works for one installation; a program that only looks at it (a preview, a scanner) does not use it up. What comes
back from Slack counts once, and only in the browser that set out. The shelf knows link, state and cookie by their
SHA-256. No token, code or link is logged.
"""

from __future__ import annotations

import hmac
import html
import json
import re
import secrets
from urllib.parse import urlsplit

from aiohttp import web

from sayso_adapters.slack.installations import Installation, Installations
from sayso_adapters.slack.links import LIFE_SECONDS, digest
from sayso_adapters.slack.oauth import OAuth
from sayso_bot.errors import SaysoError
from sayso_bot.ports import AdapterContext, AdapterError

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
NOTHING = "Nothing was installed."
BAD_LINK = f"This link was used, has lapsed or is not whole. {NOTHING} Ask who gave it to you for a new one."
NOT_FROM_HERE = f"This does not answer an installation that was begun in this browser just now. {NOTHING}"
DECLINED = f"Slack says that the installation was declined. {NOTHING} The link can be opened again until it lapses."
OTHER_WORKSPACE = (
    "This link is for another workspace, so Sayso keeps no token of this one. Remove the app from it, and ask for a"
    " link of its own."
)
UNAVAILABLE = f"Sayso cannot reach its store right now. {NOTHING} Ask for a new link if this one works no more."

_SECRET = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_CODE = re.compile(r"[A-Za-z0-9._-]{1,300}\Z")


class Install:
    """The two routes."""

    def __init__(self, context: AdapterContext, oauth: OAuth, installations: Installations) -> None:
        self._context = context
        self._shelf = context.shelf
        self._oauth = oauth
        self._installations = installations
        address = urlsplit(context.public_url)
        self._secure = address.scheme == "https"
        # Cookies do not know ports: two services on one loopback host would take each other's.
        self._cookie = "__Host-sayso-install" if self._secure else f"sayso-install-{address.port or 80}"

    async def begin(self, http_request: web.Request) -> web.StreamResponse:
        """``GET /slack/install?link=…``: to Slack's consent page."""
        link = http_request.query.get("link", "")
        try:
            if not _SECRET.match(link) or await self._shelf.get(f"link/{digest(link)}") is None:
                return _page(410, "Not installed", BAD_LINK)
            state, browser = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
            record = json.dumps({"link": digest(link), "browser": digest(browser)}).encode()
            await self._shelf.put(f"state/{digest(state)}", record, ttl_seconds=LIFE_SECONDS)
        except SaysoError as error:
            return _unavailable(error)
        response = web.Response(status=303, headers={**HEADERS, "Location": self._oauth.consent_page(state)})
        response.set_cookie(
            self._cookie, browser, max_age=LIFE_SECONDS, path="/", httponly=True, samesite="Lax", secure=self._secure
        )
        return response

    async def finish(self, http_request: web.Request) -> web.StreamResponse:
        """``GET /slack/oauth_redirect``: back from Slack, with a code or with a refusal."""
        try:
            response = await self._finish(http_request)
        except SaysoError as error:
            self._context.log.warning("slack.not_installed", code=error.code)
            response = _unavailable(error)
        except AdapterError as error:
            self._context.log.warning("slack.not_installed", what=error.what)
            response = _page(
                502, "Not installed", f"Slack did not complete it ({error.what}). {NOTHING} Ask for a new link."
            )
        return response

    async def _finish(self, http_request: web.Request) -> web.StreamResponse:
        begun = await self._begun(http_request)
        if begun is None:
            return _page(400, "Not installed", NOT_FROM_HERE)
        if http_request.query.get("error"):
            return _page(200, "Not installed", DECLINED)
        code = http_request.query.get("code", "")
        if not _CODE.match(code):
            return _page(400, "Not installed", f"Slack's answer has no code. {NOTHING} Open the link again.")
        link = await self._shelf.take(f"link/{begun}")
        if link is None:
            return _page(410, "Not installed", BAD_LINK)
        installation, by = await self._oauth.installation(code)
        wanted = json.loads(link)["workspace"]
        if wanted and installation.id != wanted:
            self._context.log.warning("slack.not_installed", what="other_workspace", **installation.about)
            return _page(403, "Not installed", OTHER_WORKSPACE)
        await self._context.journal("slack_installed", {**installation.about, "by": by})
        await self._installations.add(installation)
        self._context.log.info("slack.installed", by=by, **installation.about)
        response = _page(200, "Sayso is installed", _next_steps(installation))
        response.del_cookie(self._cookie, path="/", httponly=True, samesite="Lax", secure=self._secure)
        return response

    async def _begun(self, http_request: web.Request) -> str | None:
        """The digest of the link with which this browser began what Slack now answers, once; else None."""
        state, browser = http_request.query.get("state", ""), http_request.cookies.get(self._cookie, "")
        if not _SECRET.match(state) or not _SECRET.match(browser):
            return None
        name = f"state/{digest(state)}"
        record = await self._shelf.get(name)
        if record is None or not hmac.compare_digest(json.loads(record)["browser"], digest(browser)):
            return None
        taken = await self._shelf.take(name)
        return None if taken is None else str(json.loads(taken)["link"])


def _next_steps(installation: Installation) -> str:
    return (
        f"The workspace {installation.name} ({installation.id}) is connected. Next: invite the bot to a channel with"
        f" /invite, and give the operator the channel's id; in the policy it is slack:{installation.id}/C…"
    )


def _unavailable(error: SaysoError) -> web.Response:
    response = _page(error.status, "Not installed", UNAVAILABLE)
    if error.retry_after_header is not None:
        response.headers["Retry-After"] = error.retry_after_header
    return response


def _page(status: int, title: str, said: str) -> web.Response:
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<h1>{html.escape(title)}</h1><p>{html.escape(said)}</p></html>\n"
    )
    return web.Response(status=status, text=text, content_type="text/html", headers=HEADERS)
