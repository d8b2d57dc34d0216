"""Durations as people write them (``90s``, ``15m``, ``2h``, ``3d``), as numbers of seconds or as timedelta."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import TypeAlias

from sayso.errors import Unusable

Duration: TypeAlias = "str | int | float | timedelta"

_WRITTEN = re.compile(r"([0-9]{1,9})([smhd])\Z", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(duration: Duration) -> float:
    """``duration`` in seconds, not negative. Raises `Unusable`."""
    if isinstance(duration, str):
        written = _WRITTEN.match(duration)
        if written is None:
            raise Unusable(f"{duration!r} is not a duration. Write a number and s, m, h or d: 90s, 15m, 2h, 3d.")
        return float(int(written[1]) * _SECONDS[written[2]])
    if isinstance(duration, timedelta):
        duration = duration.total_seconds()
    if isinstance(duration, bool) or not math.isfinite(duration) or duration < 0:
        raise Unusable(f"{duration!r} is not a duration. It must be a number of seconds, not negative.")
    return float(duration)


def written(duration: Duration) -> str:
    """``duration`` as the service reads it. Raises `Unusable`: a deadline is a whole number of seconds."""
    exact = seconds(duration)
    if isinstance(duration, str):
        return duration
    if exact < 1 or exact != int(exact):
        raise Unusable(f"{duration!r} is not a deadline. It must be a whole number of seconds, at least one.")
    return f"{int(exact)}s"


def left(remaining: float) -> str:
    """A remaining time for a person: ``4 min 05 s``."""
    whole = max(0, math.ceil(remaining))
    if whole >= 86400:
        return f"{whole // 86400} d {whole % 86400 // 3600} h"
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"
