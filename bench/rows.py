"""One line of the benchmark's table: a number, what it must reach, and what it was measured at.

A row that was run smaller than a whole run is not ok, however good its value is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """``at_least`` or ``at_most`` is the bound; ``whole`` is False for a run smaller than that.

    ``measured_at`` says how: held calls, rate, slices, cores, the load generator's own share of a core.
    """

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    whole: bool = True
    measured_at: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        high_enough = self.at_least is None or self.value >= self.at_least
        low_enough = self.at_most is None or self.value <= self.at_most
        return self.whole and high_enough and low_enough

    def as_json(self) -> dict[str, Any]:
        """As in ``bench/results.json``."""
        bounds = {"at_least": self.at_least, "at_most": self.at_most}
        about = {"name": self.name, "value": self.value, "unit": self.unit}
        held_to = {name: bound for name, bound in bounds.items() if bound is not None}
        return about | held_to | {"ok": self.ok, "measured_at": dict(self.measured_at)}
