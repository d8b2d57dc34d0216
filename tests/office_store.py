"""What an admin has done to a book, at the store itself: for tests of what comes of it."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from sayso_bot.domain.admin import Admin
from sayso_bot.domain.notice import Notice
from sayso_bot.domain.pauses import Pause, Scope
from sayso_bot.domain.request import Moved, Request
from sayso_bot.domain.routing import LiveChannel, LiveRoute
from sayso_bot.ports import Epochs, PauseAnswer, PlaceChange, PlacesAnswer
from sayso_bot.store.redis import RedisStore

OLGA = Admin("email:olga@example.com", "Olga", "inbox", "email:olga@example.com")
OPS = "slack:C0OPS"
AT = datetime(2026, 11, 24, tzinfo=UTC)


async def paused(
    store: RedisStore, scope: str = "everything", operation: str = "p1", *, why: str = "an incident", **more: Any
) -> PauseAnswer:
    pause = Pause(more.pop("pause_id", f"pause_{secrets.token_hex(8)}"), Scope.parse(scope), OLGA, why, AT)
    given: dict[str, Any] = {"notices": (), "epochs": None} | more
    return await store.office.pause(pause, operation=operation, **given)


async def resumed(
    store: RedisStore, scope: str = "everything", operation: str = "r1", *, pause_id: str = "", **more: Any
) -> PauseAnswer:
    given: dict[str, Any] = {"notices": (), "epochs": None} | more
    return await store.office.resume(pause_id, Scope.parse(scope), OLGA, None, operation=operation, **given)


def a_route(action: str, place: str = OPS, **more: Any) -> LiveRoute:
    given: dict[str, Any] = {"id": f"route_{secrets.token_hex(8)}", "channel": "ops", "why": "they are away"} | more
    return LiveRoute(action=action, place=place, by=OLGA, at=AT, **given)


def setting(thing: LiveRoute | LiveChannel) -> PlaceChange:
    if isinstance(thing, LiveRoute):
        return PlaceChange(thing.id, thing, "routes", "route_set", {"after": thing.action})
    return PlaceChange(thing.name, thing, "channels", "channel_named", {"after": thing.name})


def removing(thing: LiveRoute) -> PlaceChange:
    return PlaceChange(thing.id, None, "routes", "route_undone", {"before": thing.action})


async def changed(
    store: RedisStore,
    *changes: PlaceChange,
    version: int | None = None,
    operation: str = "",
    notices: tuple[tuple[Notice, str], ...] = (),
    epochs: Epochs | None = None,
) -> PlacesAnswer:
    what = changes[-1].name if changes else ""
    operation = operation or secrets.token_hex(8)
    return await store.office.change_places(
        changes, notices, version=version, what=what, operation=operation, epochs=epochs
    )


async def taken_along(store: RedisStore, request: Request, to: str, **more: Any) -> str:
    given: dict[str, Any] = {"button": "" if to == "inbox" else f"btn_{secrets.token_hex(8)}", "epochs": None} | more
    moved = Moved(given.pop("channel", "ops"), "Olga", "they are away")
    operation = given.pop("operation", secrets.token_hex(8))
    return await store.office.take_along(request, to, given.pop("button"), moved, OLGA, operation=operation, **given)
