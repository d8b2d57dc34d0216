"""The way in: one application with all routes, and what every call passes, whoever answers it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from time import perf_counter
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from sayso_bot.domain.hosts import is_loopback
from sayso_bot.errors import Internal, SaysoError, WrongHost
from sayso_bot.http.auth import KNOWN_HOST
from sayso_bot.http.health import Metrics
from sayso_bot.http.problems import OUR_FAULT, Problems
from sayso_bot.http.table import Handler, Table
from sayso_bot.ports import Log

MAX_BODY_BYTES = 1024 * 1024
HOSTS_REMEMBERED = 256
_PROBES = ("/livez", "/readyz")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?\Z")


class Entrance:
    """``app`` is where routes are added. Bodies are bounded by `MAX_BODY_BYTES`; each route may bound its own further.

    It has no middlewares: what they would do for every call is done here, at a third of the cost.
    """

    def __init__(self, public_url: str, log: Log, metrics: Metrics) -> None:
        self.app = web.Application(client_max_size=MAX_BODY_BYTES)
        self._admit = _known_host(public_url)
        self._log = log
        self._problems = Problems(log, metrics.refused)
        self._metrics = metrics

    def opened(self) -> Handler:
        """Who answers calls, once all routes are there. Raises `web.HTTPException` and what hanging up raises."""
        table = Table(self.app.router)

        async def answer(http_request: web.Request) -> web.StreamResponse:
            start = perf_counter()
            found = table.known(http_request) or await table.walk(http_request)
            http_request._match_info = found.match
            if hdrs.EXPECT in http_request.headers:
                await found.match.expect_handler(http_request)
            try:
                self._admit(http_request)
                answered = await found.handler(http_request)
            except (SaysoError, web.HTTPException, web.RequestPayloadError) as error:
                answered = self._problems.told(error)
            except ConnectionError:
                raise
            except Exception:  # noqa: BLE001 - whatever a handler's bug raises, its caller is answered
                self._log.exception("http_failed", path=http_request.path, method=http_request.method)
                answered = self._problems.told(Internal(OUR_FAULT))
            self._metrics.answered(found.name, answered.status, perf_counter() - start)
            return answered

        return answer


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
        known = http_request[KNOWN_HOST] = is_known(http_request.headers.get(hdrs.HOST, ""))
        if not known and http_request.path not in _PROBES:
            raise WrongHost("Sayso does not answer to this host name; SAYSO_PUBLIC_URL says to which it does.")

    return known_host


def _host_name(header: str) -> str | None:
    """The name in a Host header, or None for what is no host and port."""
    found = _HOST.match(header)
    return found[1].strip("[]").lower() if found else None
