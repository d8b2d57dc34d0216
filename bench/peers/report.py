"""The table, the rows of `results.json`, and the line that says what held.

A row is a ratio against one peer, above 1 where Sayso is the faster. The table shows what the ratios were made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.peers.measuring import CALLERS, SLICE_SECONDS, Sample
from bench.rows import Row
from bench.scale import cores

Samples = Mapping[tuple[str, int], Sample]


@dataclass(frozen=True, slots=True)
class Figures:
    """One service at one number of waiting agents: requests a second, and seconds to wake."""

    intake: float
    wake: float
    wake_p99: float

    @classmethod
    def of(cls, sample: Sample) -> Figures:
        return cls(median(sample.rates), median(sample.wakes), percentile(sample.wakes, 0.99))


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest value that at least ``part`` of ``values`` do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-part * len(ordered) // 1) - 1)]


def rows(samples: Samples, ours: str) -> list[Row]:
    """Three ratios for each peer and each number of waiting agents."""
    return [
        row
        for (name, waiting), sample in samples.items()
        if name != ours
        for row in _against(name, waiting, samples[ours, waiting], sample)
    ]


def _against(peer: str, waiting: int, ours: Sample, theirs: Sample) -> Iterator[Row]:
    mine, its = Figures.of(ours), Figures.of(theirs)
    for what, unit, our_value, their_value, ratio in (
        ("intake", "requests/s", mine.intake, its.intake, _times(ours.rates, theirs.rates)),
        ("wake, median", "s", mine.wake, its.wake, its.wake / mine.wake),
        ("wake, p99", "s", mine.wake_p99, its.wake_p99, its.wake_p99 / mine.wake_p99),
    ):
        yield Row(
            name=f"{what}, {waiting} waiting, against {peer}",
            value=round(ratio, 3),
            unit="times as fast",
            at_least=1.0,
            measured_at={
                "waiting": waiting,
                "sayso": round(our_value, 5),
                peer: round(their_value, 5),
                "of": unit,
                "slices": len(ours.rates),
                "slice_seconds": SLICE_SECONDS,
                "callers": CALLERS,
                "wakes": len(theirs.wakes),
                "cores": cores(),
                "load_generator_cpu": round(median(ours.busy), 2),
                "load_generator_cpu_against_peer": round(median(theirs.busy), 2),
            },
        )


def _times(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Each of our slices against the one beside it, and the median of that."""
    return median(mine / its for mine, its in zip(ours, theirs, strict=True))


def table(samples: Samples) -> str:
    """Absolute numbers, for people: they hold for this machine and this run alone."""
    head = f"{'':>9}  {'service':<13}{'intake, requests/s':>20}{'wake, median':>15}{'wake, p99':>15}"
    lines = [head]
    for (name, waiting), sample in sorted(samples.items(), key=lambda item: item[0][1]):
        figures = Figures.of(sample)
        lines.append(
            f"{waiting:>3} waiting  {name:<12}{figures.intake:>20,.0f}"
            f"{figures.wake * 1000:>12,.1f} ms{figures.wake_p99 * 1000:>12,.1f} ms"
        )
    return "\n".join(lines)


def closing_line(found: Sequence[Row], seconds: float) -> str:
    missed = [row for row in found if not row.ok]
    if missed:
        named = "; ".join(f"{row.name}: {row.value:.2f}" for row in missed)
        return f"Sayso was not the faster at {len(missed)} of {len(found)} points: {named}."
    least = min(found, key=lambda row: row.value)
    return (
        f"Sayso was the faster at all {len(found)} points, by {least.value:.1f} times at the least"
        f" ({least.name}); {seconds:.0f} s."
    )
