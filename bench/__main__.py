"""``python -m bench [NAME …]``: run the rows of all measures or of those named, and say what held.

Prints a table, writes ``bench/results.json``, and ends with 1 where a row is not ok or a measure broke off.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import sys
import traceback
from importlib.util import find_spec
from pathlib import Path

from bench.processes import raise_file_limit
from bench.rows import Row
from bench.scale import WHOLE, keep_to_two_cores
from bench.table import Bar, closing_line, show
from sayso_bot.telemetry import configure_logs

MEASURES = ("intake", "wake", "held", "growth", "start", "taps", "burst", "routes", "policy", "under_attack")
RESULTS = Path(__file__).parent / "results.json"


async def measured(names: list[str]) -> tuple[list[Row], dict[str, str]]:
    """The rows of all ``names``, and the first line of each error by which a measure broke off.

    What there is so far is kept after each.
    """
    rows: list[Row] = []
    broken: dict[str, str] = {}
    with Bar() as bar:
        for name in names:
            try:
                rows += await importlib.import_module(f"bench.{name}").rows(WHOLE, bar)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others are measured
                traceback.print_exc()
                broken[name] = (str(error) or repr(error)).partition("\n")[0]
            RESULTS.write_text(json.dumps([row.as_json() for row in rows], indent=2, ensure_ascii=False) + "\n")
    return rows, broken


def chosen(arguments: list[str]) -> list[str]:
    """The measures to run: those named, else all that are there."""
    known = [name for name in MEASURES if find_spec(f"bench.{name}") is not None]
    parser = argparse.ArgumentParser(prog="bench", description="Measure what Sayso must reach.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; all by default")
    names: list[str] = parser.parse_args(arguments).names
    for name in names:
        if name not in known:
            parser.error(f"there is no measure {name}; there are {', '.join(known)}")
    return names or known


def main() -> int:
    keep_to_two_cores()
    configure_logs("console", "error")
    raise_file_limit()
    names = chosen(sys.argv[1:])
    rows, broken = asyncio.run(measured(names))
    show(rows)
    print(closing_line(rows, broken))
    return 0 if all(row.ok for row in rows) and not broken else 1


if __name__ == "__main__":
    sys.exit(main())
