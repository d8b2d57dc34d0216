"""The real processes of one campaign: replicas of `sayso serve`, their Redis, and the wires between.

`Shared` is two replicas on one Redis, each with a wire of its own to it; `Embedded` is one service that keeps its own
Redis. Both are hurt through `kill` and `revive`, which keep the ledger's count of what was killed.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from fakes.redis_proxy import RedisProxy
from faults.campaign.ledger import Ledger, Span
from faults.campaign.platform import PRINCIPAL_ADDRESS, Platform
from faults.campaign.policies import policy
from redis_server import RedisServer
from sayso_bot.domain.key import Key
from sayso_bot.opening import opened_book
from sayso_bot.settings import Settings
from sayso_bot.telemetry import logger
from service import ServiceProcess, a_key

SECRET = "A" * 43 + "="
LIBRARY = "faketime/libfaketime.so.1"
START_SECONDS, REVIVE_SECONDS = 60.0, 150.0


class Replica:
    """One process. ``proxy`` is its wire to Redis, None where it keeps a Redis of its own."""

    def __init__(self, name: str, process: ServiceProcess, ledger: Ledger, proxy: RedisProxy | None = None) -> None:
        self.name = name
        self.process = process
        self.proxy = proxy
        self.up = False
        self._ledger = ledger
        self._reviving = asyncio.Lock()

    @property
    def url(self) -> str:
        return self.process.url

    def kill(self) -> None:
        """kill -9, now. Nothing where it is dead already."""
        if self.up:
            self.up = False
            self.process.kill()
            self._ledger.kills["service"] += 1

    async def revive(self, ready: int = 200) -> None:
        """Start it again, and once more where its Redis was not there yet, as whoever supervises it would."""
        async with asyncio.timeout(REVIVE_SECONDS), self._reviving:
            while not self.up:
                try:
                    await asyncio.to_thread(self.process.start, ready=ready, patience=START_SECONDS)
                except AssertionError:
                    await asyncio.to_thread(self.process.kill)
                else:
                    self.up = True

    async def ready(self) -> None:
        """Until it says that it is ready. One that ended by itself is started again, and the ledger says so."""
        async with asyncio.timeout(REVIVE_SECONDS):
            while await asyncio.to_thread(self.process.readiness) != 200:
                if self.process.ended:
                    self.up = False
                    now = time.time()
                    self._ledger.spans.append(Span("a replica ended by itself", "kills", now, now))
                    await self.revive()
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Ask it to end, while the wires between go on."""
        self.up = False
        await asyncio.to_thread(self.process.__exit__, None, None, None)


@dataclass(slots=True)
class AgentKey:
    """The key with which one agent calls now."""

    name: str
    id: str
    secret: str


class World(ABC):
    """``replicas`` are asked and hurt; ``platform`` is their Slack."""

    def __init__(self, name: str, folder: Path, platform: Platform, ledger: Ledger) -> None:
        self.name = name
        self.folder = folder / name
        self.folder.mkdir()
        self.platform = platform
        self.ledger = ledger
        self.replicas: list[Replica] = []
        self._stack = AsyncExitStack()
        (self.folder / "policy.yaml").write_text(policy())

    def environ(self, replica: str) -> dict[str, str]:
        return {
            **self.platform.settings(replica),
            "SAYSO_SECRET": SECRET,
            "SAYSO_POLICY": str(self.folder / "policy.yaml"),
        }

    def process(self, name: str, extra: Mapping[str, str] | None = None) -> ServiceProcess:
        folder = self.folder / name
        folder.mkdir()
        return ServiceProcess(folder, self.environ(name) | dict(extra or {}))

    def url(self, number: int) -> str:
        return self.replica(number).url

    def replica(self, number: int) -> Replica:
        return self.replicas[number % len(self.replicas)]

    async def keys(self, agents: int) -> list[AgentKey]:
        """New keys. The first is bound to somebody, who is told how its requests end."""
        made = [a_key(f"agent-{number}", principal=None if number else PRINCIPAL_ADDRESS) for number in range(agents)]
        return [AgentKey(key.name, key.id, secret) for key, secret in await self._kept(made)]

    async def admin_secret(self) -> str:
        """The secret of a new key of an admin's program."""
        [(_, secret)] = await self._kept([a_key("terraform", kinds=frozenset({"admin"}))])
        return secret

    async def _kept(self, made: list[tuple[Key, str]]) -> list[tuple[Key, str]]:
        async with self.store() as store:
            for key, _ in made:
                await store.put_key(key, "key_created")
        return made

    @abstractmethod
    def store(self) -> Any:
        """The book itself, as an operator's command opens it."""

    @abstractmethod
    async def kill_redis(self) -> None:
        """kill -9, now."""

    @abstractmethod
    async def revive_redis(self) -> None:
        """Have it run again on the same data."""

    async def __aenter__(self) -> Self:
        for replica in self.replicas:
            self._stack.push_async_callback(replica.stop)
        await asyncio.gather(*(replica.revive() for replica in self.replicas))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


