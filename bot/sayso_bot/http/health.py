"""What operators watch: is it alive, is it ready, and how much is there of everything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence, Sized
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from sayso_bot.errors import NotAllowed
from sayso_bot.http.answer import Answer, answer_json
from sayso_bot.http.auth import Admits
from sayso_bot.ports import Totals

LOOK_SECONDS = 0.2
MOST_SERIES = 1000


@dataclass(frozen=True, slots=True)
class Readiness:
    """``problems`` keep a replica out of service; ``warnings`` do not, but somebody should know."""

    problems: Sequence[str]
    warnings: Sequence[str]


class Metrics:
    """All labels come from small fixed sets: routes, statuses and codes, never what an agent sent."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.http = Histogram(
            "sayso_http_seconds", "Calls by route and status; held calls include the hold.", ["route", "status"],
            registry=self.registry, buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60),
        )  # fmt: skip
        self._calls = lru_cache(MOST_SERIES)(self.http.labels)
        self.problems = Counter("sayso_problems", "Problem documents by code.", ["code"], registry=self.registry)
        self.held = Gauge("sayso_held_calls", "Calls that this process holds now.", registry=self.registry)
        self.connections = Gauge("sayso_connections", "Open connections.", registry=self.registry)
        self._closed = Counter(
            "sayso_connections_closed", "Connections ended that their callers had left open, by why (docs/limits.md).",
            ["why"], registry=self.registry,
        )  # fmt: skip
        self._requests = Gauge("sayso_requests", "Requests by status.", ["status"], registry=self.registry)
        self._alarms = Gauge("sayso_alarms", "Cards that cannot be delivered.", registry=self.registry)
        self._doubles = Gauge("sayso_late_doubles", "Second cards that a platform took late.", registry=self.registry)
        self._bytes = Gauge("sayso_request_bytes", "Bytes of all requests kept.", registry=self.registry)
        self._journal = Gauge("sayso_journal_entries", "Entries in the journal.", registry=self.registry)
        self._memory = Gauge("sayso_redis_memory_bytes", "Memory that Redis uses.", registry=self.registry)

    def answered(self, route: str, status: int, seconds: float) -> None:
        self._calls(route, status).observe(seconds)

    def refused(self, code: str) -> None:
        self.problems.labels(code).inc()

    def closed(self, why: str) -> None:
        self._closed.labels(why).inc()

    def watch(self, connections: Sized) -> None:
        self.connections.set_function(lambda: len(connections))

    def text(self, totals: Totals, held: int) -> bytes:
        self.held.set(held)
        for status, count in totals.requests.items():
            self._requests.labels(status).set(count)
        self._alarms.set(totals.alarms)
        self._doubles.set(totals.doubles)
        self._bytes.set(totals.request_bytes)
        self._journal.set(totals.journal_entries)
        self._memory.set(totals.memory_bytes)
        return generate_latest(self.registry)


class HealthRoutes:
    """``operators_only`` admits loopback and admin keys to what tells more than "yes", and any key to the document."""

    def __init__(
        self,
        readiness: Callable[[], Awaitable[Readiness]],
        totals: Callable[[], Awaitable[Totals]],
        held: Callable[[], int],
        metrics: Metrics,
        operators_only: Admits,
        openapi: Callable[[], dict[str, object]],
    ) -> None:
        self._readiness = readiness
        self._look: asyncio.Task[Readiness] | None = None
        self._looked_at = float("-inf")
        self._totals = totals
        self._held = held
        self._metrics = metrics
        self._operators_only = operators_only
        self._openapi = openapi

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/livez", self.livez, allow_head=False)
        router.add_get("/readyz", self.readyz, allow_head=False)
        router.add_get("/metrics", self.metrics, allow_head=False)
        router.add_get("/openapi.json", self.openapi, allow_head=False)

    async def livez(self, _: web.Request) -> web.Response:
        return answer_json({"status": "alive"})

    async def readyz(self, http_request: web.Request) -> web.Response:
        """Anybody is told whether; operators are told why."""
        found = await self._recent_readiness()
        body: dict[str, object] = {"status": "not ready" if found.problems else "ready"}
        with suppress(NotAllowed):
            await self._operators_only(http_request)
            body |= {"problems": list(found.problems), "warnings": list(found.warnings)}
        answer = answer_json(body, status=503 if found.problems else 200)
        if found.problems:
            answer.headers["Retry-After"] = "2"
        return answer

    async def _recent_readiness(self) -> Readiness:
        """One look for all who ask within `LOOK_SECONDS`: probes need no key, so they must cost next to nothing."""
        now = asyncio.get_running_loop().time()
        if self._look is None or now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            self._look = asyncio.ensure_future(self._readiness())
        return await asyncio.shield(self._look)

    async def metrics(self, http_request: web.Request) -> web.Response:
        await self._operators_only(http_request)
        body = self._metrics.text(await self._totals(), self._held())
        return Answer(body, CONTENT_TYPE_LATEST)

    async def openapi(self, http_request: web.Request) -> web.Response:
        await self._operators_only(http_request, any_key=True)
        return answer_json(self._openapi())
