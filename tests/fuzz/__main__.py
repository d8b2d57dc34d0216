"""`make fuzz SECONDS=60 [SEED=…]`: fuzz for that long, and one line that says what held; exit 1 otherwise.

A failure is printed as the bytes to send and saved under `.fuzz/`; ``--replay FILE`` sends them again.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path

from fuzz.campaign import Campaign, Found, Tally
from fuzz.case import Case
from fuzz.judge import complaint
from fuzz.parsers import PARSERS
from fuzz.world import running

FOLDER = Path(__file__).resolve().parents[2] / ".fuzz"
SHOWN = 4000
MOST_SAVED = 200
SERVER_ERRORS = {
    503: "declared 503 with Retry-After",
    501: "501 of Microsoft's SDK",
    502: "502 for codes that Slack did not take",
}


def main() -> int:
    told = _arguments()
    with tempfile.TemporaryDirectory(prefix="fz-", dir="/tmp") as folder:
        if told.replay:
            return asyncio.run(_replay(Path(folder), Case.load(told.replay)))
        print(f"Seed {told.seed}", flush=True)
        begun = time.monotonic()
        try:
            tally = asyncio.run(_fuzz(Path(folder), told.seed, told.seconds))
        except Found as found:
            _show(found, told.seed)
            return 1
    print(closing_line(tally, time.monotonic() - begun))
    return 0


def closing_line(tally: Tally, seconds: float) -> str:
    calls = ", ".join(f"{count:,} {target}" for target, count in sorted(tally.sent.items()))
    parsed = ", ".join(f"{count:,} {name}" for name, count in sorted(tally.parsed.items()))
    return (
        f"{tally.calls:,} calls ({calls}) and {tally.parsed.total():,} texts ({parsed}) in {seconds:.0f} s,"
        f" {len(tally.kinds)} kinds of answer: {_failures(tally)}, no hang (slowest {tally.slowest:.1f} s),"
        f" no undeclared refusal, no error in the log, {tally.grown_kib / 1024:+.1f} MiB, and good requests went on."
    )


def _failures(tally: Tally) -> str:
    """The judge lets pass what is declared (fuzz/judge.py); here it is counted."""
    let_pass = [f"{count:,} {SERVER_ERRORS[status]}" for status in SERVER_ERRORS if (count := tally.statuses[status])]
    return f"no 5xx but {' and '.join(let_pass)}" if let_pass else "no 5xx"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--replay", type=Path, help="a case that was saved")
    return parser.parse_args()


async def _fuzz(folder: Path, seed: str, seconds: float) -> Tally:
    async with running(folder) as world:
        return await Campaign(world, seed, lambda line: print(line, flush=True)).run(seconds)


def _show(found: Found, seed: str) -> None:
    saved = [case.save(FOLDER, found.why) for case in found.cases[:MOST_SAVED]]
    first = found.cases[0]
    print(f"\nDoes not hold ({first.target}): {found.why}\n", file=sys.stderr)
    print(f"head = {first.head[:SHOWN]!r}\nbody = {first.body[:SHOWN]!r}\n", file=sys.stderr)
    print(f"Saved: {saved[0]}{f' and {len(saved) - 1} more' if len(saved) > 1 else ''}. Again: "
          f"make fuzz REPLAY={saved[0]}, or the whole run: make fuzz SEED={seed}", file=sys.stderr)  # fmt: skip


async def _replay(folder: Path, case: Case) -> int:
    """Send one saved case, and say how it was answered."""
    for parser in PARSERS:
        if parser.name == case.target:
            print(parser.run(case.body))
            return 0
    async with running(folder) as world:
        found = await world.send(case)
        print(found.sent.decode("latin-1"), *found.answers, sep="\n")
        wrong = complaint(case, found) or world.new_log_trouble()
        await world.set_right()
        wrong = wrong or await world.works()
    print(wrong or "All holds.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
