"""Growth: what a million pending requests cost those who submit, list and wait, against a thousand.

Two services run side by side, one of them with a book that was seeded by the store's own functions; slices of each
measure alternate between the two. A row is the median of the ratios of slices that lie side by side, of the mean time
that an agent waits: for the answer to a submission, for a page of its list, and from a vote to its held call's answer.

While list and wake are measured the books have as many pending as they were seeded with: what people decide is made
up for after each slice, outside of what is measured. Submit comes last, since its requests stay, in both books.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any

from bench.load import Connection, Pump, close, connected
from bench.rows import Row
from bench.scale import Progress, Scale, cores
from bench.seed import Seeded, seed
from bench.waiting import Waiting, held_for
from bench.workload import UnderTest, under_test
from sayso_bot.domain.request import Status
from sayso_bot.store.redis import RedisStore
from service import until

AT_MOST = 1.3
CONNECTIONS = 8
HELD = 200
DECISIONS = 100
PAGE = "/v1/requests?status=pending&limit=20"
SEEDING_STEPS = 10
REST_SECONDS = 300.0


@dataclass(slots=True)
class Book:
    """One service, how it was seeded, and what is asked of it. ``decisions`` are a second, while it is measured."""

    sayso: UnderTest
    store: RedisStore
    seeded: Seeded
    waiting: Waiting
    decisions: float
    connections: list[Connection] = field(default_factory=list)

    async def pending(self) -> int:
        """How many requests are, as the store counts them."""
        return (await self.store.totals()).requests[Status.PENDING]

    async def submitting(self, seconds: float) -> float:
        return mean((await Pump(self.connections, self.sayso.submissions().next, 201).run(seconds)).waits)

    async def listing(self, seconds: float) -> float:
        page = self.sayso.get(PAGE)
        return mean((await Pump(self.connections, lambda: page, 200).run(seconds)).waits)

    async def waking(self, seconds: float) -> float:
        """Afterwards as many are pending as before."""
        wakes = await self.waiting.slice(seconds, self.decisions)
        made = await seed(self.store, self.sayso.key, len(wakes))
        await self.waiting.agents.do("more", made.ids)
        return mean(wakes) / 1000


MEASURES: Sequence[tuple[str, Callable[[Book, float], Awaitable[float]]]] = (
    ("list", Book.listing),
    ("wake", Book.waking),
    ("submit", Book.submitting),
)


async def rows(scale: Scale, progress: Progress) -> list[Row]:
    progress.begin("growth", SEEDING_STEPS + len(MEASURES) * scale.slices)
    async with AsyncExitStack() as stack:
        many = await stack.enter_async_context(_book(scale, scale.many, lambda done: progress.step(f"{done:,} seeded")))
        few = await stack.enter_async_context(_book(scale, scale.few, lambda _: None))
        for book in (few, many):
            book.connections = await connected(book.sayso.port, min(CONNECTIONS, scale.connections))
            stack.callback(close, book.connections)
        return [await _row(scale, progress, name, measure, few, many) for name, measure in MEASURES]


async def _row(
    scale: Scale,
    progress: Progress,
    name: str,
    measure: Callable[[Book, float], Awaitable[float]],
    few: Book,
    many: Book,
) -> Row:
    books = {"many": many, "few": few}
    before = {which: await book.pending() for which, book in books.items()}
    for book in (few, many):
        await measure(book, scale.slice_seconds)
    pairs, shares = [], {which: book.waiting.shares() for which, book in books.items()}
    for _ in range(scale.slices):
        pairs.append((await measure(many, scale.slice_seconds), await measure(few, scale.slice_seconds)))
        progress.step(f"{name}: {median(one / other for one, other in pairs):.2f}")
    cpu_share = {which: share.so_far() for which, share in shares.items()}
    medians = {"many": median(one for one, _ in pairs), "few": median(other for _, other in pairs)}
    return Row(
        f"growth, {scale.many:,} pending ÷ {scale.few:,}: {name}",
        round(median(one / other for one, other in pairs), 3),
        "ratio",
        at_most=AT_MOST,
        whole=scale.is_whole and before["few"] <= scale.few and before["many"] >= scale.many,
        measured_at={
            "pending": {which: [before[which], await book.pending()] for which, book in books.items()},
            "held": _held(scale),
            **_asked(name, few),
            "slices": scale.slices,
            "slice_seconds": scale.slice_seconds,
            "cores": cores(),
            "cpu_share": cpu_share,
            "milliseconds": {which: round(value * 1000, 2) for which, value in medians.items()},
            "redis_bytes_each": round(many.seeded.bytes_each),
        },
    )


def _asked(name: str, book: Book) -> dict[str, Any]:
    """What is asked of each book in a slice: so many decisions a second, or as much as is answered on connections."""
    if name == "wake":
        return {"decisions_per_second": book.decisions}
    return {"connections": len(book.connections)}


def _held(scale: Scale) -> int:
    return min(HELD, scale.held, scale.few // 2)


@asynccontextmanager
async def _book(scale: Scale, pending: int, done: Callable[[int], None]) -> AsyncIterator[Book]:
    """Agents wait for requests from all over the book, as many of a large one as a small one has."""
    async with under_test() as sayso, sayso.book() as store:
        seeded = await _seeded(sayso, store, pending, done)
        async with held_for(sayso, _held(scale), seeded.ids[:: pending // scale.few]) as waiting:
            yield Book(sayso, store, seeded, waiting, min(DECISIONS, scale.decisions))


async def _seeded(sayso: UnderTest, store: RedisStore, pending: int, done: Callable[[int], None]) -> Seeded:
    step = max(1, pending // SEEDING_STEPS)
    found = await seed(store, sayso.key, pending, lambda number: done(number) if number % step == 0 else None)
    await until(lambda: _is_at_rest(store), seconds=REST_SECONDS)
    return found


async def _is_at_rest(store: RedisStore) -> bool:
    """Whether Redis has written its log anew after all that was put into it."""
    return not (await store.client.info("persistence"))["aof_rewrite_in_progress"]
