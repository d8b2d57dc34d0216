"""Wake: how long it takes from a vote that counts to the agent that has waited for it.

Ten thousand calls are held at the service and at the ceiling (`ceilings.wake`); slices of one second in which people
decide alternate between the two. Then the same at the service while it also takes requests, at 30 % of as many as it
can take. A slice's value is the 99th percentile of its wakes, a row the median of its slices.
"""

from __future__ import annotations

import asyncio
from statistics import median

from bench.load import Pump, connected, paced_calls
from bench.load import close as close_all
from bench.rows import Row
from bench.scale import Progress, Scale, cores
from bench.waiting import Waiting, at_ceiling, at_sayso, percentile
from bench.workload import UnderTest, under_test

AT_MOST_MS = 10.0
AT_MOST_RATIO = 2.5
AT_MOST_MS_UNDER_INTAKE = 40.0
SHARE_OF_INTAKE = 0.3
INTAKE_SLICES = 3
P99 = 0.99


async def rows(scale: Scale, progress: Progress) -> list[Row]:
    progress.begin("wake", 2 * scale.slices)
    needed = round(scale.decisions * scale.slice_seconds * (2 * scale.slices + 2)) + scale.held
    async with (
        under_test() as sayso,
        at_sayso(sayso, scale.held, needed) as ours,
        at_ceiling(scale.held, needed) as ceiling,
    ):
        alone = await _alone(scale, progress, ours, ceiling)
        return [*alone, await _under_intake(scale, progress, sayso, ours)]


async def _alone(scale: Scale, progress: Progress, ours: Waiting, ceiling: Waiting) -> list[Row]:
    for side in (ours, ceiling):
        await side.slice(scale.slice_seconds, scale.decisions)
        side.slices.clear()
    shares = ours.shares()
    for _ in range(scale.slices):
        for side in (ours, ceiling):
            await side.slice(scale.slice_seconds, scale.decisions)
        progress.step(f"p99 {percentile(ours.slices[-1], P99):.1f} ms")
    mine, theirs = (_p99s(side) for side in (ours, ceiling))
    about = _about(scale) | {"sayso_ms": _spread(ours), "ceiling_ms": _spread(ceiling), "cpu_share": shares.so_far()}
    held = f"{scale.held:,} held, {scale.decisions} decisions a second"
    ratio = median(one / other for one, other in zip(mine, theirs, strict=True))
    return [
        Row(f"wake, {held}: p99", round(median(mine), 2), "ms", at_most=AT_MOST_MS, whole=scale.is_whole,
            measured_at=about),
        Row(f"wake, {held}: p99 ÷ the ceiling's", round(ratio, 2), "ratio", at_most=AT_MOST_RATIO,
            whole=scale.is_whole, measured_at=about),
    ]  # fmt: skip


async def _under_intake(scale: Scale, progress: Progress, sayso: UnderTest, ours: Waiting) -> Row:
    connections = await connected(sayso.port, scale.connections)
    submissions = sayso.submissions()
    pump = Pump(connections, submissions.next, 201)
    most = median([(await pump.run(scale.slice_seconds)).rate for _ in range(INTAKE_SLICES)])
    ours.slices.clear()
    taken, shares = [], ours.shares()
    for _ in range(scale.slices):
        intake, _ = await asyncio.gather(
            paced_calls(connections, submissions.next, 201, SHARE_OF_INTAKE * most, scale.slice_seconds),
            ours.slice(scale.slice_seconds, scale.decisions),
        )
        taken.append(intake.rate)
        progress.step(f"p99 {percentile(ours.slices[-1], P99):.1f} ms under intake")
    cpu_share = shares.so_far()
    close_all(connections)
    share = median(taken) / most
    about = {
        "intake_ceiling": round(most),
        "intake": round(median(taken)),
        "share": round(share, 3),
        "cpu_share": cpu_share,
    }
    return Row(
        f"wake under intake at {SHARE_OF_INTAKE:.0%} of its ceiling: p99",
        round(median(_p99s(ours)), 2),
        "ms",
        at_most=AT_MOST_MS_UNDER_INTAKE,
        whole=scale.is_whole and share > 0.95 * SHARE_OF_INTAKE,
        measured_at=_about(scale) | about | {"sayso_ms": _spread(ours)},
    )


def _p99s(side: Waiting) -> list[float]:
    return [percentile(wakes, P99) for wakes in side.slices]


def _spread(side: Waiting) -> dict[str, float]:
    """Over all wakes of all slices, in milliseconds."""
    wakes = [wake for wakes in side.slices for wake in wakes]
    found = {"p50": percentile(wakes, 0.5), "p99": percentile(wakes, P99), "most": max(wakes)}
    return {name: round(value, 2) for name, value in found.items()}


def _about(scale: Scale) -> dict[str, object]:
    return {
        "held": scale.held,
        "decisions_per_second": scale.decisions,
        "slices": scale.slices,
        "slice_seconds": scale.slice_seconds,
        "cores": cores(),
    }
