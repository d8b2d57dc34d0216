"""The whole service for a test, in this process or in one of its own, on a free port.

async with serving() as sayso:                      # in this process, with an embedded Redis of its own
    agent = await sayso.agent("refunder")           # an httpx client that carries a new agent's key
    answer = await agent.post("/v1/requests", json={"action": "a.b", "params": {}})
    await sayso.vote(answer.json()["id"], "approve", person=ANA)

with ServiceProcess(folder) as process:             # `sayso serve`, which a test may kill -9 and start again
    process.kill(); process.start()
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from redis_server import RedisServer, free_port
from sayso_bot.domain.key import Key, Kind, Quotas, new_key_id, new_secret, secret_digest
from sayso_bot.domain.person import OPERATOR, Person
from sayso_bot.opening import opened_book
from sayso_bot.ports import Ballot, Voted
from sayso_bot.settings import Settings
from sayso_bot.telemetry import logger
from sayso_bot.wiring import Service, running_service

ANA = Person.known_as("Ana", {"email:ana@example.com"})
BEN = Person.known_as("Ben", {"email:ben@example.com"})
LOCAL = Person.known_as("Operator", {OPERATOR})
QUICK = Quotas(rate=10_000, burst=10_000, pending=100_000, bytes=1 << 30, held=10_000)

_SYSTEM_HOLDS = Path("/proc/sys/net/core/somaxconn")
CALLERS_AT_ONCE = min(200, int(_SYSTEM_HOLDS.read_text()) if _SYSTEM_HOLDS.exists() else 128)
"""More than may wait by default, where the system lets a process have more."""


async def until(true: Callable[[], Awaitable[Any] | Any], seconds: float = 10) -> Any:
    """The first true value of ``true()``, asked again and again. Fails after ``seconds``."""
    end = time.monotonic() + seconds
    while True:
        found = true()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < end, "it did not become true in time"
        await asyncio.sleep(0.01)


class Sayso:
    """A running service, and what a test does with it."""

    def __init__(self, service: Service, redis: RedisServer) -> None:
        self.service = service
        self.redis = redis
        self.url = service.settings.public_url
        self._clients: list[httpx.AsyncClient] = []

    async def key(
        self,
        name: str = "agent",
        *,
        kinds: frozenset[Kind] = frozenset({"agent"}),
        actions: tuple[str, ...] = ("*",),
        quotas: Quotas = QUICK,
        principal: str | None = None,
    ) -> tuple[Key, str]:
        """A new key and its secret."""
        made, secret = a_key(name, kinds=kinds, actions=actions, quotas=quotas, principal=principal)
        await self.service.store.put_key(made, "key_created")
        return made, secret

    async def revoke(self, key: Key) -> None:
        await self.service.store.put_key(replace(key, revoked_at=datetime.now(UTC)), "key_revoked")

    async def agent(self, name: str = "agent", **options: Any) -> httpx.AsyncClient:
        """A client that carries a new key of the agent ``name``."""
        _, secret = await self.key(name, **options)
        return self.client(secret)

    def client(self, secret: str | None = None) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=70, trust_env=False)
        self._clients.append(client)
        return client

    async def vote(self, request_id: str, outcome: Any, *, person: Person = LOCAL, **details: Any) -> Voted:
        """A ballot as an adapter that has proved ``person`` would hand it in."""
        return await self.service.desk.vote(a_ballot(request_id, outcome, person=person, **details))

    async def journal(self, kind: str | None = None) -> list[dict[str, str]]:
        """All journal entries, or those of one kind."""
        store = self.service.store
        entries: Any = await store.client.xrange(store.keys["journal"])
        return [fields for _, fields in entries if kind in (None, fields["kind"])]

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()


def a_key(
    name: str,
    *,
    kinds: frozenset[Kind] = frozenset({"agent"}),
    actions: tuple[str, ...] = ("*",),
    quotas: Quotas = QUICK,
    principal: str | None = None,
) -> tuple[Key, str]:
    secret = new_secret("main")
    key = Key(new_key_id(), name, kinds, actions, secret_digest(secret), datetime.now(UTC), quotas, principal)
    return key, secret


def a_ballot(request_id: str, outcome: Any, *, person: Person = LOCAL, **details: Any) -> Ballot:
    ready: dict[str, Any] = {"revision": 1, "surface": "inbox", "operation": secrets.token_hex(8)} | details
    return Ballot(request_id=request_id, person=person, outcome=outcome, **ready)


@asynccontextmanager
async def serving(
    *,
    policy: str | None = None,
    folder: Path | None = None,
    redis: RedisServer | None = None,
    environ: Mapping[str, str] | None = None,
    **settings: str,
) -> AsyncIterator[Sayso]:
    """A service in this process. ``policy`` is a document, ``environ`` holds platforms' variables."""
    own = None if redis else RedisServer()
    server = redis or own
    assert server is not None
    if own:
        own.start()
    variables = {
        "SAYSO_REDIS_URL": server.url,
        "SAYSO_SECRET": "A" * 43 + "=",
        "SAYSO_PORT": str(free_port()),
        **{f"SAYSO_{name.upper()}": value for name, value in settings.items()},
        **(environ or {}),
    }
    if policy is not None:
        file = (folder or server.folder) / f"policy-{secrets.token_hex(4)}.yaml"
        file.write_text(policy)
        variables["SAYSO_POLICY"] = str(file)
    try:
        async with running_service(Settings.load(variables), variables) as service:
            sayso = Sayso(service, server)
            await asyncio.wait_for(service.subscription.connected.wait(), 5)
            try:
                yield sayso
            finally:
                await sayso.close()
    finally:
        if own:
            own.stop()


