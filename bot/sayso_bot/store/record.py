"""What an owner writes down about its Redis, so that the next owner finds it again; and where its socket lies."""

from __future__ import annotations

import json
import os
import stat
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from sayso_bot.errors import Unusable
from sayso_bot.store import folder as folders
from sayso_bot.store.process import Process

LONGEST_SOCKET = 107 if sys.platform == "linux" else 103
"""Bytes of a Unix socket's path; the kernel's structure has no room for more."""

_NAME = "server.json"
SOCKET = "redis.sock"
_PREFIX = "sayso-"


@dataclass(frozen=True, slots=True)
class Record:
    """One started server. ``run_id`` is empty until it has answered for the first time."""

    pid: int
    started: str
    socket: str
    run_id: str = ""

    @property
    def process(self) -> Process:
        return Process(self.pid, self.started)

    @classmethod
    def read(cls, folder: Path) -> Record | None:
        value = folders.read_json(folder / _NAME) or {}
        pid, started, socket, run_id = (value.get(name) for name in ("pid", "started", "socket", "run_id"))
        if not isinstance(pid, int) or not isinstance(started, str):
            return None
        if not isinstance(socket, str) or not isinstance(run_id, str):
            return None
        return cls(pid, started, socket, run_id)

    def write(self, folder: Path) -> None:
        folders.write_private(folder / _NAME, json.dumps(asdict(self)).encode())


def forget(folder: Path, socket: Path) -> None:
    """Remove what a server that has ended left behind; its data stays."""
    (folder / _NAME).unlink(missing_ok=True)
    socket.unlink(missing_ok=True)
    if socket.parent != folder and _is_private(socket.parent):
        socket.parent.rmdir()


def socket_for(folder: Path, last: Record | None) -> Path:
    """The socket's path: in the data folder where it fits, else in a private folder of its own.

    That folder is taken again from the ``last`` record while it is still private. Raises `Unusable`.
    """
    if _fits(folder / SOCKET):
        return folder / SOCKET
    if last and _is_private(Path(last.socket).parent):
        return Path(last.socket)
    for above in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes a private folder in it
        if _fits(Path(above, f"{_PREFIX}12345678", SOCKET)):
            return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=above), SOCKET)
    raise Unusable(
        f"The path of the data folder is too long for a socket ({LONGEST_SOCKET} bytes at most), and so is that of the"
        " folder for temporary files. Name a shorter one with SAYSO_DATA_DIR or TMPDIR."
    )


def _fits(socket: Path) -> bool:
    return len(os.fsencode(socket)) <= LONGEST_SOCKET


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    closed = stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700
    return closed and found.st_uid == os.getuid() and folder.name.startswith(_PREFIX)
