"""What admins set while everything runs, to and from Redis: live routes, named channels, pauses, notices.

Each is one JSON text that carries its schema version, written without its time: the function that keeps it puts that
in front (``at``, ``since``). A text of a version that this replica does not know is refused, never guessed at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import orjson

from sayso_bot.domain.admin import Admin
from sayso_bot.domain.json import dumps
from sayso_bot.domain.notice import Notice
from sayso_bot.domain.pauses import Pause, Scope
from sayso_bot.domain.request import Moved, from_milliseconds
from sayso_bot.domain.routing import LiveChannel, LiveRoute
from sayso_bot.errors import Unavailable

VERSION = "1"


def milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def route_json(route: LiveRoute) -> bytes:
    until = None if route.until is None else milliseconds(route.until)
    about = {name: getattr(route, name) for name in ("id", "action", "channel", "place", "why")}
    return dumps({"v": VERSION, **about, "until": until, "by": route.by.about()})


def route_of(text: str) -> LiveRoute:
    found = _read(text)
    until = found["until"]
    return LiveRoute(
        id=found["id"],
        action=found["action"],
        channel=found["channel"],
        place=found["place"],
        by=admin_of(found["by"]),
        why=found["why"],
        at=from_milliseconds(found["at"]),
        until=None if until is None else from_milliseconds(until),
    )


def channel_json(channel: LiveChannel) -> bytes:
    about = {name: getattr(channel, name) for name in ("name", "place", "why")}
    return dumps({"v": VERSION, **about, "by": channel.by.about()})


def channel_of(text: str) -> LiveChannel:
    found = _read(text)
    by, at = admin_of(found["by"]), from_milliseconds(found["at"])
    return LiveChannel(found["name"], found["place"], by, found["why"], at)


def pause_json(pause: Pause) -> bytes:
    return dumps(
        {"v": VERSION, "id": pause.id, "scope": str(pause.scope), "by": pause.by.about(), "why": pause.why},
    )


def pause_of(text: str) -> Pause:
    found = _read(text)
    by, since = admin_of(found["by"]), from_milliseconds(found["since"])
    return Pause(found["id"], Scope.parse(found["scope"]), by, found["why"], since)


def book_pause(by: str, why: str, since: str) -> Pause:
    """A pause of the whole book as a version before this one has kept it."""
    return Pause("", Scope(), Admin(by, by, ""), why, from_milliseconds(int(since)))


def admin_of(found: Mapping[str, Any]) -> Admin:
    return Admin(**found)


def moved_json(moved: Moved) -> bytes:
    return dumps({name: getattr(moved, name) for name in Moved.__slots__})


def moved_of(text: str) -> Moved:
    return Moved(**orjson.loads(text))


def notice_json(notice: Notice) -> bytes:
    return dumps({"text": notice.text})


def notice_words(notices: Iterable[tuple[Notice, str]]) -> list[str | bytes]:
    """What ``announce`` in ``prelude.lua`` is given of each notice and its place."""
    return [word for notice, place in notices for word in (notice.id, place, notice_json(notice))]


def notice_of(record: Mapping[str, str]) -> Notice:
    return Notice(record["id"], orjson.loads(record["notice"])["text"])


def _read(text: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(text)
    if found["v"] != VERSION:
        raise Unavailable("A newer version of Sayso set what is in force here. Upgrade this replica.")
    return found
