"""Growth: what a million pending requests cost those who submit, list and wait, against a thousand.

Two services run side by side, one of them with a book that was seeded by the store's own functions; slices of each
measure alternate between the two. A row is the median of the ratios of slices that lie side by side, of the mean time
that an agent waits: for the answer to a submission, for a page of its list, and from a vote to its held call's answer.

The requests that are measured add to both books, so the small one ends with some tens of thousands.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from statistics import mean, median

from bench.load import Connection, Pump, close, connected
from bench.rows import Row
from bench.scale import Progress, Scale, cores
from bench.seed import Seeded, seed
from bench.waiting import Waiting, at_sayso
from bench.workload import UnderTest, under_test
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
    """One service, how it was seeded, and what is asked of it."""

    sayso: UnderTest
    seeded: Seeded
    waiting: Waiting
    connections: list[Connection] = field(default_factory=list)

    async def submitting(self, seconds: float) -> float:
        return mean((await Pump(self.connections, self.sayso.submissions().next, 201).run(seconds)).waits)

    async def listing(self, seconds: float) -> float:
        page = self.sayso.get(PAGE)
        return mean((await Pump(self.connections, lambda: page, 200).run(seconds)).waits)

    async def waking(self, seconds: float) -> float:
        return mean(await self.waiting.slice(seconds, DECISIONS)) / 1000


MEASURES: Sequence[tuple[str, Callable[[Book, float], Awaitable[float]]]] = (
    ("submit", Book.submitting),
    ("list", Book.listing),
    ("wake", Book.waking),
)


async def rows(scale: Scale, progress: Progress) -> list[Row]:
    progress.begin("growth", SEEDING_STEPS + len(MEASURES) * scale.slices)
    async with AsyncExitStack() as stack:
        many = await stack.enter_async_context(_book(scale, scale.many, lambda done: progress.step(f"{done:,} seeded")))
        few = await stack.enter_async_context(_book(scale, scale.few, lambda _: None))
        about = {"redis_bytes_each": round(many.seeded.bytes_each), "few": scale.few, "many": scale.many}
        for book in (few, many):
            book.connections = await connected(book.sayso.port, min(CONNECTIONS, scale.connections))
            stack.callback(close, book.connections)
        return [await _row(scale, progress, about, name, measure, few, many) for name, measure in MEASURES]


async def _row(
    scale: Scale,
    progress: Progress,
    about: dict[str, int],
    name: str,
    measure: Callable[[Book, float], Awaitable[float]],
    few: Book,
    many: Book,
) -> Row:
    for book in (few, many):
        await measure(book, scale.slice_seconds)
    pairs, shares = [], many.waiting.shares()
    for _ in range(scale.slices):
        pairs.append((await measure(many, scale.slice_seconds), await measure(few, scale.slice_seconds)))
        progress.step(f"{name}: {median(one / other for one, other in pairs):.2f}")
    medians = {"many": median(one for one, _ in pairs), "few": median(other for _, other in pairs)}
    return Row(
        f"growth, {scale.many:,} pending ÷ {scale.few:,}: {name}",
        round(median(one / other for one, other in pairs), 3),
        "ratio",
        at_most=AT_MOST,
        whole=scale.is_whole,
        measured_at=about
        | {"cpu_share": shares.so_far()}
        | {"slices": scale.slices, "slice_seconds": scale.slice_seconds, "cores": cores()}
        | {"milliseconds": {which: round(value * 1000, 2) for which, value in medians.items()}},
    )


@asynccontextmanager
async def _book(scale: Scale, pending: int, done: Callable[[int], None]) -> AsyncIterator[Book]:
    decisions = round(DECISIONS * scale.slice_seconds * (scale.slices + 1))
    held = min(HELD, scale.held)
    async with under_test() as sayso:
        seeded = await _seeded(sayso, pending, done)
        async with at_sayso(sayso, held, decisions) as waiting:
            yield Book(sayso, seeded, waiting)


async def _seeded(sayso: UnderTest, pending: int, done: Callable[[int], None]) -> Seeded:
    step = max(1, pending // SEEDING_STEPS)
    async with sayso.book() as store:
        found = await seed(store, sayso.key, pending, lambda number: done(number) if number % step == 0 else None)
        await until(lambda: _is_at_rest(store), seconds=REST_SECONDS)
        return found


async def _is_at_rest(store: RedisStore) -> bool:
    """Whether Redis has written its log anew after all that was put into it."""
    return not (await store.client.info("persistence"))["aof_rewrite_in_progress"]
