"""Reading a policy file."""

from __future__ import annotations

from pathlib import Path

from sayso_bot.errors import Unusable

MAX_BYTES = 1024 * 1024


def read(path: Path) -> tuple[str, str]:
    """The file's text, and the name by which messages call it. Raises `Unusable` with one sentence."""
    source = str(path)
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise Unusable(f"The policy {source} does not exist. Check the path.") from None
    except IsADirectoryError:
        raise Unusable(f"The policy {source} is a folder, not a file.") from None
    except OSError:
        raise Unusable(f"The policy {source} cannot be read. Look at its permissions.") from None
    if len(body) > MAX_BYTES:
        raise Unusable(f"The policy {source} is larger than 1 MiB.")
    try:
        return body.decode("utf-8"), source
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise Unusable(f"The policy {source} is not UTF-8 text; look at line {line}.") from None
