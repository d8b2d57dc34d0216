"""What is carried to its end when its caller hangs up, and who hears how it failed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sayso_bot.errors import InvalidField
from sayso_bot.http.carried import carried


async def _left(error: Exception | None) -> tuple[list[dict[str, Any]], bool]:
    """What the loop was told of an answer whose caller left before its end, and whether it came to that."""
    told: list[dict[str, Any]] = []
    begun, going_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    async def answer() -> str:
        begun.set()
        await going_on.wait()
        ended.set()
        if error is not None:
            raise error
        return "done"

    caller = asyncio.create_task(carried(answer()))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    going_on.set()
    await ended.wait()
    await asyncio.sleep(0.01)
    return told, ended.is_set()


async def test_a_refusal_that_nobody_waits_for_is_no_fault() -> None:
    assert await _left(InvalidField("No. Nothing was changed.", field="name")) == ([], True)
    assert await _left(None) == ([], True)


async def test_a_fault_that_nobody_waits_for_is_told_to_the_loop() -> None:
    fault = KeyError("ours")
    told, _ = await _left(fault)
    assert [context["exception"] for context in told] == [fault]


async def test_who_waits_is_told_and_nobody_else() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    async def answer() -> None:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        await carried(answer())
    assert told == []
