"""Who is at the page, and whether a form was really sent from it.

A session lies in one cookie, out of reach of scripts and, behind https, bound to this host and encrypted transport.
A form counts only when it carries its session's token and the browser says that it was sent from this site; either
alone would do against a forged form, both are asked. GET changes nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from sayso_adapters.inbox.forms import Bounds, Sent, read_form, read_parts
from sayso_adapters.inbox.sessions import Session, Sessions
from sayso_adapters.multiparts import Part
from sayso_bot.domain.request import REQUEST_ID
from sayso_bot.errors import Forbidden

_DESTINATION_SECONDS = 15 * 60


class Gate:
    """Cookies and forms of the inbox at ``public_url``."""

    def __init__(self, sessions: Sessions, public_url: str) -> None:
        address = urlsplit(public_url)
        self.sessions = sessions
        self._origin = f"{address.scheme}://{address.netloc}".lower()
        self._secure = address.scheme == "https"
        # Cookies do not know ports: two services on one loopback host would sign each other's people out.
        stem = "__Host-sayso" if self._secure else f"sayso-{address.port or 80}"
        self._session_cookie = stem
        self._destination_cookie = f"{stem}-next"

    async def session(self, http_request: web.Request, *, use: bool) -> Session | None:
        """The living session of this call's cookie; ``use`` counts the call as the person's own doing."""
        cookie = http_request.cookies.get(self._session_cookie)
        return await self.sessions.find(cookie, use=use) if cookie else None

    async def form(
        self, http_request: web.Request, session: Session | None = None, *, bounds: Bounds | None = None
    ) -> Sent:
        """The fields of a form that was sent from this site, and from a page of ``session`` where one is given.

        Raises `Forbidden` for any other, and as `read_form` does.
        """
        self._check_origin(http_request)
        fields = await read_form(http_request, bounds or Bounds())
        if session:
            _check_token(fields, session)
        return fields

    async def parts(
        self,
        http_request: web.Request,
        session: Session,
        bounds: Bounds,
        keep: Callable[[str, Part, Sent], Awaitable[str | None]],
    ) -> Sent:
        """The same for a form with files, each of which is given to ``keep`` as `read_parts` says."""
        self._check_origin(http_request)
        return await read_parts(http_request, bounds, lambda fields: _check_token(fields, session), keep)

    def admit(self, response: web.StreamResponse, cookie: str, seconds: int) -> None:
        self._set(response, self._session_cookie, cookie, seconds)

    def dismiss(self, response: web.StreamResponse) -> None:
        self._drop(response, self._session_cookie)

    def wanted(self, http_request: web.Request) -> str | None:
        """The request that this call is about."""
        request_id = http_request.match_info.get("id", "")
        return request_id if REQUEST_ID.match(request_id) else None

    def remember_destination(self, request_id: str, response: web.StreamResponse) -> None:
        """Keep which request a signed-out person wanted to see, until they have signed in (perhaps in a new tab)."""
        self._set(response, self._destination_cookie, request_id, _DESTINATION_SECONDS)

    def destination(self, http_request: web.Request) -> str:
        """Where to go after signing in: the remembered request or the list, and nowhere else."""
        request_id = http_request.cookies.get(self._destination_cookie, "")
        return f"/inbox/requests/{request_id}" if REQUEST_ID.match(request_id) else "/inbox"

    def forget_destination(self, response: web.StreamResponse) -> None:
        self._drop(response, self._destination_cookie)

    def _check_origin(self, http_request: web.Request) -> None:
        origin = http_request.headers.get("Origin")
        site = http_request.headers.get("Sec-Fetch-Site")
        ours = origin is not None and (origin.lower() == self._origin or _host_of(origin) == http_request.host.lower())
        if (origin is not None and not ours) or site not in (None, "same-origin") or (origin is None and site is None):
            raise Forbidden("This form was not sent from the inbox. Nothing was changed.")

    def _set(self, response: web.StreamResponse, name: str, value: str, seconds: int) -> None:
        response.set_cookie(name, value, max_age=seconds, path="/", httponly=True, samesite="Lax", secure=self._secure)

    def _drop(self, response: web.StreamResponse, name: str) -> None:
        response.del_cookie(name, path="/", httponly=True, samesite="Lax", secure=self._secure)


def _check_token(fields: Sent, session: Session) -> None:
    if not hmac.compare_digest(fields.get("csrf").encode(), session.csrf.encode()):
        raise Forbidden("This form is not from your session. Nothing was changed. Open the page again and retry.")


def _host_of(origin: str) -> str | None:
    """Host and port of an Origin, or None for what is no address."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None
