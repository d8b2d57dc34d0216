"""A real redis-server for a test: its own short folder, a Unix socket, and a TCP port where asked for.

It puts each write on disk before it answers, as the embedded one does, so a test may `kill` and `restart` it and hold
Sayso to what it acknowledged.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from sayso_bot.store import server

FIRST_PORT, LAST_PORT = 12_000, 32_000


class RedisServer:
    """``with RedisServer() as redis: redis.url``, or ``async with``. ``config`` is added to the server's settings.

    ``url`` names the socket, ``tcp_url`` the port (with ``tcp=True``); neither changes with a restart.
    """

    def __init__(self, *, tcp: bool = False, config: Mapping[str, str] | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sr-", dir="/tmp"))
        self.socket = self.folder / "s"
        self.port = free_port() if tcp else 0
        self._config = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "unixsocket": str(self.socket),
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "logfile": str(self.folder / "log"),
        } | dict(config or {})
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def tcp_url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    def start(self) -> None:
        arguments = [part for name, value in self._config.items() for part in (f"--{name}", value)]
        self._child = subprocess.Popen([str(server.find()), *arguments], stdout=subprocess.DEVNULL)
        until = time.monotonic() + 15
        while not self._answers():
            assert self._child.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, "redis-server does not answer"
            time.sleep(0.005)

    def kill(self) -> None:
        """kill -9, and wait for its end."""
        assert self._child is not None
        self._child.kill()
        self._child.wait()

    def restart(self) -> None:
        """Start again on the same data; killed first where it still runs."""
        self.kill()
        self.socket.unlink(missing_ok=True)
        self.start()

    def stop(self) -> None:
        if self._child is not None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        """Whether it has loaded its data: LOADING and NOAUTH differ in their first letters."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket))
                probe.sendall(b"PING\r\n")
                return not probe.recv(64).startswith((b"-LOADING", b"-MASTERDOWN"))
            except OSError:
                return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def free_port() -> int:
    """A port where nobody listens, below those that the system gives to outgoing connections.

    It is never handed out twice by this process, and other processes begin elsewhere.
    """
    for port in _ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


def _own_ports() -> Iterator[int]:
    """All test ports, beginning at a place that depends on the process."""
    size = LAST_PORT - FIRST_PORT
    start = random.Random(os.getpid()).randrange(size)
    return (FIRST_PORT + (start + step) % size for step in range(size))


_ports = _own_ports()
