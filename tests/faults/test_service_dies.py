"""kill -9 of the service or of its embedded Redis: an agent that sends the same key again goes on where it was."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import httpx
import pytest

from service import ServiceProcess, until

ASK = {"action": "payments.refund", "params": {"order": "A-1"}}


def _redis_of(process: ServiceProcess) -> int:
    [record] = (process.folder / "d" / "redis").glob("*.json")
    return int(json.loads(record.read_text())["pid"])


async def test_a_killed_service_adopts_its_redis_and_the_agent_s_key_finds_the_request(tmp_path: Path) -> None:
    with ServiceProcess(tmp_path) as process:
        headers = {"Authorization": f"Bearer {await process.key()}", "Idempotency-Key": "k"}
        async with httpx.AsyncClient(base_url=process.url, headers=headers, trust_env=False, timeout=30) as agent:
            request = (await agent.post("/v1/requests", json=ASK)).json()["id"]
            held = asyncio.create_task(agent.get(f"/v1/requests/{request}?wait=50"))
            redis = _redis_of(process)
            for _ in range(2):
                process.kill()
                os.kill(redis, 0)  # it lives on as an orphan
                await asyncio.to_thread(process.start)
                assert _redis_of(process) == redis
            assert process.log.read_text().count("redis_adopted") == 2
            with pytest.raises(httpx.TransportError):
                await held
            again = asyncio.create_task(agent.post("/v1/requests", json=ASK, headers={"Prefer": "wait=30"}))
            decided = await asyncio.to_thread(process.run, "decide", request, "approve")
            assert decided.returncode == 0, decided.stderr
            told = await again
            assert (told.json()["id"], told.json()["status"]) == (request, "approved")
            assert told.headers["Idempotent-Replayed"] == "true"


async def test_the_embedded_redis_is_started_again_when_it_dies_and_held_calls_go_on(tmp_path: Path) -> None:
    with ServiceProcess(tmp_path) as process:
        headers = {"Authorization": f"Bearer {await process.key()}"}
        async with httpx.AsyncClient(base_url=process.url, headers=headers, trust_env=False, timeout=60) as agent:
            request = (await agent.post("/v1/requests", json=ASK)).json()["id"]
            held = asyncio.create_task(agent.get(f"/v1/requests/{request}?wait=50"))
            await until(lambda: _is_held(process))
            os.kill(_redis_of(process), signal.SIGKILL)
            await until(lambda: _asks_again(agent))
            decided = await asyncio.to_thread(process.run, "decide", request, "deny", "--reason", "no")
            assert decided.returncode == 0, decided.stderr
            assert (await asyncio.wait_for(held, 10)).json()["status"] == "denied"


async def _is_held(process: ServiceProcess) -> bool:
    async with httpx.AsyncClient(base_url=process.url, trust_env=False) as operator:
        return "sayso_held_calls 1.0" in (await operator.get("/metrics")).text


async def _asks_again(agent: httpx.AsyncClient) -> bool:
    return (await agent.post("/v1/requests", json=ASK)).status_code == 201
