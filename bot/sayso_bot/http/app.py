"""The aiohttp application: one set of middlewares around agents' calls, health and the adapters' routes."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import lru_cache
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from sayso_bot.domain.hosts import is_loopback
from sayso_bot.errors import WrongHost
from sayso_bot.http import problems
from sayso_bot.http.auth import KNOWN_HOST
from sayso_bot.http.health import Metrics
from sayso_bot.ports import Log

MAX_BODY_BYTES = 1024 * 1024
HOSTS_REMEMBERED = 256
_PROBES = ("/livez", "/readyz")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?\Z")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def application(public_url: str, log: Log, metrics: Metrics) -> web.Application:
    """An app without routes. Bodies are bounded by `MAX_BODY_BYTES`; each route may bound its own further."""
    guarded = problems.middleware(log, metrics.refused, _known_host(public_url))
    return web.Application(middlewares=[_measured(metrics), guarded], client_max_size=MAX_BODY_BYTES)


def _measured(metrics: Metrics) -> Any:
    @web.middleware
    async def measured(http_request: web.Request, handler: Handler) -> web.StreamResponse:
        start = perf_counter()
        answer = await handler(http_request)
        resource = http_request.match_info.route.resource
        route = f"{http_request.method} {resource.canonical}" if resource else "none"
        metrics.answered(route, answer.status, perf_counter() - start)
        return answer

    return measured


def _known_host(public_url: str) -> Callable[[web.Request], None]:
    """Answer only to loopback's names and the public one, so that a page elsewhere cannot rebind its name to us.

    Probes come by address; they are told nothing more than yes or no.
    """
    public = urlsplit(public_url).hostname

    @lru_cache(HOSTS_REMEMBERED)
    def is_known(header: str) -> bool:
        host = _host_name(header)
        return host is not None and (host == public or is_loopback(host))

    def known_host(http_request: web.Request) -> None:
        known = http_request[KNOWN_HOST] = is_known(http_request.headers.get("Host", ""))
        if not known and http_request.path not in _PROBES:
            raise WrongHost("Sayso does not answer to this host name; SAYSO_PUBLIC_URL says to which it does.")

    return known_host


def _host_name(header: str) -> str | None:
    """The name in a Host header, or None for what is no host and port."""
    found = _HOST.match(header)
    return found[1].strip("[]").lower() if found else None
