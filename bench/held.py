"""Held agents: how much memory each call that is held costs the service.

What the service's process uses alone (no shared pages) is read with its requests made and nobody waiting, and again
when it says that it holds ten thousand calls. The ceiling of waking is measured in the same way, for comparison.
"""

from __future__ import annotations

from bench.rows import Row
from bench.scale import Progress, Scale, cores
from bench.waiting import at_ceiling, at_sayso
from bench.workload import under_test

AT_MOST_KIB = 16.0


async def rows(scale: Scale, progress: Progress) -> list[Row]:
    progress.begin("held", 2)
    async with under_test() as sayso, at_sayso(sayso, scale.held, 0) as ours:
        progress.step(f"{ours.memory_each / 1024:.1f} KiB")
    async with at_ceiling(scale.held, 0) as ceiling:
        progress.step()
    return [
        Row(
            "memory of a held call",
            round(ours.memory_each / 1024, 2),
            "KiB",
            at_most=AT_MOST_KIB,
            whole=scale.is_whole,
            measured_at={
                "held": scale.held,
                "cores": cores(),
                "cpu_share": ours.cpu_share,
                "ceiling_kib": round(ceiling.memory_each / 1024, 2),
                "before_mib": round(ours.memory_before / 2**20, 1),
            },
        )
    ]
