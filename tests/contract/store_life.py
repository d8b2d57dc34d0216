"""A book's whole life: every function of the store at least once, in an order that gives the same each time."""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from msgspec import structs

from book import ANA, BEN, EPOCHS, PLACE, advance, attached, cast, change, key, lying_in, new
from office_store import a_route, changed, paused, removing, resumed, setting, taken_along
from sayso_bot.domain.notice import Notice
from sayso_bot.domain.request import Request, from_milliseconds
from sayso_bot.ports import Epochs, Filter, NoticeWork, Telling, Work
from sayso_bot.store.redis import RedisStore

WRITERS = (
    "submit", "vote", "edit", "attach_file", "cancel", "expire", "begin", "renew", "posted", "narrated", "tapped",
    "failed", "moot", "move", "put_keys", "activate", "pause", "resume", "change_places", "take_along", "report",
    "join", "want", "repainted", "lapse_keys", "note_use", "claim", "tell", "begin_telling", "telling_failed",
    "end_telling",
)  # fmt: skip
READERS = ("read", "pending", "glance", "list", "due_requests", "due_places", "due_work", "configuration", "versions")
AT = 4_000_000_000_000


class Life:
    """``answers`` is what each call said. Names and times are the same in every life, so two can be compared."""

    def __init__(self, store: RedisStore) -> None:
        self.store = store
        self.answers: list[Any] = []
        self._numbers = itertools.count()

    async def live(self) -> None:
        await self.store.client.set(self.store.keys["clock"], AT)
        for step in self._steps():
            self.answers.append(await step())
            if isinstance(self.answers[-1], float):
                await advance(self.store, self.answers[-1])

    async def everything(self) -> dict[str, Any]:
        """All that lies in the book afterwards. How often its clock was set is nobody's business."""
        return {name: held for name, held in (await lying_in(self.store)).items() if name != "clock"}

    def _steps(self) -> Iterator[Callable[[], Awaitable[Any]]]:
        yield from self._a_request_that_two_approve()
        yield from self._a_request_that_is_edited()
        yield from self._a_card_with_trouble()
        yield from self._a_card_that_moves()
        yield from self._ends()
        yield from self._an_end_that_is_told()
        yield from self._configuration()
        yield from self._an_admin_s_day()

    def _last(self) -> Any:
        return self.answers[-1]

    def _new(self, **how: Any) -> Any:
        number = next(self._numbers)
        return new(request_id=f"req_{number}", button=f"btn_{number}", **how)

    def _a_request_that_two_approve(self) -> Iterator[Callable[[], Awaitable[Any]]]:
        store = self.store
        asked = self._new(quorum=2, idempotency_key="k")
        yield lambda: store.submit(asked, EPOCHS)
        request: Request = self._last().request
        yield lambda: store.submit(self._new(quorum=2, idempotency_key="k"), EPOCHS)
        yield lambda: store.begin(request, PLACE, 15)
        work: Work = self._last()
        yield lambda: store.renew(work, 15)
        yield lambda: store.posted(work, "ts1")
        for entry in ("vote:1", "vote:2", "vote:1"):
            yield lambda entry=entry: store.narrated(request, PLACE, entry)  # type: ignore[misc]
        yield lambda: cast(store, request, ANA, "approve", operation="o1")
        seen: Request = self._last().request
        yield lambda: cast(store, seen, BEN, "approve", operation="o2", void=[ANA.id])
        after: Request = self._last().request
        yield lambda: cast(store, after, ANA, "approve", operation="o3")
        yield lambda: store.pending(request.id, EPOCHS)
        yield lambda: store.read(request.id, EPOCHS)
        yield lambda: store.button("btn_0")

    def _a_request_that_is_edited(self) -> Iterator[Callable[[], Awaitable[Any]]]:
        store = self.store
        yield lambda: store.submit(self._new(), EPOCHS)
        request: Request = self._last().request
        yield lambda: change(store, request, ANA, {"amount": 2}, operation="e1", button="btn_e1")
        after: Request = self._last().request
        yield lambda: attached(store, after)
        yield lambda: paused(store, pause_id="pause_1")
        yield lambda: change(store, after, ANA, {"amount": 3}, operation="e2", button="btn_e2")
        yield lambda: store.office.want(after.id, after.agent, after.place)
        yield lambda: resumed(store)
        yield lambda: cast(store, after, BEN, "approve", operation="o4", revision=2)

    def _a_card_with_trouble(self) -> Iterator[Callable[[], Awaitable[Any]]]:
        store = self.store
        yield lambda: store.submit(self._new(), EPOCHS)
        request: Request = self._last().request
        yield lambda: store.due_places(10)
        yield lambda: store.due_work(PLACE, 10)
        yield lambda: store.begin(request, PLACE, 15)
        first: Work = self._last()
        yield lambda: store.failed(first, "busy", after_seconds=9, lost=True, alarm=True, whole_place=True)
        yield lambda: _wait(61)
        yield lambda: store.begin(request, PLACE, 15)
        second: Work = self._last()
        yield lambda: store.failed(second, "gone", after_seconds=0, lost=False, alarm=True, whole_place=False)
        yield lambda: store.tapped(request, PLACE, "ts2")
        yield lambda: store.tapped(request, PLACE, "ts3")
        yield lambda: store.begin(request, PLACE, 15)

    def _a_card_that_moves(self) -> Iterator[Callable[[], Awaitable[Any]]]:
        store = self.store
        yield lambda: store.submit(self._new(), EPOCHS)
        request: Request = self._last().request
        yield lambda: _wait(2)  # for its turn, as the place had asked us to wait
        yield lambda: store.begin(request, PLACE, 15)
        stuck: Work = self._last()
        yield lambda: store.move(stuck, "slack:C9", "btn_moved", "gone", "delivery")
        yield lambda: store.read(request.id)
        moved: Request = self._last()
        yield lambda: store.begin(moved, "slack:C9", 15)
        there: Work = self._last()
        yield lambda: store.posted(there, "ts9")
        yield lambda: taken_along(store, moved, "slack:C8", operation="m2", button="btn_m2", epochs=EPOCHS)
        yield lambda: store.read(request.id)
        away: Request = self._last()
        yield lambda: store.cancel(away, EPOCHS)
        yield lambda: store.begin(away, "slack:C8", 15)
        unseen: Work = self._last()
        yield lambda: store.moot(unseen)

    def _ends(self) -> Iterator[Callable[[], Awaitable[Any]]]:
        store = self.store
        yield lambda: store.submit(self._new(place=None), EPOCHS)
        withdrawn: Request = self._last().request
        yield lambda: store.cancel(withdrawn, EPOCHS)
        yield lambda: store.submit(self._new(timeout_seconds=60), EPOCHS)
        expiring: Request = self._last().request
        yield lambda: _wait(2)
        yield lambda: store.begin(expiring, PLACE, 15)
        lost: Work = self._last()
        yield lambda: store.failed(lost, "no_answer", after_seconds=0, lost=True, alarm=False, whole_place=False)
        yield lambda: _wait(61)
        yield lambda: store.due_requests(10)
        yield lambda: store.expire(expiring)
        yield lambda: store.begin(expiring, PLACE, 15)
        moot: Work = self._last()
        yield lambda: store.moot(moot)
        yield lambda: store.list(Filter(None, "payments.refund", "agent"), cursor=None, limit=3)
        yield lambda: store.browse(Filter(None, "payments.refund", "agent"), cursor=None, limit=3)

    def _an_end_that_is_told(self) -> Iterator[Callable[[], Awaitable[Any]]]:
        store, bound = self.store, replace(key(), principal="boss@example.com")
        yield lambda: store.submit(self._new(place=None, of=bound), EPOCHS)
        request: Request = self._last().request
        yield lambda: store.cancel(request, EPOCHS)
        yield lambda: store.tellings.due_tellings(10)
        yield lambda: store.tellings.begin_telling(request.id)
        telling: Telling = self._last()
        yield lambda: store.tellings.telling_failed(telling, after_seconds=0, lost=True)
        yield lambda: _wait(61)
        yield lambda: store.tellings.begin_telling(request.id)
        again: Telling = self._last()
        yield lambda: store.tellings.end_telling(again, "D1/2.3")

    def _an_admin_s_day(self) -> Iterator[Callable[[], Awaitable[Any]]]:
        store, epochs = self.store, Epochs(1, 1)
        route = a_route("payments.*", id="route_1", until=from_milliseconds(AT + 10**9))
        said = (Notice("ntc_1", "Olga routed payments.* to ops."), PLACE)
        yield lambda: changed(store, setting(route), operation="c1", version=0, notices=(said,))
        yield lambda: changed(store, removing(route), operation="c2", version=0)
        yield lambda: store.submit(structs.replace(self._new(place=route.place), route=route), Epochs(1, 1, 1))
        routed: Request = self._last().request
        yield lambda: taken_along(store, routed, PLACE, operation="m1", button="btn_m1", epochs=epochs)
        yield lambda: store.read(routed.id)
        yield lambda: paused(store, "action:payments.*", "p2", pause_id="pause_2")
        yield lambda: store.office.to_repaint()
        yield lambda: self._looked_at()
        yield lambda: store.notices.begin_notice("ntc_1", PLACE, 15)
        work: NoticeWork = self._last()
        yield lambda: store.notices.renew_notice(work, 15)
        yield lambda: store.notices.notice_posted(work, "ts20")
        yield from self._announcements_at_a_slow_place()
        yield lambda: _nothing(store.office.report("slack:C9", "is_archived"))
        yield lambda: store.office.reported()
        old = key(key_id="key_7")
        lapsing = replace(old, lapses_at=from_milliseconds(AT))
        yield lambda: store.put_key(lapsing, "key_rotated")
        yield lambda: _nothing(store.office.lapse_keys([(lapsing, replace(lapsing, revoked_at=lapsing.lapses_at))]))
        yield lambda: store.office.note_use(["key_7"])
        yield lambda: store.office.last_used()
        yield lambda: store.office.claim("k", "one thing")
        yield lambda: store.office.claim("k", "another")
        yield lambda: store.configuration(None)

    def _announcements_at_a_slow_place(self) -> Iterator[Callable[[], Awaitable[Any]]]:
        store, place = self.store, "slack:C7"
        for number in range(3):
            said = ((Notice(f"ntc_s{number}", f"Ill since {number}."), place),)
            yield partial(self._reported, f"slack:C{80 + number}", said)
        yield lambda: store.notices.begin_notice("ntc_s0", place, 15)
        work: NoticeWork = self._last()
        yield lambda: store.notices.notice_failed(work, "limited", after_seconds=1, lost=False, whole_place=True)
        yield lambda: _wait(1)
        yield lambda: store.notices.begin_notice("ntc_s1", place, 15)
        yield lambda: store.notices.begin_notice("ntc_s2", place, 15)

    async def _reported(self, place: str, said: tuple[tuple[Notice, str], ...]) -> None:
        await self.store.office.tell(place, "gone", None, said)

    async def _looked_at(self) -> None:
        for scope, looked in self._last().items():
            await self.store.office.repainted(scope, looked, "3")

    def _configuration(self) -> Iterator[Callable[[], Awaitable[Any]]]:
        store = self.store
        yield lambda: store.put_key(key(key_id="key_7"), "key_created")
        yield lambda: store.activate("d1", "a document", None, "a file")
        yield lambda: store.activate("d2", "another", None, "a file")
        yield lambda: store.versions(limit=5)
        yield lambda: store.configuration(None)
        yield lambda: store.submit(self._new(), Epochs(1, 1))


async def _wait(seconds: float) -> float:
    return float(seconds)


async def _nothing(call: Awaitable[Any]) -> None:
    """What is answered to a repetition is another thing, and nobody depends on it."""
    await call


def comparable(life: Life, lying: dict[str, Any]) -> str:
    """A life as text; what is named at random (an operation's id) is left out."""
    for held in lying.values():
        if isinstance(held, dict):
            held.pop("holder", None)
            for kind in ("operation:cancel:", "operation:activate:"):
                for field in [field for field in held if field.startswith(kind)]:
                    held[kind] = held.pop(field)
    return json.dumps([[repr(answer) for answer in life.answers], lying], indent=1, sort_keys=True)
