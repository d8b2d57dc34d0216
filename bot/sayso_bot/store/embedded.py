"""A redis-server of our own on the data folder: one owner, one server, whatever was killed before.

Two kernel locks keep it so. The owner holds ``sayso.lock`` and the server inherits ``redis/redis.lock``, so an orphan
left by a killed owner is noticed even when its pid was never written down. It is adopted if it answers with the
recorded run id, else stopped and waited for: a second server would steal the socket, and both would append.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import quote

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from sayso_bot.errors import Unusable
from sayso_bot.ports import Log
from sayso_bot.store import folder as folders
from sayso_bot.store import server
from sayso_bot.store.folder import InUse, Lock, Use
from sayso_bot.store.process import Process
from sayso_bot.store.record import SOCKET, Record, forget, socket_for

Progress = Callable[[float], None]
"""Told how much of the stored data has been loaded, in percent."""

ANSWER_SECONDS = 15.0
ORPHAN_SECONDS = 5.0
COMMAND_SECONDS = 10.0
SETTLE_SECONDS = 0.3
FREED_SECONDS = 30.0
STEADY_SECONDS = 60.0
BACKOFF_SECONDS = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_ENDING = ((None, 1.5), (signal.SIGTERM, 0.5), (signal.SIGKILL, 5.0))
"""How a server is ended, and how long each way is given. Killed or not, it keeps what it acknowledged."""
_TICK = 0.05
TICKS_A_LOG = 1200
_FOLDER, _LOCK = "redis", "redis.lock"


class EmbeddedRedis:
    """Owns the data folder from `start` to `stop` (or as ``async with``). All methods are for one task at a time.

    ``url`` stays the same over restarts. `supervise` is to run beside whatever uses the server.
    """

    def __init__(self, data_dir: Path, *, log: Log, use: Use = "serve", progress: Progress | None = None) -> None:
        self._data_dir = data_dir
        self._log = log
        self._use = use
        self._progress = progress
        self._ownership: Lock | None = None
        self._folder = data_dir
        self._socket = data_dir
        self._process: Process | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._ending = False

    @property
    def url(self) -> str:
        return _url(self._socket)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Own the folder, and have a server on it that answers. Raises `Unusable`, and then owns nothing."""
        try:
            await self._own()
            self._ending = False
            last = Record.read(self._folder)
            if not await self._adopt(last):
                self._socket = socket_for(self._folder, last)
                await self._launch()
        except OSError as error:
            await self.stop()
            raise folders.unusable(self._data_dir, error) from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Ask the server to shut down, insist after a while, and give the folder back."""
        self._ending = True
        if self._process is not None:
            if await self._end(self._process, self._socket):
                forget(self._folder, self._socket)
            else:
                self._log.error("redis_does_not_end", pid=self._process.pid, log_tail=server.tail(self._folder))
            self._process = self._child = None
        if self._ownership is not None:
            self._ownership.release()
            self._ownership = None

    async def wait_died(self) -> None:
        """Return once the server has ended. Its log is kept short meanwhile."""
        ticks = 0
        while self._is_running():
            await asyncio.sleep(_TICK)
            ticks += 1
            if ticks % TICKS_A_LOG == 0:
                server.trim_log(self._folder)

    async def restart(self) -> None:
        """Start the server again on the same socket after it died. Raises `Unusable`."""
        try:
            await self._launch()
        except OSError as error:
            raise folders.unusable(self._data_dir, error) from None

    async def supervise(self) -> None:
        """Restart the server whenever it dies, ever more slowly while it keeps dying. Ends after `stop`."""
        failures = 0
        while True:
            since = time.monotonic()
            await self.wait_died()
            if self._ending:
                return
            failures = 0 if time.monotonic() - since > STEADY_SECONDS else failures
            pause = BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)]
            failures += 1
            self._log.error(
                "redis_died",
                pid=self.pid,
                restart_in_seconds=pause,
                detail=server.meaning(self._folder, server.tail(self._folder)),
                log_tail=server.tail(self._folder),
            )
            await asyncio.sleep(pause)
            try:
                await self.restart()
            except Unusable as error:
                self._log.error("redis_restart_failed", detail=error.detail)
            else:
                self._log.info("redis_restarted", pid=self.pid)

    async def _own(self) -> None:
        root = folders.prepare(self._data_dir)
        ownership = Lock(root / folders.LOCK)
        asked = time.monotonic()
        while not ownership.take():
            held = InUse(root, folders.holder(root))
            patience = SETTLE_SECONDS if held.holder and held.holder.use == "serve" else COMMAND_SECONDS
            if time.monotonic() - asked > patience:
                raise held
            await asyncio.sleep(_TICK)
        self._ownership = ownership
        folders.announce(root, self._use)
        self._folder = root / _FOLDER
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._folder.chmod(0o700)

    async def _adopt(self, last: Record | None) -> bool:
        """Whether a server that outlived its owner is ours now. One that is not to be had has ended on return."""
        if _is_free(self._folder):
            return False
        found = await self._answers(Path(last.socket), ORPHAN_SECONDS) if last else None
        if last and found and found["run_id"] == last.run_id and last.process.is_alive:
            self._process, self._socket = last.process, Path(last.socket)
            self._log.info("redis_adopted", pid=last.pid)
            await self._ready()
            return True
        await self._evict(last)
        return False

    async def _evict(self, last: Record | None) -> None:
        socket = Path(last.socket) if last else self._folder / SOCKET
        self._log.warning("redis_orphan_stopped", pid=last.pid if last else None)
        for number, seconds in _ENDING:
            if number is None:
                await _ask_to_end(socket)
            elif last:
                last.process.send(number)
            if await _until(lambda: _is_free(self._folder), seconds):
                return
        raise Unusable(
            f"A redis-server that another Sayso left behind still writes to {self._folder} and does not end."
            " End it by hand, then start again."
        )

    async def _launch(self) -> None:
        program = server.find()
        lock = Lock(self._folder / _LOCK)
        if not await _until(lock.take, FREED_SECONDS):
            raise Unusable(f"Another redis-server writes to {self._folder}. End it by hand, then start again.")
        try:
            self._socket.unlink(missing_ok=True)
            server.trim_log(self._folder)
            self._child = server.start(program, self._folder, self._socket, lock.descriptor)
        finally:
            lock.release()
        self._process = Process.of(self._child.pid) or Process(self._child.pid, "")
        record = Record(self._process.pid, self._process.started, str(self._socket))
        record.write(self._folder)
        info = await self._ready()
        Record(record.pid, record.started, record.socket, info["run_id"]).write(self._folder)

    async def _ready(self) -> Mapping[str, Any]:
        """Wait until all data is loaded, however long that takes, as long as the server lives and answers."""
        while True:
            info = await self._answers(self._socket, ANSWER_SECONDS)
            if info is None:
                raise Unusable(
                    server.meaning(self._folder, server.tail(self._folder))
                    if not self._is_running()
                    else f"The embedded Redis does not answer. Its log, {server.log_of(self._folder)}, may say why."
                )
            if not info["loading"]:
                return info
            if self._progress:
                self._progress(float(info.get("loading_loaded_perc", 0)))
            await asyncio.sleep(_TICK)

    async def _answers(self, socket: Path, seconds: float) -> Mapping[str, Any] | None:
        """What the server says about itself; None when it does not within ``seconds``, or it has ended."""
        until = time.monotonic() + seconds
        while True:
            info = await _info(socket)
            if info is not None or time.monotonic() > until or (self._process and not self._is_running()):
                return info
            await asyncio.sleep(_TICK / 5)

    async def _end(self, process: Process, socket: Path) -> bool:
        for number, seconds in _ENDING:
            if number is None:
                await _ask_to_end(socket)
            else:
                self._log.warning("redis_told_to_end", pid=process.pid, signal=number.name)
                process.send(number)
            if await _until(lambda: not self._is_running(), seconds):
                return True
        return False

    def _is_running(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return self._process is not None and self._process.is_alive


@asynccontextmanager
async def attach_or_start(data_dir: Path, *, log: Log) -> AsyncIterator[str]:
    """The address of the folder's Redis for one command: of the running service, else of one started for as long.

    Raises `Unusable`.
    """
    own = EmbeddedRedis(data_dir, log=log, use="command")
    until = time.monotonic() + COMMAND_SECONDS
    while True:
        try:
            await own.start()
        except InUse as held:
            url = await _of_running_service(data_dir)
            if url is not None:
                yield url
                return
            if time.monotonic() > until:
                raise Unusable(
                    f"The data folder {data_dir} is in use by {held.holder or 'another process'}, whose Redis does not"
                    " answer yet. Try again in a moment."
                ) from None
            await asyncio.sleep(_TICK)
        else:
            break
    try:
        yield own.url
    finally:
        await own.stop()


async def _of_running_service(data_dir: Path) -> str | None:
    record = Record.read(data_dir / _FOLDER)
    info = await _info(Path(record.socket)) if record and record.run_id else None
    if record is None or info is None or info["run_id"] != record.run_id or info["loading"]:
        return None
    return _url(Path(record.socket))


def _url(socket: Path) -> str:
    return f"unix://{quote(str(socket))}"


def _is_free(folder: Path) -> bool:
    """Whether no server lives on the folder: a living one holds the lock, with or without an owner."""
    lock = Lock(folder / _LOCK)
    free = lock.take()
    lock.release()
    return free


def _client(socket: Path) -> Redis:
    return Redis(
        unix_socket_path=str(socket),
        socket_timeout=1,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        decode_responses=True,
    )


async def _info(socket: Path) -> Mapping[str, Any] | None:
    async with _client(socket) as client:
        try:
            return cast("Mapping[str, Any]", await client.info())
        except (RedisError, OSError):
            return None


async def _ask_to_end(socket: Path) -> None:
    """Redis's SHUTDOWN; no answer is the answer, and whether it ended is seen at the process or its lock."""
    async with _client(socket) as client:
        with suppress(RedisError, OSError):
            await client.shutdown(nosave=True)


async def _until(done: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(_TICK / 5)
    return True
