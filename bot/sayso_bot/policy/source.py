"""Reading a policy file: what stands there, whatever stands there.

A path may name a folder, a pipe that nobody writes to, or a file that somebody is writing just now. Each is told in a
sentence of its own, and none is waited for.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from sayso_bot.errors import Unreadable, Unusable
from sayso_bot.policy.problems import Mark, Problems

MAX_BYTES = 4 * 1024 * 1024
_NOT_FILES = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
_WIDE = (b"\xff\xfe", b"\xfe\xff")


def read(path: Path, called: str = "The policy") -> tuple[str, str]:
    """The file's text, and the name by which messages call it.

    Raises `Unusable` with one sentence where there is no file to be read, `Unreadable` where it may be later as it
    stands, `PolicyInvalid` where it holds no text.
    """
    source = str(path)
    body = _body(path, f"{called} {source}")
    if body.startswith(_WIDE):
        Problems(source).stop(Mark(1, 1), "This is UTF-16, not UTF-8. Save the file as UTF-8.")
    try:
        return body.decode("utf-8"), source
    except UnicodeDecodeError as error:
        line, above = body.count(b"\n", 0, error.start) + 1, body[: error.start]
        column = len(above[above.rfind(b"\n") + 1 :].decode("utf-8")) + 1
        Problems(source).stop(Mark(line, column), "This is not UTF-8 text. Save the file as UTF-8.")


def _body(path: Path, what: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise _closed(path, what, error) from None
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            kind = next((word for is_one, word in _NOT_FILES if is_one(before.st_mode)), "a device")
            raise Unusable(f"{what} is {kind}, not a file.")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            body = file.read(MAX_BYTES + 1)
        after = os.fstat(descriptor)
    except OSError:
        raise Unreadable(f"{what} cannot be read; its disk gives an error.") from None
    finally:
        os.close(descriptor)
    if len(body) > MAX_BYTES:
        raise Unusable(f"{what} is larger than {MAX_BYTES // 1024**2} MiB.")
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size) or len(body) != after.st_size:
        raise Unreadable(f"{what} is being written just now. Try again when it is whole.")
    return body


def _closed(path: Path, what: str, error: OSError) -> Unusable:
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return Unusable(
            f"{what} is a link that leads nowhere." if path.is_symlink() else f"{what} does not exist. Check the path."
        )
    if error.errno == errno.ELOOP:
        return Unusable(f"{what} is a link that leads back to itself.")
    if error.errno in (errno.ENXIO, errno.ENODEV, errno.EOPNOTSUPP):
        return Unusable(f"{what} is a socket or a device, not a file.")
    if isinstance(error, PermissionError):
        return Unreadable(f"{what} cannot be read. Look at its permissions.")
    return Unreadable(f"{what} cannot be read now ({error.strerror}).")
