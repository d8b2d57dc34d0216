"""The way in for admins' programs, to whatever they call.

A caller that hangs up ends its call (`connection`). A change would be left halfway by that, so one that has begun is
carried to its end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from aiohttp import web

from sayso_bot.domain.admin import Caller
from sayso_bot.domain.bucket import Buckets
from sayso_bot.domain.key import Key
from sayso_bot.http.agent_face import too_often
from sayso_bot.http.carried import carried
from sayso_bot.ports import OfficeFace

Proved: TypeAlias = Callable[[Caller, web.Request], Awaitable[web.Response]]
AdminsOnly: TypeAlias = Callable[[Proved], Callable[[web.Request], Awaitable[web.Response]]]


def admins_only(
    office: OfficeFace, authenticate: Callable[[web.Request], Awaitable[Key]], buckets: Buckets
) -> AdminsOnly:
    """Handlers for callers whose key is an admin's. ``authenticate`` proves the key, and ``office`` that it
    administers. Each call takes from the key's bucket in this process.
    """

    def proved(handler: Proved) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(http_request: web.Request) -> web.Response:
            key = await authenticate(http_request)
            if wait := buckets.take(key.id, key.quotas.rate, key.quotas.burst):
                raise too_often(wait)
            caller = Caller("api", key=key, place=http_request.remote or "")
            await office.prove(caller)
            return await carried(handler(caller, http_request))

        return answer

    return proved
