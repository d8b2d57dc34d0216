"""The calls of admins' programs: translate, call the office, answer.

Only a key that is an admin's, and no agent's, is let in; whoever else proves a key is refused and goes on the record.
Routes and channels have one version, their ``ETag``; a change of them names the version that was seen (``If-Match``).
A call is repeated safely under its ``Idempotency-Key``.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel

from sayso_bot.domain.admin import Caller
from sayso_bot.domain.deeds import (
    Call,
    Deed,
    Done,
    ForgetChannel,
    KeyMade,
    MovedAlong,
    NameChannel,
    Resume,
    RevokeKey,
    RotateKey,
    TestChannel,
    UndoRoute,
)
from sayso_bot.domain.idempotency import HEADER, idempotency_key
from sayso_bot.domain.pauses import Pause
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.errors import InvalidField, NotFound
from sayso_bot.http.admin_schemas import (
    MakeKeyBody,
    MoveAllBody,
    MoveBody,
    NameChannelBody,
    PauseBody,
    RotateBody,
    SetRouteBody,
    channel_out,
    effect_out,
    key_out,
    made_out,
    moved_out,
    pause_out,
    route_out,
    seconds_of,
)
from sayso_bot.http.admins_only import AdminsOnly
from sayso_bot.http.answer import answer_json
from sayso_bot.http.intake import only, read_json, read_nothing
from sayso_bot.http.preconditions import if_match, no_match
from sayso_bot.http.routes import limit_of, request_id_of
from sayso_bot.http.schemas import read
from sayso_bot.ports import OfficeFace, Overview

_ETAG = re.compile(r"routes-([0-9]{1,15})\Z")
_KEY_ID = re.compile(r"key_[0-9a-f]{16}\Z")
_NOTHING = "Nothing was changed."
Body = TypeVar("Body", bound=BaseModel)


class AdminRoutes:
    def __init__(self, office: OfficeFace, admins_only: AdminsOnly) -> None:
        self._office = office
        self._admins_only = admins_only

    def add_to(self, router: web.UrlDispatcher) -> None:
        for method, path, handler in (
            ("GET", "routes", self.routes),
            ("POST", "routes", self.set_route),
            ("POST", "previews/route", self.preview_route),
            ("DELETE", "routes/{id}", self.undo_route),
            ("GET", "channels", self.channels),
            ("PUT", "channels/{name}", self.name_channel),
            ("DELETE", "channels/{name}", self.forget_channel),
            ("POST", "channels/{name}/test", self.test_channel),
            ("GET", "pauses", self.pauses),
            ("POST", "pauses", self.pause),
            ("POST", "previews/pause", self.preview_pause),
            ("DELETE", "pauses/{id}", self.resume),
            ("GET", "keys", self.keys),
            ("POST", "keys", self.make_key),
            ("POST", "keys/{id}/rotate", self.rotate_key),
            ("DELETE", "keys/{id}", self.revoke_key),
            ("POST", "requests/{id}/move", self.move),
            ("POST", "moves", self.move_all),
        ):
            router.add_route(method, f"/v1/admin/{path}", self._admins_only(handler))

    # ------------------------------------------------------------------ routes

    async def routes(self, caller: Caller, http_request: web.Request) -> web.Response:
        only(http_request.query, ())
        found = await self._office.overview(caller)
        items = [route_out(now.route, now) for now in found.routes]
        return answer_json({"items": items}, headers=_etag(found.version))

    async def set_route(self, caller: Caller, http_request: web.Request) -> web.Response:
        version, body = _version(http_request), await _body(SetRouteBody, http_request)
        done = await self._do(body.deed(), caller, http_request, version=version, confirmed=body.confirm)
        if not isinstance(done.thing, LiveRoute):
            raise NotFound("That route was set, and has been undone or replaced since.")
        return _answer(done, route_out(done.thing), made=True, headers=_etag(done.version))

    async def preview_route(self, caller: Caller, http_request: web.Request) -> web.Response:
        only(http_request.query, ())
        effect = await self._office.preview((await _body(SetRouteBody, http_request)).deed(), caller)
        return answer_json(effect_out(effect), headers=_etag(effect.version))

    async def undo_route(self, caller: Caller, http_request: web.Request) -> web.Response:
        version = _version(http_request)
        await _no_body(http_request)
        deed = UndoRoute(http_request.match_info["id"])
        done = await self._do(deed, caller, http_request, version=version)
        return _answer(done, {"said": done.said}, headers=_etag(done.version))

    # ------------------------------------------------------------------ channels

    async def channels(self, caller: Caller, http_request: web.Request) -> web.Response:
        only(http_request.query, ())
        found = await self._office.overview(caller)
        return answer_json({"items": list(map(channel_out, found.channels))}, headers=_etag(found.version))

    async def name_channel(self, caller: Caller, http_request: web.Request) -> web.Response:
        version, body = _version(http_request), await _body(NameChannelBody, http_request)
        deed = NameChannel(http_request.match_info["name"], body.place, body.reason)
        done = await self._do(deed, caller, http_request, version=version)
        return await self._channel(caller, deed.name, done)

    async def forget_channel(self, caller: Caller, http_request: web.Request) -> web.Response:
        version = _version(http_request)
        await _no_body(http_request)
        deed = ForgetChannel(http_request.match_info["name"])
        done = await self._do(deed, caller, http_request, version=version)
        return _answer(done, {"said": done.said}, headers=_etag(done.version))

    async def test_channel(self, caller: Caller, http_request: web.Request) -> web.Response:
        _unversioned(http_request)
        await _no_body(http_request)
        done = await self._do(TestChannel(http_request.match_info["name"]), caller, http_request)
        return answer_json({"said": done.said})

    async def _channel(self, caller: Caller, name: str, done: Done) -> web.Response:
        found: Overview = await self._office.overview(caller)
        channel = next((each for each in found.channels if each.name == name), None)
        if channel is None:
            raise NotFound("That channel was named, and has been forgotten since.")
        return _answer(done, channel_out(channel), made=True, headers=_etag(done.version))

    # ------------------------------------------------------------------ pauses

    async def pauses(self, caller: Caller, http_request: web.Request) -> web.Response:
        only(http_request.query, ())
        found = await self._office.overview(caller)
        return answer_json({"items": list(map(pause_out, found.pauses))})

    async def pause(self, caller: Caller, http_request: web.Request) -> web.Response:
        _unversioned(http_request)
        body = await _body(PauseBody, http_request)
        done = await self._do(body.deed(), caller, http_request, confirmed=body.confirm)
        if not isinstance(done.thing, Pause):
            raise NotFound("That is paused by an earlier version of Sayso, of which nothing is known here.")
        return _answer(done, pause_out(done.thing), made=True)

    async def preview_pause(self, caller: Caller, http_request: web.Request) -> web.Response:
        only(http_request.query, ())
        effect = await self._office.preview((await _body(PauseBody, http_request)).deed(), caller)
        return answer_json(effect_out(effect))

    async def resume(self, caller: Caller, http_request: web.Request) -> web.Response:
        _unversioned(http_request)
        await _no_body(http_request)
        done = await self._do(Resume(http_request.match_info["id"]), caller, http_request)
        return _answer(done, {"said": done.said})

    # ------------------------------------------------------------------ keys

    async def keys(self, caller: Caller, http_request: web.Request) -> web.Response:
        """Valid ones first. The cursor is the id with which a page ended."""
        query = http_request.query
        only(query, ("cursor", "limit"))
        cursor, limit = query.get("cursor"), limit_of(query.get("limit"))
        keys = (await self._office.overview(caller)).keys
        start = 0
        if cursor is not None:
            start = next((number for number, now in enumerate(keys, 1) if now.key.id == cursor), -1)
            if start < 0:
                raise InvalidField("cursor must be the next_cursor of an earlier page.", field="cursor")
        page = keys[start : start + limit]
        following = page[-1].key.id if page and start + limit < len(keys) else None
        items = [key_out(now.key, now.last_used) for now in page]
        return answer_json({"items": items, "next_cursor": following})

    async def make_key(self, caller: Caller, http_request: web.Request) -> web.Response:
        _unversioned(http_request)
        deed = (await _body(MakeKeyBody, http_request)).deed()
        return _made(await self._do(deed, caller, http_request))

    async def rotate_key(self, caller: Caller, http_request: web.Request) -> web.Response:
        _unversioned(http_request)
        body = await _body(RotateBody, http_request)
        deed = RotateKey(_key_id(http_request), seconds_of(body.overlap, "overlap"))
        return _made(await self._do(deed, caller, http_request))

    async def revoke_key(self, caller: Caller, http_request: web.Request) -> web.Response:
        _unversioned(http_request)
        await _no_body(http_request)
        done = await self._do(RevokeKey(_key_id(http_request)), caller, http_request)
        return answer_json({"said": done.said})

    # ------------------------------------------------------------------ moves

    async def move(self, caller: Caller, http_request: web.Request) -> web.Response:
        _unversioned(http_request)
        body = await _body(MoveBody, http_request)
        deed = body.deed(request_id_of(http_request))
        return _moved(await self._do(deed, caller, http_request, confirmed=body.confirm))

    async def move_all(self, caller: Caller, http_request: web.Request) -> web.Response:
        _unversioned(http_request)
        body = await _body(MoveAllBody, http_request)
        return _moved(await self._do(body.deed_of_all(), caller, http_request, confirmed=body.confirm))

    async def _do(
        self,
        deed: Deed,
        caller: Caller,
        http_request: web.Request,
        *,
        version: int | None = None,
        confirmed: bool = False,
    ) -> Done:
        only(http_request.query, ())
        named = idempotency_key(http_request.headers.getall(HEADER, []))
        operation = f"api:{caller.id}:{named or secrets.token_hex(16)}"
        return await self._office.do(deed, caller, Call(operation, version, confirmed, claimed=named is not None))


def _answer(done: Done, value: object, *, made: bool = False, headers: Mapping[str, str] | None = None) -> web.Response:
    told = {**(headers or {}), **({"Idempotent-Replayed": "true"} if done.replayed else {})}
    return answer_json(value, status=201 if made and not done.replayed else 200, headers=told)


def _made(done: Done) -> web.Response:
    if not isinstance(done.thing, KeyMade):
        raise NotFound("There is no such key.")
    return _answer(done, made_out(done.thing), made=True)


def _moved(done: Done) -> web.Response:
    thing: Any = done.thing
    return _answer(done, moved_out(thing if isinstance(thing, MovedAlong) else MovedAlong("", (), 0)))


def _etag(version: int) -> Mapping[str, str]:
    return {"ETag": f'"routes-{version}"'}


def _version(http_request: web.Request) -> int | None:
    """The version that the caller has seen; None for ``*``. Raises as `if_match` does.

    Of several tags only one can have been a version of routes, and whoever names two has not looked.
    """
    tags = if_match(http_request)
    if tags is None:
        return None
    found = _ETAG.match(next(iter(tags))) if len(tags) == 1 else None
    if found is None:
        raise no_match()
    return int(found[1])


def _unversioned(http_request: web.Request) -> None:
    """What is changed has no version, so no ETag can be that of it (RFC 9110). Raises `ChangedMeanwhile`."""
    if http_request.headers.getall("If-Match", ["*"]) != ["*"]:
        raise no_match()


async def _body(model: type[Body], http_request: web.Request) -> Body:
    return read(model, await read_json(http_request), _NOTHING)


async def _no_body(http_request: web.Request) -> None:
    only(http_request.query, ())
    await read_nothing(http_request)


def _key_id(http_request: web.Request) -> str:
    key_id = http_request.match_info["id"]
    if not _KEY_ID.match(key_id):
        raise NotFound(f"There is no key with this id. {_NOTHING}")
    return key_id
