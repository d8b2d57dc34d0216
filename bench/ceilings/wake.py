"""The ceiling of waking: an aiohttp handler that holds a call on an event, woken by one redis-py subscription.

No key, no request, no read from a store. ``python -m bench.ceilings.wake PORT REDIS_URL`` listens until it is ended;
who publishes an id on ``settled`` wakes the call that holds ``/hold/ID``.
"""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web
from redis.asyncio import Redis

from bench.ceilings.serving import serve


async def application(url: str) -> web.Application:
    redis = Redis.from_url(url, decode_responses=True)
    holds: dict[str, asyncio.Event] = {}

    async def hold(http_request: web.Request) -> web.Response:
        request_id = http_request.match_info["id"]
        event = holds[request_id] = asyncio.Event()
        try:
            await event.wait()
        finally:
            del holds[request_id]
        return web.json_response({"id": request_id, "status": "approved"})

    async def held(_: web.Request) -> web.Response:
        return web.Response(text=f"sayso_held_calls {len(holds)}\n")

    async def listen(_: web.Application) -> None:
        subscription = redis.pubsub()
        await subscription.subscribe("settled")
        listening.append(asyncio.create_task(wake(subscription.listen())))

    async def wake(messages: object) -> None:
        async for message in messages:  # type: ignore[attr-defined]
            if message["type"] == "message" and (event := holds.get(message["data"])):
                event.set()

    listening: list[asyncio.Task[None]] = []
    app = web.Application()
    app.router.add_get("/hold/{id}", hold)
    app.router.add_get("/metrics", held)
    app.on_startup.append(listen)
    return app


if __name__ == "__main__":
    asyncio.run(serve(application(sys.argv[2]), int(sys.argv[1])))
