"""Whoever asks for much waits for their own turns; others have theirs meanwhile."""

from __future__ import annotations

import asyncio
import gc

import pytest

from sayso_bot.http.turns import Turns


class Yard:
    """Who has a turn now, and who had one; a turn ends when it is let go."""

    def __init__(self, at_once: int = 4) -> None:
        self.turns = Turns(at_once)
        self.now: list[str] = []
        self._ends: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def ask(self, *who: str) -> None:
        """Each asks for a turn: ``a1`` and ``a2`` are of the name ``a``."""
        for one in who:
            self._ends[one] = asyncio.Event()
            self._tasks[one] = asyncio.create_task(self._turn(one))
            await self._settle()

    async def end(self, *who: str) -> None:
        for one in who:
            self._ends[one].set()
        await asyncio.gather(*(self._tasks[one] for one in who))
        await self._settle()

    async def leave(self, one: str) -> None:
        self._tasks[one].cancel()
        await asyncio.gather(self._tasks[one], return_exceptions=True)
        await self._settle()

    async def _turn(self, one: str) -> None:
        async with self.turns.of(one[0]):
            self.now.append(one)
            try:
                await self._ends[one].wait()
            finally:
                self.now.remove(one)

    async def _settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)


async def test_a_name_has_one_turn_at_a_time_and_others_have_theirs() -> None:
    yard = Yard()
    await yard.ask("a1", "a2", "a3", "b1")
    assert yard.now == ["a1", "b1"]
    await yard.end("a1")
    assert yard.now == ["b1", "a2"]


async def test_no_more_than_so_many_names_have_a_turn_and_the_first_to_come_is_next() -> None:
    yard = Yard(at_once=2)
    await yard.ask("a1", "b1", "c1", "a2", "d1")
    assert yard.now == ["a1", "b1"]
    await yard.end("a1")
    assert yard.now == ["b1", "c1"]
    await yard.end("b1")
    assert yard.now == ["c1", "d1"]


@pytest.mark.parametrize("gone", ["a1", "a2"], ids=["in its turn", "before it"])
async def test_who_goes_away_holds_up_nobody(gone: str) -> None:
    yard = Yard(at_once=1)
    await yard.ask("a1", "a2", "b1")
    await yard.leave(gone)
    await asyncio.wait_for(yard.end(*{"a1", "a2", "b1"} - {gone}), 5)
    assert yard.now == []


async def test_names_are_forgotten_when_nobody_is_left() -> None:
    turns = Turns()
    for number in range(100):
        async with turns.of(f"key {number}"):
            pass
    gc.collect()
    assert not turns._own
