"""How pages are drawn and sent: templates that escape, assets named by their content, headers that leave no gap.

Nothing on a page comes from elsewhere and nothing in it runs but the files of ``static``, so markup that slipped in
would still do nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from sayso_adapters.inbox.sessions import Session, utc_now
from sayso_bot.domain.policy import format_duration
from sayso_bot.domain.request import rfc3339
from sayso_bot.errors import NotFound, SaysoError

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    # Not no-referrer: with it, browsers send forms with `Origin: null`, which the gate could not tell from a forgery.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_MOST_BREAKS = 32
_BREAKS = re.compile(r"(?<=[._:/\-\]])")


class Assets:
    """The files of ``static``, in memory. Their address holds a digest of all, so they may be cached for ever."""

    def __init__(self) -> None:
        folder = files(__package__) / "static"
        self._files = {
            item.name: item.read_bytes()
            for item in sorted(folder.iterdir(), key=lambda item: item.name)
            if any(item.name.endswith(ending) for ending in _TYPES)
        }
        self.digest = hashlib.sha256(b"".join(self._files.values())).hexdigest()[:16]

    def address(self, name: str) -> str:
        if name not in self._files:
            raise KeyError(name)
        return f"/inbox/static/{self.digest}/{name}"

    async def serve(self, http_request: web.Request) -> web.Response:
        """``GET /inbox/static/{digest}/{name}``; an old digest is answered too, but not kept."""
        name = http_request.match_info["name"]
        if name not in self._files:
            return web.Response(status=404, text="There is no such file.", headers=HEADERS)
        current = http_request.match_info["digest"] == self.digest
        caching = "public, max-age=31536000, immutable" if current else "no-store"
        kind = _TYPES[name[name.rindex(".") :]]
        return web.Response(
            body=self._files[name], content_type=kind, charset="utf-8", headers={**HEADERS, "Cache-Control": caching}
        )


class Looks:
    """Draws the templates."""

    def __init__(self, assets: Assets) -> None:
        self._pages = Environment(
            loader=PackageLoader(__package__ or "", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._pages.globals["asset"] = assets.address
        self._pages.filters.update(instant=rfc3339, zoned=zoned, parts=parts, span=format_duration)

    def page(self, template: str, session: Session | None, *, status: int = 200, **content: Any) -> web.Response:
        """A whole page or a fragment, with all headers."""
        text = self._pages.get_template(template).render(session=session, now=utc_now(), **content)
        return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=HEADERS)

    def error(self, error: SaysoError, session: Session | None) -> web.Response:
        """What a person reads when a page cannot be shown: the sentences of the error, and nothing else of it."""
        title = error.title
        if isinstance(error, NotFound) and "request" in error.detail.lower():
            title = "There is no such request"
        response = self.page("error.html", session, status=error.status, title=title, detail=error.detail)
        response.headers.update(headers_of(error))
        return response


def headers_of(error: SaysoError) -> Mapping[str, str]:
    """All headers of what is answered with ``error``: `HEADERS`, and when to try again where it says so."""
    after = error.retry_after_header
    return HEADERS if after is None else {**HEADERS, "Retry-After": after}


def redirect(location: str) -> web.Response:
    """303 to a path of ours."""
    return web.Response(status=303, headers={**HEADERS, "Location": location})


def zoned(at: datetime) -> str:
    """``23 Nov 2026, 18:32 UTC``: what is read where no script runs."""
    return f"{at.astimezone(UTC):%-d %b %Y, %H:%M} UTC"


def parts(text: str) -> list[str]:
    """``text`` in the parts between which a long name may break: a bounded number, and what is left in the last."""
    return _BREAKS.split(text, maxsplit=_MOST_BREAKS)
