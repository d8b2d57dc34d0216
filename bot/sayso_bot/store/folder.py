"""The data folder: private, writable, and held by one owner at a time.

Ownership is a kernel lock on a file in it, so it ends with its process, however that dies. What the file says about
the holder only words the refusal. Files are written whole or not at all.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sayso_bot.errors import Unusable

LOCK = "sayso.lock"
Use = Literal["serve", "command"]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the folder. ``pid`` counts only on ``host`` (a container has its own)."""

    pid: int
    host: str
    use: Use

    def __str__(self) -> str:
        here = "" if self.host == socket.gethostname() else f" on {self.host}"
        what = "a running Sayso service" if self.use == "serve" else "another Sayso command"
        return f"{what} (process {self.pid}{here})"


class InUse(Unusable):
    """The folder has an owner already."""

    def __init__(self, folder: Path, holder: Holder | None) -> None:
        super().__init__(
            f"The data folder {folder} is in use by {holder or 'another process'}. Stop that one first, or give this"
            " one a folder of its own with SAYSO_DATA_DIR."
        )
        self.holder = holder


class Lock:
    """An exclusive lock on ``path``. The descriptor may be handed to a child, which then holds it as well."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    @property
    def descriptor(self) -> int:
        if self._descriptor is None:
            raise RuntimeError("the lock is not held")
        return self._descriptor

    def take(self) -> bool:
        """Whether it is ours now. Never waits. Raises `Unusable` where the file system has no locks."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in {errno.EAGAIN, errno.EACCES}:
                return False
            raise Unusable(
                f"The data folder {self.path.parent} is on a file system without locks, so two services could write"
                " there at once. Put it on a local disk with SAYSO_DATA_DIR."
            ) from None
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give up our hold; a child that was handed the descriptor keeps its own."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def prepare(folder: Path) -> Path:
    """``folder``, resolved, made with 0700 where it is missing, and known to be writable. Raises `Unusable`.

    A folder of ours, or an empty one, that others could look into is closed to them; a folder with other things in it
    is left as it is, for all that we put there is closed by itself.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = folder.resolve()
        found = folder.stat()
        if found.st_uid not in {os.getuid(), 0} and os.getuid() != 0:
            raise Unusable(
                f"The data folder {folder} belongs to another user, who could change what is in it."
                " Name one of your own with SAYSO_DATA_DIR."
            )
        ours = (folder / LOCK).exists() or not any(folder.iterdir())
        if ours and found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) != 0o700:
            folder.chmod(0o700)
        probe = folder / f".probe-{secrets.token_hex(8)}"
        write_private(probe, b"x")
        probe.unlink()
    except OSError as error:
        raise unusable(folder, error) from None
    return folder


def write_private(path: Path, content: bytes, *, replace: bool = True) -> None:
    """Write ``content`` with 0600, whole and on disk or not at all.

    Raises `OSError`, and `FileExistsError` when there is one already that is not to be replaced.
    """
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.rename(path)
        else:
            path.hardlink_to(temporary)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in ``path``; None when there is none, or it is not whole."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def announce(folder: Path, use: Use) -> None:
    """Write down who holds the lock, in the lock file itself. The caller holds it."""
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "use": use}
    with (folder / LOCK).open("r+b") as file:
        file.truncate()
        file.write(json.dumps(holder).encode())


def holder(folder: Path) -> Holder | None:
    """Who wrote that they hold the folder, or None when nobody did (or is writing it now)."""
    value = read_json(folder / LOCK) or {}
    pid, host, use = value.get("pid"), value.get("host"), value.get("use")
    if not isinstance(pid, int) or not isinstance(host, str) or use not in {"serve", "command"}:
        return None
    return Holder(pid, host, use)


def unusable(folder: Path, error: OSError) -> Unusable:
    """The sentence for an operating-system error that befell the data folder."""
    reasons = {
        errno.ENOSPC: "the disk is full. Make room",
        errno.EDQUOT: "the disk quota is used up. Make room",
        errno.EROFS: "the file system is read-only. Name another folder with SAYSO_DATA_DIR",
        errno.ENOTDIR: "it, or a folder above it, is a file. Name another folder with SAYSO_DATA_DIR",
        errno.EEXIST: "there is a file of that name. Name another folder with SAYSO_DATA_DIR",
        errno.ELOOP: "a file of ours in it has been replaced by a link. Look who did that",
    }
    permission = "this user may not write there. Change its owner, or name another folder with SAYSO_DATA_DIR"
    if error.errno in {errno.EACCES, errno.EPERM}:
        reason = permission
    else:
        reason = reasons.get(error.errno or 0, "the disk reported an error. Name another folder with SAYSO_DATA_DIR")
    return Unusable(f"The data folder {folder} cannot be used: {reason}.")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems cannot sync a folder, and then need not
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
