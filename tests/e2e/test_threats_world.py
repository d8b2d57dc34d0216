"""What the world does to a gate: each fault against the running service, and nothing is approved meanwhile."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from problem import refused
from sayso_bot import wiring
from sayso_bot.workers import clock
from service import Sayso, ServiceProcess, serving, until

ASK: dict[str, Any] = {"action": "a.b", "params": {}}
OLD = "rules:\n  - action: old.*\n    ask: {channel: inbox, approvers: [operator]}\n"
NEW = "rules:\n  - action: new.*\n    ask: {channel: inbox, approvers: [operator]}\n"


async def readiness(sayso: Sayso) -> dict[str, Any]:
    answer = await sayso.client().get("/readyz")
    assert (answer.status_code == 503) == bool(answer.json()["problems"])
    return dict(answer.json())


async def _unavailable(answer: httpx.Response) -> str:
    told = refused(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    return str(told["detail"])


async def test_while_redis_is_gone_every_call_says_503_and_held_calls_go_on_by_themselves_afterwards() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        request = (await agent.post("/v1/requests", json=ASK)).json()["id"]
        held = [
            asyncio.create_task(agent.get(f"/v1/requests/{request}?wait=40")),
            asyncio.create_task(agent.post("/v1/requests", json={**ASK, "action": "b"}, headers={"Prefer": "wait=40"})),
        ]
        await until(lambda: sayso.service.desk.held == 2)
        sayso.redis.kill()
        for answer in await asyncio.gather(
            agent.post("/v1/requests", json=ASK),
            agent.post("/v1/requests", json=ASK, headers={"Idempotency-Key": "k"}),
            agent.get("/v1/requests"),
            agent.get(f"/v1/requests/{request}"),
            agent.get(f"/v1/requests/{request}?wait=5"),
            agent.post(f"/v1/requests/{request}/cancel"),
            sayso.client("sk_main_unknown").get("/v1/requests"),
        ):
            detail = await _unavailable(answer)
            assert "redis" not in detail.lower()
        await until(lambda: _has(sayso, "problems"))
        probe = await sayso.client().get("/readyz")
        assert (probe.status_code, "Retry-After" in probe.headers) == (503, True)
        assert (await sayso.client().get("/livez")).status_code == 200
        assert not any(call.done() for call in held)

        sayso.redis.restart()
        await until(lambda: _ready(sayso))
        assert not any(call.done() for call in held)
        listed = (await agent.get("/v1/requests?status=pending")).json()["items"]
        assert len(listed) == 2
        for item in listed:
            await sayso.vote(item["id"], "approve")
        assert [(await call).json()["status"] for call in held] == ["approved", "approved"]


async def _has(sayso: Sayso, kind: str) -> list[str]:
    return list((await readiness(sayso))[kind])


async def _ready(sayso: Sayso) -> bool:
    return (await sayso.client().get("/readyz")).status_code == 200


async def test_a_decision_made_while_one_replica_hears_nothing_reaches_it() -> None:
    """What is published while the subscription is away is gone, so it is read again."""
    async with serving() as deaf, serving(redis=deaf.redis) as other:
        agent = await deaf.agent()
        request = (await agent.post("/v1/requests", json=ASK)).json()["id"]
        held = asyncio.create_task(agent.get(f"/v1/requests/{request}?wait=40"))
        await until(lambda: deaf.service.desk.held == 1)
        await other.vote(request, "deny")
        await other.service.store.client.client_kill_filter(_type="pubsub")
        assert (await asyncio.wait_for(held, 10)).json()["status"] == "denied"


@pytest.mark.parametrize(
    ("break_it", "mend_it", "says"),
    [
        (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0"), "full"),
        (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"), "read-only"),
        (("CONFIG", "SET", "min-replicas-to-write", "1"), ("CONFIG", "SET", "min-replicas-to-write", "0"), "refused"),
    ],
    ids=["full", "read-only", "without replicas"],
)
async def test_a_redis_that_takes_no_writes_is_a_503_that_says_so(
    break_it: tuple[str, ...], mend_it: tuple[str, ...], says: str
) -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        request = (await agent.post("/v1/requests", json=ASK)).json()["id"]
        redis: Callable[..., Awaitable[Any]] = sayso.service.store.client.execute_command
        await redis(*break_it)
        assert says in await _unavailable(await agent.post("/v1/requests", json=ASK))
        assert says in await _unavailable(await agent.post(f"/v1/requests/{request}/cancel"))
        assert (await agent.get(f"/v1/requests/{request}")).json()["status"] == "pending"
        await redis(*mend_it)
        assert (await agent.post("/v1/requests", json=ASK)).status_code == 201


async def test_a_slow_redis_is_waited_for() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        await sayso.service.store.client.client_pause(400)
        answers = await asyncio.gather(*(agent.post("/v1/requests", json=ASK) for _ in range(5)))
        assert {answer.status_code for answer in answers} == {201}


async def test_functions_that_were_flushed_are_loaded_again() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        await sayso.service.store.client.function_flush()
        assert (await agent.post("/v1/requests", json=ASK)).status_code == 201


async def test_a_replica_whose_clock_is_wrong_says_so_and_keeps_deadlines_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    skew = 0.0

    async def measured(_: Any) -> float:
        return skew

    monkeypatch.setattr(wiring, "server_time_skew", measured)
    monkeypatch.setattr(clock, "LOOK_SECONDS", 0.02)
    async with serving() as sayso:
        agent = await sayso.agent()
        assert await _ready(sayso)
        for off in (600.0, -31.0):
            skew = off
            [problem] = await until(lambda: _has(sayso, "problems"))
            assert f"{abs(off):.0f} s" in problem
            skew = 29.0
            await until(lambda: _ready(sayso))
        skew = -600.0
        request = (await agent.post("/v1/requests", json={**ASK, "timeout": "1s"})).json()["id"]
        assert (await agent.get(f"/v1/requests/{request}?wait=10")).json()["status"] == "expired"


async def test_a_policy_file_that_becomes_invalid_changes_nothing_and_is_shown() -> None:
    async with serving(policy=OLD) as sayso:
        agent, file = await sayso.agent(), sayso.service.settings.policy
        assert file is not None

        async def status(action: str) -> str:
            return str((await agent.post("/v1/requests", json={**ASK, "action": action})).json()["status"])

        assert (await readiness(sayso))["warnings"] == []
        for broken in ("rules: [", "rules:\n  - action: old.*\n    ask: {channel: nowhere}\n"):
            file.write_text(broken)
            [warning] = await until(lambda: _has(sayso, "warnings"))
            assert "not valid" in warning
            assert await status("old.one") == "pending"
        file.write_text(NEW)
        await until(lambda: _fits(status, "new.one"))
        assert await status("old.one") == "denied"
        assert (await readiness(sayso))["warnings"] == []
        file.unlink()
        await until(lambda: _has(sayso, "warnings"))
        assert await status("new.one") == "pending"


async def _fits(status: Callable[[str], Awaitable[str]], action: str) -> bool:
    return await status(action) == "pending"


async def test_a_replica_with_another_file_follows_the_active_policy_and_warns() -> None:
    async with serving(policy=OLD) as first, serving(policy=NEW, redis=first.redis) as second:
        agent = await first.agent()
        both = (agent, second.client(agent.headers["Authorization"].removeprefix("Bearer ")))
        for client in both:
            told = (await client.post("/v1/requests", json={**ASK, "action": "new.one"})).json()
            assert told["status"] == "pending"
        [warning] = await until(lambda: _has(first, "warnings"))
        assert "sayso policy activate" in warning
        assert (await readiness(second))["warnings"] == []


async def test_any_number_of_action_types_and_paths_and_methods_adds_no_label() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()

        async def labels() -> set[str]:
            text = (await agent.get("/metrics", headers={"Authorization": ""})).text
            return {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}

        async def strange(number: int) -> None:
            await agent.post("/v1/requests", json={**ASK, "action": f"type.{number}"})
            await agent.get(f"/v1/requests/{number}")
            await agent.get(f"/nothing/{number}")
            await agent.request("PUT", f"/v1/requests/{number}")
            await agent.get("/livez", headers={"Host": f"host-{number}"})

        await strange(0)
        await labels()
        before = await labels()
        await asyncio.gather(*(strange(number) for number in range(1, 120)))
        assert await labels() == before
        assert not any("type." in label or "agent" in label for label in before)


def _refuses(folder: Path, **variables: str) -> str:
    """What ``sayso serve`` says when it refuses to start."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SAYSO_")}
    done = subprocess.run(
        ServiceProcess.command("serve"),
        env={**kept, "SAYSO_DATA_DIR": str(folder / "d"), **variables},
        capture_output=True,
        text=True,
        timeout=30,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_it_does_not_listen_beyond_this_machine_over_plain_http(tmp_path: Path) -> None:
    said = _refuses(tmp_path, SAYSO_HOST="0.0.0.0")
    assert "SAYSO_PUBLIC_URL" in said
    assert "SAYSO_INSECURE=1" in said
    assert "SAYSO_PUBLIC_URL" in _refuses(tmp_path, SAYSO_HOST="::", SAYSO_PUBLIC_URL="http://sayso.example.com")


async def test_secrets_are_in_no_metric_journal_or_error() -> None:
    async with serving() as sayso:
        _, secret = await sayso.key()
        agent = sayso.client(secret)
        answers = [
            await agent.post("/v1/requests", json=ASK),
            await agent.post("/v1/requests", json={**ASK, "approvers": 1}),
            await agent.get("/v1/requests/x"),
            await sayso.client(secret + "x").get("/v1/requests"),
            await agent.get("/metrics", headers={"Authorization": ""}),
        ]
        kept = "".join(answer.text + str(answer.headers) for answer in answers) + str(await sayso.journal())
        assert secret not in kept
        redis: Any = sayso.service.store.client
        dumped = [await _dump(redis, key) for key in await redis.keys("*")]
        assert secret not in "".join(dumped)


async def _dump(redis: Any, key: str) -> str:
    kind = await redis.type(key)
    reads: dict[str, Callable[[], Awaitable[Any]]] = {
        "hash": lambda: redis.hgetall(key),
        "zset": lambda: redis.zrange(key, 0, -1),
        "stream": lambda: redis.xrange(key),
        "string": lambda: redis.get(key),
    }
    return key + str(await reads[kind]())
