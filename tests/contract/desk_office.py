"""Two replicas of the desk over one real Redis, the people who answer there, and what can break in between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from structlog.testing import CapturingLogger

from book import advance, lying_in, opened
from contract.desk_model import GROUP
from fakes.redis_proxy import RedisProxy
from redis_server import RedisServer
from sayso_bot import policy
from sayso_bot.configuration import ActiveConfiguration
from sayso_bot.desk import Desk
from sayso_bot.domain.card import Card
from sayso_bot.domain.person import Person
from sayso_bot.domain.story import Entry
from sayso_bot.opening import office_of
from sayso_bot.ports import Capabilities, Check
from sayso_bot.store.redis import RedisStore
from sayso_bot.waiting import Subscription

DOCUMENT = f"""
channels: {{payments: "slack:T0TEAM/C0PAY"}}
approvers:
  team: [email:ana@example.com, email:ben@example.com, "{GROUP}"]
people:
  ana: [email:ana@example.com, slack:T0TEAM/U0ANA]
rules:
  - {{name: one, action: pay.one, params: {{amount: number}}, when: params.amount < 100,
     ask: {{channel: payments, approvers: team, timeout: 60s, editable: [amount]}}}}
  - {{name: two, action: pay.two, params: {{amount: number}}, when: params.amount < 100,
     ask: {{channel: inbox, approvers: team, quorum: 2, reason: deny, timeout: 60s, editable: [amount]}}}}
  - {{name: three, action: pay.*, params: {{amount: number}}, when: params.amount < 1000,
     ask: {{channel: payments, approvers: team, quorum: 3, timeout: 120s, editable: [amount]}}}}
  - {{name: free, action: look, allow: true}}
"""
POLICY = policy.load(DOCUMENT, "the machine's policy")
CLEO, DAN = "slack:T0TEAM/U0CLEO", "slack:T0TEAM/U0DAN"
PEOPLE: Sequence[tuple[Person, str]] = (
    (Person.known_as("Ana", {"email:ana@example.com"}), "inbox"),
    (Person.known_as("Ana in chat", {"slack:T0TEAM/U0ANA"}), "slack"),
    (Person.known_as("Ben", {"email:ben@example.com"}), "inbox"),
    (Person.known_as("Ben in chat", {"slack:T0TEAM/U0BEN", "email:ben@example.com"}), "slack"),
    (Person.known_as("Cleo", {CLEO}), "slack"),
    (Person.known_as("Dan", {DAN}), "slack"),
    (Person.known_as("Dan, who showed his address", {DAN, "email:dan@example.com"}), "slack"),
    (Person.known_as("Eve", {"email:eve@example.com"}), "inbox"),
)
"""Who comes, and on which surface. Of Cleo nobody knows who she is, of Dan only sometimes, and Eve may not answer."""


class Platform:
    """A platform that knows the members of one group, who change, and never shows a card by itself."""

    def __init__(self, name: str, members: set[str], *, pushes: bool) -> None:
        self.name = name
        self.capabilities = Capabilities(pushes=pushes, finds=False)
        self.members = members

    async def start(self) -> None:
        return None

    async def stop(self) -> None:
        return None

    async def post(self, card: Card, place: str, button: str) -> str:
        raise AssertionError("nothing is posted here")

    async def update(self, card: Card, place: str, post: str, button: str) -> None:
        raise AssertionError("nothing is posted here")

    async def find(self, request_id: str, place: str) -> str | None:
        raise AssertionError("nothing is looked up here")

    async def narrate(self, place: str, post: str, entries: Sequence[Entry]) -> None:
        raise AssertionError("no story is told here")

    async def told(self, place: str, post: str, entries: Sequence[Entry]) -> Sequence[Entry]:
        raise AssertionError("no story is looked up here")

    async def notify(self, address: str, entry: Entry, *, near: str, look: bool) -> str | None:
        raise AssertionError("nobody is told anything here")

    async def resolve(self, approver: str, *, fresh: bool = False) -> frozenset[str]:
        return frozenset(self.members) if approver == GROUP else frozenset({approver})

    async def recognise(self, person: Person) -> Person:
        return person

    async def check(self) -> Sequence[Check]:
        return ()


class Replica:
    """One process's desk, store and configuration. Nothing tells it what the others did."""

    def __init__(self, store: RedisStore, platforms: Sequence[Platform]) -> None:
        self.store = store
        log = CapturingLogger()
        self.configuration = ActiveConfiguration(store, policy.built_in(), lambda _: POLICY, log)
        unheard = Subscription(store.client, store.keys.tag, log)
        self.desk = Desk(store, self.configuration, unheard, review_url, log, store.files)
        for platform in platforms:
            self.desk.join(platform)
        self.office = office_of(store, self.configuration, self.desk.adapters, log)


def review_url(request_id: str) -> str:
    return f"https://sayso.example.com/inbox/requests/{request_id}"


class Office:
    """``first`` and ``second`` reach Redis through a wire that may lose replies; ``eye`` sees Redis as it is."""

    book = "main"

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.members = {CLEO, DAN}
        self.platforms = (Platform("slack", self.members, pushes=True), Platform("inbox", set(), pushes=False))
        self.replicas: list[Replica] = []
        self._stack = AsyncExitStack()
        self._processes = AsyncExitStack()

    async def open(self, key: Any) -> int:
        """An empty book with a policy and a key. Its time in ms, which stands still from here."""
        self.proxy = await self._stack.enter_async_context(RedisProxy(self.server))
        self.eye = await self._stack.enter_async_context(opened(self.server.url, self.book))
        client: Any = self.eye.client
        await client.flushall()
        await self.eye.put_key(key, "key_created")
        await self.eye.activate(POLICY.digest, DOCUMENT, None, "a file")
        await self._start()
        return await advance(self.eye, 3600)

    async def buttons(self, request_id: str) -> list[str]:
        """The tokens of all buttons that were ever made for a request, the oldest first."""
        found = {
            name.removeprefix("button:"): meant
            for name, meant in (await lying_in(self.eye)).items()
            if name.startswith("button:") and meant.startswith(f"{request_id} ")
        }
        return sorted(found, key=lambda token: int(found[token].split(" ")[1]))

    async def crash(self, *, redis: bool) -> None:
        """The processes die without a word, Redis with them where told, and all start again."""
        await self._processes.aclose()
        if redis:
            await asyncio.to_thread(self.server.restart)
        await self._start()

    async def _start(self) -> None:
        self._processes = AsyncExitStack()
        stores = [await self._processes.enter_async_context(opened(self.proxy.url, self.book)) for _ in range(2)]
        self.replicas = [Replica(store, self.platforms) for store in stores]
        for replica in self.replicas:
            await replica.configuration.refresh()

    async def close(self) -> None:
        await self._processes.aclose()
        await self._stack.aclose()
