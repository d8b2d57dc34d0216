"""People who decide: a process that approves requests through the desk, at a rate.

It stands for a surface (a tap in Slack, a form of the inbox): `Desk.vote` is the one path of all of them. It runs
beside the service on the same Redis, as another replica would that people's taps reach. The time of a vote is taken
when it leaves for Redis, after all checks and before the step by which it counts: no part of the wake is left out.

``python -m bench.people DATA_DIR`` is a `helper`; with ``--publish SOCKET`` it publishes, for the ceiling of waking.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

from bench.helper import obey
from bench.load import paced
from bench.workload import PERSON
from sayso_bot.desk import Desk
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Request
from sayso_bot.opening import configuration_of
from sayso_bot.ports import Ballot, Epochs, VoteAnswer
from sayso_bot.settings import Settings
from sayso_bot.store.connect import connect
from sayso_bot.store.embedded import attach_or_start
from sayso_bot.store.redis import RedisStore
from sayso_bot.telemetry import configure_logs, logger
from sayso_bot.waiting import Subscription

ANA = Person.known_as("Ana", {PERSON})


class Stamping(RedisStore):
    """Notes when each vote leaves."""

    at: dict[str, float]

    async def vote(
        self, request: Request, ballot: Ballot, person: Person, evidence: str, void: Sequence[str], epochs: Epochs
    ) -> VoteAnswer:
        self.at[request.id] = perf_counter()
        return await super().vote(request, ballot, person, evidence, void, epochs)


class People:
    """``decide_one`` settles a request and returns when that left, on `perf_counter`'s clock."""

    def __init__(self, decide_one: Callable[[str], Awaitable[float]]) -> None:
        self._decide_one = decide_one

    async def decide(self, ids: list[str], rate: float) -> list[float]:
        """Settle each of ``ids``, ``rate`` a second, whatever the answers take; when each left."""
        left, left_at = iter(ids), dict[str, float]()

        async def one() -> None:
            request_id = next(left)
            left_at[request_id] = await self._decide_one(request_id)

        await paced(rate, len(ids) / rate, one)
        return [left_at[request_id] for request_id in ids]


@asynccontextmanager
async def at_the_desk(data_dir: Path) -> AsyncIterator[People]:
    """People who answer at a desk on the Redis of the service that runs on ``data_dir``."""
    log = logger("people")
    settings = Settings.load({"SAYSO_DATA_DIR": str(data_dir)})
    async with attach_or_start(settings.data_dir, log=log) as url:
        client = connect(url)
        store = Stamping(client, settings.book)
        store.at = {}
        await store.load_functions()
        configuration = configuration_of(store, log)
        await configuration.refresh()
        desk = Desk(store, configuration, Subscription(client, store.keys.tag, log), str, log, store.files)

        async def approve(request_id: str) -> float:
            await desk.vote(Ballot(request_id, 1, ANA, "approve", "inbox", secrets.token_hex(8)))
            return store.at.pop(request_id)

        try:
            yield People(approve)
        finally:
            await store.close()
            await client.aclose()


@asynccontextmanager
async def publishing(socket: str) -> AsyncIterator[People]:
    """Who publishes ids for the ceiling of waking: nothing but the command on one connection."""
    reader, writer = await asyncio.open_unix_connection(socket)
    counts = asyncio.create_task(_read_all(reader))

    async def publish(request_id: str) -> float:
        at = perf_counter()
        writer.write(f"PUBLISH settled {request_id}\r\n".encode())
        return at

    try:
        yield People(publish)
    finally:
        counts.cancel()
        writer.close()


async def _read_all(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


async def main(arguments: list[str]) -> None:
    configure_logs("console", "error")
    there = publishing(arguments[1]) if arguments[0] == "--publish" else at_the_desk(Path(arguments[0]))
    async with there as people:
        await obey(people)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
