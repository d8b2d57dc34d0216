"""The processes of a run: started, waited for, ended; what they have used of the processor and of memory."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE_SECONDS = 20.0


def root() -> Path:
    """The project's folder, in which its programs run."""
    return Path(__file__).parent.parent


def environment() -> dict[str, str]:
    """What a program of this package needs to find the tests' helpers, whoever starts it."""
    return {**os.environ, "PYTHONPATH": str(root() / "tests")}


def raise_file_limit() -> None:
    """Each connection is a file: allow as many as this user may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def cpu_seconds(pid: int) -> float:
    """What the process has used so far, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class Shares:
    """What named processes use of one core from now on; the load generator is always among them."""

    def __init__(self, **pids: int) -> None:
        self._pids = pids | {"generator": os.getpid()}
        self._begun = time.perf_counter()
        self._before = self._now()

    def so_far(self) -> dict[str, float]:
        elapsed = time.perf_counter() - self._begun
        return {name: round((used - self._before[name]) / elapsed, 2) for name, used in self._now().items()}

    def _now(self) -> dict[str, float]:
        return {name: cpu_seconds(pid) for name, pid in self._pids.items()}


def own_memory(pid: int) -> int:
    """The bytes of memory that only this process uses."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    sizes = {line.split(":")[0]: line.split()[1] for line in text.splitlines()[1:]}
    return (int(sizes["Private_Clean"]) + int(sizes["Private_Dirty"])) * 1024


@asynccontextmanager
async def program(module: str, port: int, *arguments: str) -> AsyncIterator[int]:
    """``python -m module PORT …`` in a process of its own, from when it listens; its pid."""
    command: Sequence[str] = [sys.executable, "-m", module, str(port), *arguments]
    child = subprocess.Popen(command, cwd=root(), env=environment())  # noqa: ASYNC220 - nothing else happens meanwhile
    try:
        end = time.monotonic() + PATIENCE_SECONDS
        while not _listens(port):
            if child.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{module} did not start")
            await asyncio.sleep(0.05)
        yield child.pid
    finally:
        child.kill()
        child.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
