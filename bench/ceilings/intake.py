"""The ceiling of intake: an aiohttp handler that checks a body with pydantic and stores it with one EVALSHA.

No key, no policy, no rate limit, no fingerprint, no journal, no outbox, no metrics. ``python -m bench.ceilings.intake
PORT REDIS_URL`` listens until it is ended.
"""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field
from redis.asyncio import Redis

from bench.ceilings.serving import serve

STORE = """
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'status', 'pending', 'created_at', ARGV[2], 'body', ARGV[3])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return ARGV[1]
"""


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    action: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:/-]{1,128}$")]
    params: dict[str, Any]
    summary: Annotated[str | None, Field(max_length=2_000)] = None
    reasoning: Annotated[str | None, Field(max_length=100_000)] = None


async def application(url: str) -> web.Application:
    redis = Redis.from_url(url, decode_responses=True)
    stored = await redis.script_load(STORE)

    async def submit(http_request: web.Request) -> web.Response:
        body = Body.model_validate_json(await http_request.read())
        request_id = f"req_{uuid.uuid4()}"
        now = int(time.time() * 1000)
        await redis.evalsha(stored, 2, f"request:{request_id}", "pending", request_id, str(now), body.model_dump_json())
        made = {"id": request_id, "status": "pending", "action": body.action, "params": body.params, "created_at": now}
        return web.json_response(made, status=201)

    app = web.Application()
    app.router.add_post("/v1/requests", submit)
    return app


if __name__ == "__main__":
    asyncio.run(serve(application(sys.argv[2]), int(sys.argv[1])))
