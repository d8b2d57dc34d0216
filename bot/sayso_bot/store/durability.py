"""What must have happened to a write before it is acknowledged: the value of SAYSO_DURABILITY."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

_FSYNC = re.compile(r"fsync(?::([0-9]{1,2}))?")


@dataclass(frozen=True, slots=True)
class Durability:
    """``server`` trusts the server's own appendonly settings, ``fsync`` waits for its disk before each answer.

    ``replicas`` counts those that must have it on disk too (``fsync:2``). ``none`` accepts that answers may be lost.
    """

    kind: Literal["server", "fsync", "none"] = "server"
    replicas: int = 0

    @classmethod
    def parse(cls, text: str) -> Durability:
        """``server``, ``fsync``, ``fsync:N`` or ``none``. Raises `ValueError` with the end of a sentence."""
        if text == "server":
            return cls("server")
        if text == "none":
            return cls("none")
        if match := _FSYNC.fullmatch(text):
            return cls("fsync", int(match[1] or 0))
        raise ValueError("must be server, fsync, fsync:N (N replicas, as in fsync:1) or none")

    def __str__(self) -> str:
        return f"{self.kind}:{self.replicas}" if self.replicas else self.kind
