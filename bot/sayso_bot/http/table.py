"""Finds who answers a call: at once for the paths that callers really use, by aiohttp's router for all others."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from aiohttp import web

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Found:
    """``name`` is the method and the path as it was declared, or ``none``: never what a caller wrote."""

    handler: Handler
    name: str
    match: web.UrlMappingMatchInfo


@dataclass(frozen=True, slots=True)
class _Below:
    """A route whose path ends with its only variable."""

    route: web.AbstractRoute
    name: str
    pattern: re.Pattern[str]


class Table:
    """All routes of ``router``, which gets no more: by method and path, or by method and what stands before the last
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
        path, name = resource.canonical, _name(route)
        if isinstance(resource, web.PlainResource):
            found = Found(route.handler, name, web.UrlMappingMatchInfo({}, route))
            self._whole.setdefault((route.method, path), found)
        elif isinstance(resource, web.DynamicResource) and path.count("{") == 1 and path.endswith("}"):
            above = (route.method, path.rpartition("/")[0])
            self._below.setdefault(above, _Below(route, name, resource.get_info()["pattern"]))

    def known(self, http_request: web.Request) -> Found | None:
        """Who answers, where no walk is needed."""
        method, path = http_request.method, http_request.raw_path.partition("?")[0]
        if (found := self._whole.get((method, path))) is not None:
            return found
        below = self._below.get((method, path.rpartition("/")[0]))
        if below is not None and "%" not in path and (match := below.pattern.fullmatch(path)):
            return Found(below.route.handler, below.name, web.UrlMappingMatchInfo(match.groupdict(), below.route))
        return None

    async def walk(self, http_request: web.Request) -> Found:
        """Who answers, by aiohttp's router."""
        resolved = await self._router.resolve(http_request)
        return Found(resolved.handler, _name(resolved.route), resolved)


def _name(route: web.AbstractRoute) -> str:
    return f"{route.method} {route.resource.canonical}" if route.resource else "none"
