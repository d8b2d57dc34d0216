"""Routes: how long a live route takes until a second replica asks by it.

Two replicas, each a process of its own, on one Redis. An admin's program sets a route at one of them, and undoes it; an
agent asks at the other one, again and again, from when the change is sent until its request is asked elsewhere.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from bench.processes import Shares, program
from bench.rows import Row
from bench.scale import Progress, Scale, cores
from bench.workload import ACTION, POLICY, UNBOUNDED, Serving
from fakes.slack import FakeSlack
from redis_server import RedisServer, free_port
from sayso_bot.domain.key import Kind
from sayso_bot.opening import opened_book
from sayso_bot.settings import Settings
from sayso_bot.telemetry import logger
from service import a_key

AT_MOST_SECONDS = 1.0
PATIENCE_SECONDS = 30.0
ASKED = {"action": ACTION, "params": {"amount": 1.5, "order": "A-1"}}


async def rows(scale: Scale, progress: Progress) -> list[Row]:
    progress.begin("routes", scale.changes)
    async with _replicas() as (admin, agent, shares):
        took = []
        for number in range(scale.changes):
            took.append(await _change(admin, agent, sets=number % 2 == 0))
            progress.step(f"{took[-1] * 1000:.0f} ms")
        cpu_share = shares.so_far()
    return [
        Row(
            "a route change reaches a second replica: the longest",
            round(max(took), 3),
            "s",
            at_most=AT_MOST_SECONDS,
            whole=scale.is_whole,
            measured_at={
                "changes": scale.changes,
                "cores": cores(),
                "cpu_share": cpu_share,
                "ms": [round(seconds * 1000) for seconds in took],
            },
        )
    ]


async def _change(admin: httpx.AsyncClient, agent: httpx.AsyncClient, *, sets: bool) -> float:
    """Set or undo the route; seconds from sending that until the other replica was seen to ask by it."""
    listed = await admin.get("/v1/admin/routes")
    version, routes = {"If-Match": listed.headers["ETag"]}, listed.json()["items"]
    begun = time.perf_counter()
    if sets:
        call = admin.post("/v1/admin/routes", json={"action": ACTION, "channel": "inbox"}, headers=version)
    else:
        call = admin.delete(f"/v1/admin/routes/{routes[0]['id']}", headers=version)
    changing = asyncio.ensure_future(call)
    while True:
        asked = (await agent.post("/v1/requests", json=ASKED)).json()
        seen = time.perf_counter() - begun
        if (asked.get("asked_in") == "inbox") is sets:
            break
        if seen > PATIENCE_SECONDS:
            raise RuntimeError(f"the route did not arrive: {asked}")
    answer = await changing
    if answer.status_code >= 300:
        raise RuntimeError(f"the route was not changed: {answer.text}")
    return seen


@asynccontextmanager
async def _replicas() -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient, Shares]]:
    """An admin's program at one replica and an agent at the other."""
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(RedisServer())
        slack_port = free_port()
        await stack.enter_async_context(program("bench.slack", slack_port))
        clients, pids = [], {}
        for name, kind in (("admin", "admin"), ("agent", "agent")):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sb-", ignore_cleanup_errors=True)))
            (folder / "policy.yaml").write_text(POLICY)
            environ = {
                "SAYSO_POLICY": str(folder / "policy.yaml"),
                "SAYSO_REDIS_URL": redis.url,
                "SAYSO_SECRET": "A" * 43 + "=",
                **FakeSlack(port=slack_port).settings(),
            }
            process = stack.enter_context(Serving(folder, environ))
            pids[name] = process.pid
            headers = {"Authorization": f"Bearer {await _key(process, kind)}"}  # type: ignore[arg-type]
            client = httpx.AsyncClient(base_url=process.url, headers=headers, timeout=20, trust_env=False)
            clients.append(await stack.enter_async_context(client))
        yield clients[0], clients[1], Shares(**pids)


async def _key(process: Serving, kind: Kind) -> str:
    key, secret = a_key("bench", kinds=frozenset({kind}), quotas=UNBOUNDED)
    async with opened_book(Settings.load(process.environ), logger("bench")) as store:
        await store.put_key(key, "key_created")
    return secret
