"""A part of the load in a process of its own, told what to do in lines of JSON on its standard input.

`Helper` is the side that tells, `obey` the side that is told: each method of the object that it is given may be called
by name, one call at a time, and its answer is a line of JSON too: ``[answer]``, or ``[null, error]``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bench.processes import environment, raise_file_limit, root

LONGEST_LINE = 64 * 1024 * 1024


class Helper:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    async def do(self, what: str, *arguments: Any) -> Any:
        """Call the method ``what`` over there; its answer. Raises `RuntimeError` with its error, or when it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([what, *arguments]).encode() + b"\n")
        await self._process.stdin.drain()
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"a helper ended while it was asked to {what}; what it said stands above")
        answer, *errors = json.loads(line)
        if errors:
            raise RuntimeError(errors[0])
        return answer


@asynccontextmanager
async def helper(module: str, *arguments: str) -> AsyncIterator[Helper]:
    """``python -m module …``, which obeys."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        cwd=root(),
        env=environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LONGEST_LINE,
    )
    try:
        yield Helper(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def obey(told: object) -> None:
    """Call the methods of ``told`` that standard input names, until it ends. An error is told, and ends the process."""
    raise_file_limit()
    reader = asyncio.StreamReader(LONGEST_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        what, *arguments = json.loads(line)
        try:
            _tell([await getattr(told, what)(*arguments)])
        except Exception as error:
            _tell([None, str(error) or repr(error)])
            raise


def _tell(answer: list[Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
