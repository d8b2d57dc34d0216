"""A server of its own process, with a folder and a log of its own, there once an address answers 200."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from bench.peers.environments import Broken

READY_SECONDS = 60
END_SECONDS = 15
LOG_LINES = 15


@asynccontextmanager
async def serving(
    name: str, command: Sequence[str], environ: Mapping[str, str], folder: Path, ready: str
) -> AsyncIterator[None]:
    """``command`` running in ``folder``. Raises `Broken` when it ends, or ``ready`` does not answer in time."""
    log = folder / "log"
    child = _started(command, {**_clean(os.environ), **environ}, log)
    try:
        await _until_ready(name, child, log, ready)
        yield
    finally:
        child.terminate()
        await asyncio.to_thread(_ended, child)


def _started(command: Sequence[str], environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(command, cwd=log.parent, env=environ, stdout=output, stderr=output)


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without the settings of any of the services, which would change what is measured."""
    own = ("SAYSO_", "SLACK_", "AWAITHUMANS_", "GATE_")
    return {name: value for name, value in environ.items() if not name.startswith(own)}


async def _until_ready(name: str, child: subprocess.Popen[bytes], log: Path, ready: str) -> None:
    end = time.monotonic() + READY_SECONDS
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
        while not await _answers(http, ready):
            if child.poll() is not None or time.monotonic() > end:
                raise Broken(f"{name} did not start within {READY_SECONDS} s:\n{_end_of(log)}")
            await asyncio.sleep(0.05)


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])


async def _answers(http: aiohttp.ClientSession, address: str) -> bool:
    try:
        async with http.get(address) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


def _ended(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