class Shared(World):
    """Two replicas on one Redis. ``warped`` gives the second one a clock that is ten minutes ahead."""

    def __init__(self, name: str, folder: Path, platform: Platform, ledger: Ledger, *, warped: bool = False) -> None:
        super().__init__(name, folder, platform, ledger)
        self.redis = RedisServer()
        self._warped = warped

    async def __aenter__(self) -> Self:
        self.redis.start()
        self._stack.callback(self._keep_log)
        for number, name in enumerate(("one", "two")):
            proxy = await self._stack.enter_async_context(RedisProxy(self.redis, self._heard(name)))
            extra = {"SAYSO_REDIS_URL": proxy.url} | (warp() if self._warped and number else {})
            replica = Replica(name, self.process(name, extra), self.ledger, proxy)
            self._stack.push_async_callback(replica.stop)
            await replica.revive(503 if self._warped and number else 200)
            self.replicas.append(replica)
        return self

    def _heard(self, name: str) -> Callable[[str, str, str], None]:
        def heard(moment: str, function: str, request: str) -> None:
            """``sayso_HASH_vote`` is told as ``vote``."""
            who = f"redis {'<' if moment == 'call' else '>'} {name}"
            self.ledger.saw(request, who, function.split("_", 2)[-1])

        return heard

    def _keep_log(self) -> None:
        shutil.copy(self.redis.folder / "log", self.folder / "redis.log")
        self.redis.stop()

    def store(self) -> Any:
        variables = {"SAYSO_REDIS_URL": self.redis.url, "SAYSO_SECRET": SECRET}
        return opened_book(Settings.load(variables), logger("campaign"))

    async def kill_redis(self) -> None:
        self.ledger.kills["redis"] += 1
        await asyncio.to_thread(self.redis.kill)

    async def revive_redis(self) -> None:
        await asyncio.to_thread(self.redis.restart)


class Embedded(World):
    """One service with a Redis of its own, which it starts again when that dies, and adopts when it dies itself."""

    async def __aenter__(self) -> Self:
        self.replicas = [Replica("alone", self.process("alone"), self.ledger)]
        return await super().__aenter__()

    def store(self) -> Any:
        return opened_book(Settings.load(self.replicas[0].process.environ), logger("campaign"))

    async def kill_redis(self) -> None:
        found = list((self.replicas[0].process.folder / "d" / "redis").glob("*.json"))
        if found:
            os.kill(int(json.loads(found[0].read_text())["pid"]), signal.SIGKILL)
            self.ledger.kills["redis"] += 1

    async def revive_redis(self) -> None:
        """Its service does that."""


def warp() -> dict[str, str]:
    """Variables that put one process's clock ten minutes ahead, and leave its stopwatch right."""
    found = [*Path("/usr/lib").glob(f"*/{LIBRARY}"), *Path("/usr/lib").glob(LIBRARY)]
    assert found, "libfaketime is missing; .ci/faketime installs it"
    return {"LD_PRELOAD": str(found[0]), "FAKETIME": "+600", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