class ServiceProcess:
    """`sayso serve` as a process of its own, with an embedded Redis in ``folder`` unless ``environ`` names another."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "service.log"
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("SAYSO_", "SLACK_", "TEAMS_"))
        }
        self.environ = kept | {
            "SAYSO_DATA_DIR": str(folder / "d"),
            "SAYSO_PORT": str(self.port),
            **(environ or {}),
        }
        self._child: subprocess.Popen[bytes] | None = None

    def start(self, *, ready: int = 200, patience: float = 60.0) -> None:
        """Return once ``/readyz`` answers ``ready``. One that does not is ended."""
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(self.command("serve"), env=self.environ, stdout=log, stderr=log)
        end = time.monotonic() + patience
        while self.readiness() != ready:
            assert self._child.poll() is None, self.log.read_text()
            if time.monotonic() > end:
                self.kill()
                raise AssertionError(f"it did not get ready: {self.log.read_text()}")
            time.sleep(0.02)

    def readiness(self) -> int | None:
        """The status of ``/readyz``, or None while nobody listens."""
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False, timeout=2, verify=False).status_code
        except httpx.HTTPError:
            return None

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [str(Path(sys.executable).parent / "sayso"), *arguments]

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A command of the operator or the agent, against this service."""
        return subprocess.run(
            self.command(*arguments),
            env=self.environ | {"SAYSO_URL": self.url, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )

    async def key(self, name: str = "agent", **options: Any) -> str:
        """The secret of a new key, made through the service's own Redis."""
        made, secret = a_key(name, **options)
        async with opened_book(Settings.load(self.environ), logger("test")) as store:
            await store.put_key(made, "key_created")
        return secret

    @property
    def ended(self) -> bool:
        """Whether it is not running, for whatever reason."""
        return self._child is None or self._child.poll() is not None

    def kill(self) -> None:
        """kill -9 of the service alone."""
        assert self._child is not None
        self._child.kill()
        self._child.wait()

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """It does nothing meanwhile, and what comes for it waits."""
        assert self._child is not None
        self._child.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._child.send_signal(signal.SIGCONT)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        assert self._child is not None
        self._child.send_signal(number)
        return self._child.wait(15)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child is not None and self._child.poll() is None:
            self.end()
