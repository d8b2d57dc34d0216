"""The secret that encrypts what adapters keep: from the environment, or made once in the data folder.

A shared Redis needs one that all replicas share, so there none is made up.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from contextlib import suppress
from pathlib import Path

from sayso_bot.errors import Unusable
from sayso_bot.store import folder as folders

SIZE = 32
_NAME = "secret"


def load_or_make_secret(given: bytes | None, data_dir: Path | None) -> bytes:
    """The 32 bytes ``given`` (SAYSO_SECRET), else those kept in ``data_dir``, which is None with an external Redis.

    They are made there when missing, readable by this user alone; of several makers one wins. Raises `Unusable`.
    """
    if given is not None:
        return given
    if data_dir is None:
        raise Unusable(
            "SAYSO_SECRET is not set, and with SAYSO_REDIS_URL every replica needs the same one. Make it with"
            " openssl rand -base64 32, and set it as SAYSO_SECRET or in the file that SAYSO_SECRET_FILE names."
        )
    root = folders.prepare(data_dir)
    try:
        return _read(root / _NAME) or _make(root / _NAME)
    except OSError as error:
        raise folders.unusable(root, error) from None


def _make(path: Path) -> bytes:
    with suppress(FileExistsError):
        folders.write_private(path, base64.b64encode(os.urandom(SIZE)) + b"\n", replace=False)
    return _read(path) or b""


def _read(path: Path) -> bytes | None:
    try:
        found = path.lstat()
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode) or stat.S_IMODE(found.st_mode) & 0o077:
        raise Unusable(
            f"Others can read the secret in {path}. Close it with chmod 600 {path}, or remove it to have a new one"
            " made: then people sign in again."
        )
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != SIZE:
        raise Unusable(
            f"The secret in {path} is damaged. Put it back from a backup, or remove it to have a new one made: then"
            " people sign in again."
        )
    return secret
