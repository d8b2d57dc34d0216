"""What a run shows: a bar while it measures, a table of the rows at the end, and one line that says what held."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.rows import Row

_CONSOLE = Console()


class Bar:
    """Redrawn at each step only, so that nothing is drawn while a slice runs. Off a terminal: a line a step."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._progress = Progress(*columns, TextColumn("{task.fields[note]}"), console=_CONSOLE, auto_refresh=False)
        self._task: TaskID | None = None
        self._what = ""

    def begin(self, what: str, steps: int) -> None:
        self._what = what
        self._task = self._progress.add_task(what, total=steps, note="")
        self._progress.refresh()

    def step(self, note: str = "") -> None:
        assert self._task is not None
        self._progress.update(self._task, advance=1, note=note)
        self._progress.refresh()
        if not _CONSOLE.is_terminal:
            _CONSOLE.print(f"{self._what} {note}")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def show(rows: Sequence[Row]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading, side in (("measure", "left"), ("value", "right"), ("bound", "right"), ("", "left")):
        table.add_column(heading, justify=side)  # type: ignore[arg-type]
    for row in rows:
        table.add_row(row.name, f"{row.value:g} {_unit(row)}", _bound(row), _verdict(row))
    _CONSOLE.print(table)
    for row in rows:
        _CONSOLE.print(f"{row.name}\n  {json.dumps(dict(row.measured_at), ensure_ascii=False)}", style="dim")


def closing_line(rows: Sequence[Row], broken: Mapping[str, str]) -> str:
    """``broken`` has the measures that broke off, each with its error."""
    missed = [row.name for row in rows if not row.ok]
    if not missed and not broken:
        return f"All {len(rows)} rows hold."
    said = [f"{len(rows) - len(missed)} of {len(rows)} rows hold"]
    if missed:
        said.append(f"not ok: {'; '.join(missed)}")
    said += [f"{name} broke off: {error.rstrip('.')}" for name, error in broken.items()]
    return f"{'; '.join(said)}."


def _unit(row: Row) -> str:
    return "" if row.unit == "ratio" else row.unit


def _bound(row: Row) -> str:
    if row.at_least is not None:
        return f"≥ {row.at_least:g}"
    return f"≤ {row.at_most:g}" if row.at_most is not None else ""


def _verdict(row: Row) -> str:
    if row.ok:
        return "ok"
    return "not ok" if row.whole else "not ok: smaller than a whole run"
