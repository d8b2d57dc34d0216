"""How commands print: tables that read well, JSON for scripts, and nothing that could command a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.cells import cell_len

from sayso_bot.domain.text import one_line

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_GAP = "  "
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


class Shown(str):
    """Text that is safe to look at already; making it safe again would name the names in it."""

    __slots__ = ()


def say(line: str) -> None:
    """A line for the person, beside the result: to standard error."""
    typer.echo(line, err=True)


def print_json(value: Any) -> None:
    """JSON in ASCII, so that no character of it acts on a terminal."""
    typer.echo(json.dumps(value, indent=2))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    for line in table(headings, rows):
        typer.echo(line)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Rows under headings, each cell on one line and whole, columns as wide as they must be."""
    cells = [[*headings], *([_safe(cell) for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        yield _GAP.join(padded).rstrip()


def _safe(cell: str) -> str:
    return cell if isinstance(cell, Shown) else one_line(cell)


def quoted(text: str, margin: str) -> Iterator[str]:
    """Text of several lines behind a bar, so that none of them can pass for a line of ours. It is `visible` already."""
    for line in text.split("\n"):
        yield f"{margin}| {line}"


def span(seconds: float) -> str:
    """A length of time in its largest unit: ``40s``, ``5m``, ``3h``, ``2d``."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return "0s"


def clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
