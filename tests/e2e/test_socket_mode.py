"""The real service over Socket Mode: no signing secret, and no address of ours that Slack calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from e2e.office import POLICY, asked, final
from fakes.slack_socket import SocketSlack
from redis_server import RedisServer
from service import ServiceProcess, until


@asynccontextmanager
async def workspace() -> AsyncIterator[SocketSlack]:
    async with SocketSlack() as slack:
        slack.add_user("U0ANA", name="Ana", email="ana@example.com")
        for channel in ("C0PAYMENTS", "C0OTHER"):
            slack.add_channel(channel, members=["U0ANA"])
        yield slack


@asynccontextmanager
async def replica(folder: Path, slack: SocketSlack, redis: RedisServer) -> AsyncIterator[ServiceProcess]:
    policy = _policy(folder)
    environ = {
        **slack.settings(),
        "SAYSO_REDIS_URL": redis.url,
        "SAYSO_SECRET": "A" * 43 + "=",
        "SAYSO_POLICY": str(policy),
    }
    process = ServiceProcess(folder, environ)
    try:
        await asyncio.to_thread(process.start)
        yield process
    finally:
        if not process.ended:
            process.kill()


def _policy(folder: Path) -> Path:
    folder.mkdir()
    policy = folder / "policy.yaml"
    policy.write_text(POLICY)
    return policy


@asynccontextmanager
async def agent_of(process: ServiceProcess) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {await process.key()}"}
    async with httpx.AsyncClient(base_url=process.url, headers=headers, trust_env=False, timeout=30) as agent:
        yield agent


async def test_from_the_card_to_the_answer_without_an_address(tmp_path: Path) -> None:
    with RedisServer() as redis:
        async with workspace() as slack, replica(tmp_path / "one", slack, redis) as process:
            await slack.connected(2)
            async with agent_of(process) as agent:
                request = await asked(agent)
                message = await slack.posted()
                await slack.tap_over_socket(message, "approve", user="U0ANA")
                told = (await agent.get(f"/v1/requests/{request}?wait=5")).json()
                assert told["status"] == "approved"
                assert [vote["surface"] for vote in told["decision"]["votes"]] == ["slack"]
                await until(lambda: final(message))
                assert (await agent.post("/slack/events", content=b"{}")).status_code == 404
            findings = await asyncio.to_thread(process.run, "doctor", "slack")
            assert "slack socket" in findings.stdout
            assert findings.returncode == 0, findings.stdout
            assert slack.opened == 2  # the doctor opened none
            assert await asyncio.to_thread(process.end) == 0
            await slack.connected(0)


async def test_a_tap_at_a_killed_replica_counts_at_the_other_once(tmp_path: Path) -> None:
    with RedisServer() as redis:
        async with workspace() as slack, replica(tmp_path / "one", slack, redis) as dying:
            await slack.connected(2)
            async with agent_of(dying) as agent:
                request = await asked(agent)
            message = await slack.posted()
            async with replica(tmp_path / "two", slack, redis) as heir:
                await slack.connected(4)
                slack.hang("users.info", seconds=60)
                tapping = asyncio.create_task(slack.tap_over_socket(message, "approve", user="U0ANA"))
                await until(lambda: bool(slack.called("users.info")))
                dying.kill()
                await asyncio.wait_for(tapping, 15)
                async with agent_of(heir) as agent:
                    told = (await agent.get(f"/v1/requests/{request}?wait=5")).json()
                assert told["status"] == "approved"
                assert len(told["decision"]["votes"]) == 1
                await slack.connected(2)
