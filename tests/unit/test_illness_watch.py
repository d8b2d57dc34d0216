"""The watch over ill channels, look by look, beside another replica that looks too."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import pytest
import structlog

from sayso_bot.ports import Alarm, Illness
from sayso_bot.workers import illness
from sayso_bot.workers.illness import IllnessWatch

ILL = Illness("slack:C1", "is_archived", datetime(2026, 11, 29, tzinfo=UTC))


class Book:
    """What both replicas see, and what this one did."""

    def __init__(self) -> None:
        self.reported: list[Illness] = []
        self.alarms: list[Alarm] = []
        self.done: list[tuple[str, str]] = []
        self.told: list[list[Illness]] = []
        self.tried: list[str] = []
        self.watch = IllnessWatch(
            self._alarms, self._why, self._reported, self._report, self._reached, self._tell, structlog.get_logger()
        )

    async def _alarms(self, limit: int) -> list[Alarm]:
        return self.alarms

    async def _why(self, alarm: Alarm) -> str:
        return ""

    async def _reported(self) -> list[Illness]:
        return self.reported

    async def _report(self, place: str, what: str) -> None:
        self.done.append((place, what))
        self.reported = [ILL] if what else []

    async def _reached(self, place: str) -> None:
        self.tried.append(place)

    async def _tell(self) -> None:
        self.told.append(list(self.reported))


async def test_what_was_shown_before_another_replica_told_of_it_is_no_recovery_of_a_later_illness() -> None:
    book = Book()
    book.reported = [ILL]
    await book.watch.look()
    book.watch.shown(ILL.place, None)
    book.reported = []  # the other one had shown something too, and was quicker
    await book.watch.look()
    book.reported = [ILL]
    await book.watch.look()
    await book.watch.look()
    assert book.done == []


async def test_what_a_card_has_left_is_reported_and_told_and_gets_well_by_what_is_shown() -> None:
    book = Book()
    book.watch.left(ILL.place, ILL.what)
    await book.watch.look()
    assert (book.done, book.told) == ([(ILL.place, ILL.what)], [[ILL]])
    book.watch.shown(ILL.place, None)
    await book.watch.look()
    assert book.done[1:] == [(ILL.place, "")]


async def test_what_is_shown_while_it_is_still_being_reported_makes_it_well_at_the_next_look() -> None:
    book = Book()
    book.watch.left(ILL.place, ILL.what)
    report = book._report

    async def shown_meanwhile(place: str, what: str) -> None:
        book.watch.shown(place, None)
        await report(place, what)

    book.watch._report = shown_meanwhile
    await book.watch.look()
    book.watch._report = report
    await book.watch.look()
    assert book.done == [(ILL.place, ILL.what), (ILL.place, "")]


async def test_an_old_card_that_changes_makes_a_place_well_only_where_cards_could_not_be_changed() -> None:
    book = Book()
    book.watch.left(ILL.place, ILL.what)
    await book.watch.look()
    book.watch.shown(ILL.place, "ts1")
    await book.watch.look()
    assert book.done == [(ILL.place, ILL.what)]
    book.alarms = [Alarm("req_1", ILL.place, ILL.since)]
    await book.watch.look()
    book.watch.shown(ILL.place, "ts1")
    book.alarms = []
    await book.watch.look()
    assert book.done == [(ILL.place, ILL.what), (ILL.place, "")]


async def test_cards_that_could_not_be_shown_are_tried_when_others_are_and_each_time_after_a_longer_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(illness, "FIRST_PAUSE_SECONDS", 0.1)
    book = Book()
    book.alarms = [Alarm("req_1", ILL.place, ILL.since)]
    await book.watch.look()
    assert book.tried == [], "nothing was shown there since"
    end = time.monotonic() + 0.65
    while time.monotonic() < end:
        book.watch.shown(ILL.place, None)
        await book.watch.look()
        await asyncio.sleep(0.01)
    assert book.tried == [ILL.place] * 3, "at once, after 0.1 s, and after another 0.2 s"
    book.alarms = []
    book.watch.shown(ILL.place, None)
    await book.watch.look()
    assert book.done[-1] == (ILL.place, "")
    book.alarms = [Alarm("req_2", ILL.place, ILL.since)]
    await book.watch.look()
    book.watch.shown(ILL.place, None)
    await book.watch.look()
    assert book.tried == [ILL.place] * 4, "what fails later has nothing to do with that"
