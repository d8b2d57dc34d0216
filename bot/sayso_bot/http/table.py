"""Finds who answers a call: at once for the paths that callers really use, by aiohttp's router for all others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp import web

Found: TypeAlias = web.UrlMappingMatchInfo


@dataclass(frozen=True, slots=True)
class _Below:
    """A route whose path ends with its only variable."""

    route: web.AbstractRoute
    pattern: re.Pattern[str]


class Table:
    """All routes of ``router``, which get no more: by method and path, or by method and what stands before the last
    part of it, where that part is their only variable.

    aiohttp walks its routes for each call and makes everything anew. What is not found here (a path that is written
    otherwise than it was declared, another method, a path with several variables) is left to it.
    """

    def __init__(self, router: web.UrlDispatcher) -> None:
        self._router = router
        self._whole: dict[tuple[str, str], Found] = {}
        self._below: dict[tuple[str, str], _Below] = {}
        for resource in router.resources():
            for route in resource:
                self._add(resource, route)

    def _add(self, resource: web.AbstractResource, route: web.AbstractRoute) -> None:
        path = resource.canonical
        if isinstance(resource, web.PlainResource):
            self._whole.setdefault((route.method, path), Found({}, route))
        elif isinstance(resource, web.DynamicResource) and path.count("{") == 1 and path.endswith("}"):
            above = (route.method, path.rpartition("/")[0])
            self._below.setdefault(above, _Below(route, resource.get_info()["pattern"]))

    async def find(self, http_request: web.Request) -> Found:
        method, path = http_request.method, http_request.raw_path.partition("?")[0]
        if (found := self._whole.get((method, path))) is not None:
            return found
        below = self._below.get((method, path.rpartition("/")[0]))
        if below is not None and "%" not in path and (match := below.pattern.fullmatch(path)):
            return Found(match.groupdict(), below.route)
        return await self._router.resolve(http_request)
