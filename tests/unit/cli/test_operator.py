"""The way of a command into the book, and out again."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

import pytest

from sayso_bot.cli.operator import Book, with_book
from unit.cli.office import Operator


@pytest.mark.usefixtures("operator")
def test_ctrl_c_ends_a_command_that_loses_its_first_cancellation() -> None:
    """`asyncio.wait_for` of Python 3.11 loses one that comes together with what it waits for, and redis-py uses it."""
    lost = []

    async def work(book: Book) -> None:
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        lost.append(book)
        await asyncio.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        with_book(work)
    assert lost


def test_one_wording_for_names_wherever_they_are_given(operator: Operator) -> None:
    said = "1 to 32 of the characters a to z, 0 to 9 and -"
    for words in (["keys", "create", "Shop"], ["requests", "list", "--agent", "Shop"]):
        ended = operator.run(*words)
        assert ended.code == 2
        assert said in " ".join(ended.err.replace("│", " ").split())
