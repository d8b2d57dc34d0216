"""The Redis Functions as one library, named by its content.

Function names are global to a Redis server. With the content's hash in the library's and every function's name, two
versions of Sayso run side by side on one server, each calling its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_FILES = (
    "prelude", "submit", "read", "vote", "edit", "files", "settle", "delivery", "listing", "move", "telling", "config",
    "office", "pause",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Library:
    """``source`` is what FUNCTION LOAD takes; a function's full name is `name` of its short one."""

    prefix: str
    source: str

    def name(self, function: str) -> str:
        return f"{self.prefix}_{function}"


@cache
def library() -> Library:
    folder = files("sayso_bot.store") / "functions"
    body = "\n".join((folder / f"{name}.lua").read_text("utf-8") for name in _FILES)
    prefix = "sayso_" + hashlib.sha256(body.encode()).hexdigest()[:16]
    return Library(prefix, f"#!lua name={prefix}\nlocal LIBRARY = '{prefix}'\n{body}")
