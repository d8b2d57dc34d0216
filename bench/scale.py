"""How large a run is. `WHOLE` is a whole run; a row that was run smaller is not ok."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Protocol

CORES = 2


@dataclass(frozen=True, slots=True)
class Scale:
    """``decisions`` are a second; ``few`` and ``many`` are pending requests; ``starts`` is how often it is started.

    ``taps`` are a second, while ``agents`` wait; ``burst`` is how many requests one channel gets at once; ``changes``
    is how often a route is changed. ``matched`` are rules that a request is held against, ``rules`` those of a policy
    that is read.
    """

    slices: int = 20
    slice_seconds: float = 1.0
    connections: int = 64
    held: int = 10_000
    decisions: int = 500
    few: int = 1_000
    many: int = 1_000_000
    starts: int = 7
    taps: int = 100
    agents: int = 1_000
    burst: int = 500
    changes: int = 40
    matched: int = 1_000
    rules: int = 10_000

    @property
    def is_whole(self) -> bool:
        """Whether every part is as large as in a whole run, on as many cores."""
        mine, asked = asdict(self), asdict(WHOLE)
        is_large = all(mine[name] >= least for name, least in asked.items() if name != "few")
        return is_large and self.few <= WHOLE.few and cores() == CORES


WHOLE = Scale()
TINY = Scale(
    slices=2, slice_seconds=0.2, connections=4, held=20, decisions=40, few=20, many=100, starts=1,
    taps=20, agents=20, burst=20, changes=2, matched=40, rules=200,
)  # fmt: skip


def cores() -> int:
    """How many cores this process and all that it starts may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keep_to_two_cores() -> None:
    """Where the machine has more, this process and all that it starts use two of them."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


class Progress(Protocol):
    """Told how far a row is. What shows it must cost nothing while a slice runs."""

    def begin(self, what: str, steps: int) -> None: ...

    def step(self, note: str = "") -> None: ...
