"""A server whose owner was killed is adopted, or ended before another begins."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from sayso_bot.store.embedded import EmbeddedRedis
from sayso_bot.store.process import Process
from sayso_bot.store.record import Record
from unit.embedded.owner import events, orphan, read, spawn, wait_until


async def test_an_orphan_is_adopted(folder: Path, log: CapturingLogger) -> None:
    left = await orphan(folder)
    async with EmbeddedRedis(folder, log=log) as redis:
        assert redis.pid == left.pid
        assert await read(redis.url, "a") == "1"
    assert events(log) == ["redis_adopted"]
    assert not left.process.is_alive


async def test_an_adopted_server_that_dies_is_restarted(folder: Path, log: CapturingLogger) -> None:
    left = await orphan(folder)
    async with EmbeddedRedis(folder, log=log) as redis:
        supervision = asyncio.create_task(redis.supervise())
        os.kill(left.pid, signal.SIGKILL)
        await wait_until(lambda: "redis_restarted" in events(log))
        assert await read(redis.url, "a") == "1"
    await supervision


@pytest.mark.parametrize("known", ["nothing", "another run id", "another start"])
async def test_an_orphan_that_is_not_the_recorded_one_is_stopped_and_waited_for(
    folder: Path, log: CapturingLogger, known: str
) -> None:
    left = await orphan(folder)
    record = folder / "redis" / "server.json"
    if known == "nothing":
        record.unlink()
    else:
        field = "run_id" if known == "another run id" else "started"
        record.write_text(json.dumps(json.loads(record.read_text()) | {field: "other"}))
    async with EmbeddedRedis(folder, log=log) as redis:
        assert redis.pid != left.pid
        assert not left.process.is_alive
        assert await read(redis.url, "a") == "1"
    assert events(log) == ["redis_orphan_stopped"]


async def test_an_orphan_that_does_not_answer_is_killed_and_what_it_acknowledged_is_there(
    folder: Path, log: CapturingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso_bot.store.embedded.ORPHAN_SECONDS", 0.1)
    left = await orphan(folder)
    left.process.send(signal.SIGSTOP)
    async with EmbeddedRedis(folder, log=log) as redis:
        assert not left.process.is_alive
        assert await read(redis.url, "a") == "1"


async def test_a_process_that_runs_under_an_old_pid_is_not_touched(folder: Path, log: CapturingLogger) -> None:
    async with EmbeddedRedis(folder, log=log):
        pass
    with spawn("sleep", "60") as bystander:
        Record(bystander.pid, "long ago", str(folder / "redis" / "redis.sock"), "x").write(folder / "redis")
        async with EmbeddedRedis(folder, log=log):
            assert not Process(bystander.pid, "long ago").send(signal.SIGKILL)
            assert bystander.poll() is None
        bystander.kill()


def test_a_process_that_has_ended_is_not_alive_even_before_it_is_reaped() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert Process.of(child.pid) is None
    child.wait()
    assert not Process(child.pid, "x").send(signal.SIGKILL)
