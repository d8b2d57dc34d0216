"""Many held calls on one subscription.

A hold registers first and reads after that, so nothing that is settled in between is missed. redis-py reconnects
silently and what was published meanwhile is gone; so every confirmation of the subscription wakes all holds, a few at
a time, and their owners read again. A connection that has fallen silent is asked whether it still lives.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Container
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from sayso_bot.ports import Change, Log

CHUNK = 200
RECONNECT_SECONDS = 0.2
QUEUED_CHANGES = 1000
SILENT_SECONDS = 10.0
"""After this long without a word Redis is pinged; after as long again the connection is given up."""


class _Hold:
    """One held call, registered while its block runs. Thousands wait at a time, so it is a future and little else."""

    __slots__ = ("_future", "_holds", "_request_id", "_woken", "news", "owner")

    def __init__(self, request_id: str, owner: str, holds: dict[str, list[_Hold]]) -> None:
        self._request_id = request_id
        self.owner = owner
        self._holds = holds
        self._future: asyncio.Future[None] | None = None
        self._woken = False
        self.news = ""

    def __enter__(self) -> Self:
        self._holds.setdefault(self._request_id, []).append(self)
        return self

    def __exit__(self, *_: object) -> None:
        those = self._holds[self._request_id]
        those.remove(self)
        if not those:
            del self._holds[self._request_id]

    def wake(self, news: str = "") -> None:
        """What wakes it while nobody waits ends its next wait at once."""
        self._woken, self.news = True, news
        self._end_wait()

    def _end_wait(self) -> None:
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    async def wait(self, seconds: float) -> bool:
        if not self._woken:
            self.news = ""
            loop = asyncio.get_running_loop()
            self._future = loop.create_future()
            timer = loop.call_later(seconds, self._end_wait)
            try:
                await self._future
            finally:
                timer.cancel()
                self._future = None
        woken, self._woken = self._woken, False
        return woken


class Subscription:
    """Listens to a book's channels for as long as `run` runs, and hands out what it hears.

    ``settled`` wakes holds, ``changes`` go to whoever listens, the others to whoever asked for them with `on`.
    """

    def __init__(self, client: Redis, tag: str, log: Log) -> None:
        self._client = client
        self._tag = tag
        self._log = log
        self._on: dict[str, list[Callable[[], None]]] = {}
        self._holds: dict[str, list[_Hold]] = {}
        self._listeners: set[asyncio.Queue[Change | None]] = set()
        self._waking: asyncio.Task[None] | None = None
        self._pubsub: PubSub | None = None
        self._subscribing = asyncio.Lock()
        self._quiet = False
        self.connected = asyncio.Event()
        self.closing = False

    def on(self, channel: str, callback: Callable[[], None]) -> None:
        """Call ``callback`` too for each message on ``config`` or ``outbox``, and for each new subscription."""
        self._on.setdefault(channel, []).append(callback)

    def hold(self, request_id: str, owner: str = "") -> _Hold:
        return _Hold(request_id, owner, self._holds)

    def wake(self, owners: Container[str]) -> None:
        """Wake the holds of these owners, so that they look at once whether they may still wait."""
        for holds in list(self._holds.values()):
            for hold in holds:
                if hold.owner in owners:
                    hold.wake()

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[AsyncIterator[Change | None]]:
        """Changes from now on. ``None``: some may have been missed. A listener that does not keep up misses some."""
        queue: asyncio.Queue[Change | None] = asyncio.Queue(QUEUED_CHANGES)
        self._listeners.add(queue)
        try:
            if len(self._listeners) == 1:
                await self._follow_changes()
            yield self._drain(queue)
        finally:
            self._listeners.discard(queue)
            if not self._listeners:
                await self._follow_changes()

    async def _drain(self, queue: asyncio.Queue[Change | None]) -> AsyncIterator[Change | None]:
        while True:
            yield await queue.get()

    async def _follow_changes(self) -> None:
        """Hear changes while somebody listens, and only then: each submission makes one."""
        async with self._subscribing:  # in the order in which listeners come and go
            if self._pubsub is not None:
                with suppress(RedisError, OSError):  # a lost connection subscribes anew by itself
                    if self._listeners:
                        await self._pubsub.subscribe(self._tag + "changes")
                    else:
                        await self._pubsub.unsubscribe(self._tag + "changes")

    async def run(self) -> None:
        """Subscribe, listen, and subscribe again whenever the connection is lost. Ends by being cancelled."""
        while True:
            try:
                await self._listen()
            except (RedisError, OSError, TimeoutError) as error:
                if not self._quiet:
                    self._log.warning("subscription_lost", error=type(error).__name__)
                self._quiet = True
            finally:
                self.connected.clear()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self) -> None:
        await self._client.ping()  # one that still loads its data takes subscriptions, and answers nobody who was woken
        pubsub = self._client.pubsub()
        try:
            async with self._subscribing:
                names = ("settled", "config", *(("changes",) if self._listeners else ()), "outbox")
                await pubsub.subscribe(*(self._tag + name for name in names))
                self._pubsub = pubsub
            while True:
                message = await _next(pubsub)
                name = str(message["channel"] or "").removeprefix(self._tag)
                if message["type"] == "message":
                    self._hear(name, str(message["data"]))
                elif message["type"] == "subscribe":
                    self._confirmed(name)
        finally:
            self._pubsub = None
            with suppress(RedisError, OSError):
                await pubsub.aclose()  # type: ignore[no-untyped-call]

    def _confirmed(self, channel: str) -> None:
        if channel == "changes":
            self._tell(None)
        elif channel == "outbox":  # the last of all
            self._quiet = False
            self.connected.set()
            self._missed()

    def _hear(self, channel: str, text: str) -> None:
        if channel == "settled":
            request_id, _, news = text.partition(" ")
            for hold in self._holds.get(request_id, ()):
                hold.wake(news)
        elif channel == "changes":
            kind, _, request_id = text.partition(" ")
            self._tell(Change(request_id, kind))
        else:
            for callback in self._on.get(channel, ()):
                callback()

    def _missed(self) -> None:
        """Something may have been published while nobody listened."""
        self._tell(None)
        for callback in itertools.chain.from_iterable(self._on.values()):
            callback()
        if self._waking is not None:
            self._waking.cancel()  # those that it woke before this gap must be woken again
        self._waking = asyncio.create_task(self._wake_all())

    async def _wake_all(self) -> None:
        """Wake every hold, `CHUNK` at a time, so that their reads do not all arrive at once."""
        holds = [hold for found in self._holds.values() for hold in found]
        for start in range(0, len(holds), CHUNK):
            for hold in holds[start : start + CHUNK]:
                hold.wake()
            await asyncio.sleep(0.01)

    def look_again(self) -> None:
        """What listeners show may look different, though no request has changed."""
        self._tell(None)

    def _tell(self, change: Change | None) -> None:
        for queue in self._listeners:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                change = None
            queue.put_nowait(change)

    def release(self) -> None:
        """End all holds now, as when the service stops: their callers answer with the request as it stands."""
        self.closing = True
        for holds in self._holds.values():
            for hold in holds:
                hold.wake()


async def _next(pubsub: PubSub) -> dict[str, Any]:
    """The next message. Raises `RedisConnectionError` when Redis does not even answer a ping."""
    message: dict[str, Any] | None = await pubsub.get_message(timeout=SILENT_SECONDS)
    if message is None:
        await pubsub.ping()
        message = await pubsub.get_message(timeout=SILENT_SECONDS)
    if message is None:
        raise RedisConnectionError("silent")
    return message
