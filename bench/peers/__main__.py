"""`make bench-peers`: Sayso and its peers in one run, a table, and one line that says what held.

Exit 1 where a peer does not install, start or answer as documented, and where Sayso is not at least as fast at every
point that was measured.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from bench.load import Unexpected
from bench.peers import air_gate, awaithumans, sayso
from bench.peers.environments import Broken
from bench.peers.gates import Gate, Opens
from bench.peers.measuring import Sample, visit
from bench.peers.report import closing_line, rows, table
from bench.scale import keep_to_two_cores

GATES: dict[str, Opens] = {
    sayso.NAME: sayso.opened,
    awaithumans.NAME: awaithumans.opened,
    air_gate.NAME: air_gate.opened,
}
WAITING = (1, 50, 200)
ROUNDS = 3
RESULTS = Path(__file__).parent / "results.json"
SEED = 1


def main() -> int:
    keep_to_two_cores()
    began = time.monotonic()
    RESULTS.unlink(missing_ok=True)
    try:
        samples = asyncio.run(_measured())
    except (Broken, Unexpected, TimeoutError) as error:
        print(f"bench-peers: {error or 'an agent was never told of its approval'}", file=sys.stderr)
        return 1
    found = rows(samples, ours=sayso.NAME)
    RESULTS.write_text(json.dumps([row.as_json() for row in found], indent=2) + "\n")
    print(table(samples))
    print(closing_line(found, time.monotonic() - began))
    return 0 if all(row.ok for row in found) else 1


async def _measured() -> dict[tuple[str, int], Sample]:
    """A sample for each service and number of waiting agents."""
    samples = {(name, waiting): Sample() for name in GATES for waiting in WAITING}
    chance = random.Random(SEED)
    async with AsyncExitStack() as stack:
        gates = {name: await _opened(stack, name) for name in GATES}
        for waiting in WAITING:
            for number in range(1, ROUNDS + 1):
                for name, gate in gates.items():
                    print(f"{waiting} waiting, round {number} of {ROUNDS}: {name}", flush=True)
                    await visit(gate, waiting, samples[name, waiting], chance)
    return samples


async def _opened(stack: AsyncExitStack, name: str) -> Gate:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{name}-")))
    return await stack.enter_async_context(GATES[name](folder))


if __name__ == "__main__":
    sys.exit(main())
