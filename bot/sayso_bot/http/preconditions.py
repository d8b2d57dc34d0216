"""``If-Match``: which state of a thing the caller has seen who wants to change it (RFC 9110)."""

from __future__ import annotations

import re

from aiohttp import web

from sayso_bot.errors import ChangedMeanwhile, PreconditionRequired

_NOTHING = "Nothing was changed."
_TAGS = re.compile(r'\s*(W/)?"([\x21\x23-\x7e]*)"\s*(?:,|\Z)')


def if_match(http_request: web.Request) -> frozenset[str] | None:
    """The tags of ``If-Match``; None for ``*``. Weak ones match nothing.

    Raises `PreconditionRequired`, `ChangedMeanwhile` for what is no list of tags.
    """
    sent = ", ".join(http_request.headers.getall("If-Match", []))
    if not sent.strip():
        raise PreconditionRequired(
            f"Send the ETag of what you have seen as If-Match, so that nobody is overwritten. {_NOTHING}",
            field="If-Match",
        )
    if sent.strip() == "*":
        return None
    tags, at = set[str](), 0
    while at < len(sent):
        found = _TAGS.match(sent, at)
        if found is None:
            raise no_match()
        if not found[1]:
            tags.add(found[2])
        at = found.end()
    return frozenset(tags)


def no_match() -> ChangedMeanwhile:
    return ChangedMeanwhile(f"If-Match names no state that is in force. {_NOTHING} Look again.", field="If-Match")
