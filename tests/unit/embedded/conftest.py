"""A data folder for each test, and a log."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import CapturingLogger

from sayso_bot.store.record import Record


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder with a short path; whatever server is left on it is ended."""
    above = Path(tempfile.mkdtemp(prefix="se-", dir="/tmp"))
    yield above / "data"
    record = Record.read(above / "data" / "redis")
    if record:
        record.process.send(signal.SIGKILL)
    shutil.rmtree(above)


@pytest.fixture
def log() -> CapturingLogger:
    return CapturingLogger()
