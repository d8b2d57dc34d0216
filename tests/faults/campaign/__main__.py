"""``python -m faults.campaign [--requests N] [--seed SEED] [--short]``: exit 0 when the ledger balances, else 1."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

import structlog
from rich.console import Console

from faults.campaign.campaign import Campaign, Outcome, Scale
from faults.campaign.report import Bar, keep, progress, show

RATE = 20.0


def main() -> int:
    parser = argparse.ArgumentParser(description="Hurt a running Sayso, and hold it to what it told people and agents.")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", default="", help="repeats the plan of an earlier run")
    parser.add_argument("--rate", type=float, default=RATE, help="requests a second")
    parser.add_argument("--short", action="store_true", help="wait for no long time-out")
    chosen = parser.parse_args()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    scale = Scale(chosen.requests, chosen.seed or secrets.token_hex(4), chosen.rate, long=not chosen.short)
    console.print(
        f"Seed {scale.seed}: make faults REQUESTS={scale.requests} SEED={scale.seed} plans the same run again."
    )
    folder = Path(tempfile.mkdtemp(prefix="sayso-faults-"))
    structlog.configure(logger_factory=structlog.WriteLoggerFactory((folder / "campaign.log").open("w")))
    outcome = asyncio.run(_run(scale, folder, console))
    show(outcome, console)
    if outcome.holds:
        shutil.rmtree(folder)
        return 0
    keep(outcome, folder)
    console.print(f"The logs of the service and of Redis lie in {folder}, with the story of each request that failed.")
    return 1


async def _run(scale: Scale, folder: Path, console: Console) -> Outcome:
    with progress(console) as shown:
        return await Campaign(scale, folder, Bar(shown)).run()


if __name__ == "__main__":
    sys.exit(main())
