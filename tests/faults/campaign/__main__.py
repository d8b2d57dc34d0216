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
from faults.campaign.report import Bar, keep, line, progress, show

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
    rate = f" RATE={scale.rate:g}" if scale.rate != RATE else ""
    again = f"make faults REQUESTS={scale.requests} SEED={scale.seed}{rate}"
    console.print(f"Seed {scale.seed}: {again} plans the same run again.")
    folder = Path(tempfile.mkdtemp(prefix="sayso-faults-"))
    structlog.configure(logger_factory=structlog.WriteLoggerFactory((folder / "campaign.log").open("w")))
    outcome = asyncio.run(_run(scale, folder, console))
    show(outcome, console)
    if outcome.holds:
        shutil.rmtree(folder)
    else:
        keep(outcome, folder)
        console.print(f"The logs of the service and of Redis lie in {folder}, with each story of what failed.")
    console.print(line(outcome))
    return 0 if outcome.holds else 1


async def _run(scale: Scale, folder: Path, console: Console) -> Outcome:
    with progress(console) as shown:
        return await Campaign(scale, folder, Bar(shown)).run()


if __name__ == "__main__":
    sys.exit(main())
