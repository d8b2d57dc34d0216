"""Work in the background ends when it is told to."""

from __future__ import annotations

import asyncio

import pytest

from sayso_bot.testing.context import Lines
from sayso_bot.workers import tasks
from sayso_bot.workers.tasks import cancelled, running
from service import until


async def test_work_that_loses_a_cancellation_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "CANCEL_AGAIN_SECONDS", 0.01)
    lost = 0

    async def deaf() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost += 1
                if lost > 2:
                    raise

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await cancelled([task])
    assert (task.cancelled(), lost) == (True, 3)


async def test_nothing_to_end_is_ended() -> None:
    await cancelled([])
    done = asyncio.get_running_loop().create_future()
    done.set_result(None)
    await cancelled([done])


async def test_a_failure_in_the_background_is_logged_and_ends_nothing_else() -> None:
    log = Lines()

    async def fail() -> None:
        raise ValueError("a secret detail")

    async with running(fail(), log):
        await until(lambda: log.of("task_failed"))
    [line] = log.of("task_failed")
    assert line["error"] == "ValueError"


async def test_what_is_left_behind_is_given_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "FINISH_SECONDS", 0.05)
    finished = []

    async def work(seconds: float) -> None:
        await asyncio.sleep(seconds)
        finished.append(seconds)

    async with tasks.tasks(Lines()) as group:
        group.spawn(work(0.01))
        group.spawn(work(60))
    assert finished == [0.01]
