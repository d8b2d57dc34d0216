"""Where a command may put a link that lets in whoever holds it: a terminal, or a new file of its owner's alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import typer


def check_destination(out: Path | None) -> None:
    """Raises `typer.BadParameter` where there is neither a file nor a terminal."""
    if out is None and not sys.stdout.isatty():
        raise typer.BadParameter(
            "standard output is not a terminal, and a link must not end in a log; name a file with --out",
            param_hint="--out",
        )


@contextmanager
def new_private_file(path: Path) -> Iterator[TextIO]:
    """A new file that only its owner can read, gone again if writing fails. An existing one is left alone."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        what = "it exists already" if isinstance(error, FileExistsError) else "it cannot be made there"
        raise typer.BadParameter(f"{path}: {what}; name a new file", param_hint="--out") from None
    written = False
    try:
        with os.fdopen(descriptor, "w") as file:
            yield file
        written = True
    finally:
        if not written:
            path.unlink(missing_ok=True)
