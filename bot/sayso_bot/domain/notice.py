"""A Notice is a word of ours at a place: what an admin has changed there, or that a place is ill. It asks nothing."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Notice:
    """``id`` names it among all that is posted; ``text`` is of several lines at most, and safe to look at."""

    id: str
    text: str


Notices: TypeAlias = Sequence[tuple[Notice, str]]
"""Each with the place at which it is to be said."""


def new_notice(text: str) -> Notice:
    """Its id begins with the time, so that those that wait for one moment are said in the order of their making."""
    return Notice(f"ntc_{time.time_ns():016x}{secrets.token_hex(6)}", text)


def is_notice(name: str) -> bool:
    """Whether ``name``, which lies among a place's work, is a notice's and no request's."""
    return name.startswith("ntc_")
