"""A desk and a shelf in memory that keep the ports' contracts, and the inbox on a real HTTP server above them.

Rules are the domain's own (`settles`, `has_voted`, `is_due`), so that what a page shows here is what it would show.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from sayso_adapters.inbox.adapter import Inbox, create
from sayso_bot.domain.card import Card, card
from sayso_bot.domain.lifecycle import has_voted, is_due, settles
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import (
    Cause,
    Claims,
    Decision,
    ReasonRule,
    Request,
    Requirement,
    Status,
    Vote,
    new_request_id,
)
from sayso_bot.errors import (
    AlreadySettled,
    AlreadyVoted,
    NotAnApprover,
    NotFound,
    ReasonRequired,
    SaysoError,
    StaleRevision,
    Unavailable,
    VoteRefused,
)
from sayso_bot.ports import AdapterContext, Ballot, Button, Change, Filter, Handler, Page, Standing, Voted


class Clock:
    """Real time, and as much more as a test lets pass."""

    def __init__(self) -> None:
        self._shift = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._shift

    def pass_by(self, **duration: float) -> None:
        self._shift += timedelta(**duration)


class MemoryShelf:
    """``broken`` is raised by whatever is read next, until it is None again."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self.broken: SaysoError | None = None
        self.kept: dict[str, tuple[bytes, datetime]] = {}

    async def put(self, name: str, value: bytes, *, ttl_seconds: int) -> None:
        self.kept[name] = (value, self._now() + timedelta(seconds=ttl_seconds))

    async def get(self, name: str) -> bytes | None:
        if self.broken:
            raise self.broken
        value, until = self.kept.get(name, (b"", self._now()))
        return value if until > self._now() else None

    async def take(self, name: str) -> bytes | None:
        value = await self.get(name)
        self.kept.pop(name, None)
        return value

    async def delete(self, name: str) -> bool:
        return await self.take(name) is not None

    async def names(self, prefix: str) -> Sequence[str]:
        return [name for name in self.kept if name.startswith(prefix) and await self.get(name) is not None]


@dataclass
class MemoryDesk:
    """``broken`` is raised by whatever is asked next, until it is None again; ``break_changes`` counts down."""

    now: Clock
    requests: dict[str, Request] = field(default_factory=dict)
    ballots: list[Ballot] = field(default_factory=list)
    operations: dict[str, Request] = field(default_factory=dict)
    broken: SaysoError | None = None
    break_changes: int = 0
    listeners: set[asyncio.Queue[Change | None]] = field(default_factory=set)

    def ask(
        self,
        action: str = "payments.refund",
        params: dict[str, Any] | None = None,
        *,
        claims: Claims | None = None,
        approvers: tuple[str, ...] | None = None,
        quorum: int = 1,
        reason: ReasonRule = "never",
        minutes: float | None = 30,
        agent: str = "billing-bot",
        ago: float = 2,
    ) -> Request:
        """An agent submits a request, ``ago`` minutes ago; it has ``minutes`` left."""
        now = self.now()
        asked = Request(
            id=new_request_id(now),
            revision=1,
            status=Status.PENDING,
            action=action,
            params={"amount": 1250, "order": "A-1187", "currency": "EUR"} if params is None else params,
            fingerprint="sha256:" + "5f2c" * 16,
            agent=agent,
            principal=None,
            key_id="key_1",
            created_at=now - timedelta(minutes=ago),
            expires_at=now + timedelta(minutes=minutes) if minutes is not None else None,
            rule="large refunds",
            policy_digest="sha256:0",
            requirement=Requirement(
                "inbox", "inbox", approvers, "finance" if approvers else None, quorum, reason, 1800, 900, True
            ),
            claims=claims or Claims(),
        )
        self.requests[asked.id] = asked
        self._tell(asked.id, "submitted")
        return asked

    def settle(self, request_id: str, status: Status, cause: Cause) -> None:
        request = self.requests[request_id]
        decision = Decision(status, cause, self.now(), request.votes)
        self.requests[request_id] = replace(request, status=status, decision=decision)
        self._tell(request_id, "settled")

    def change_params(self, request_id: str, params: dict[str, Any]) -> None:
        request = self.requests[request_id]
        self.requests[request_id] = replace(request, params=params, revision=request.revision + 1, votes=())
        self._tell(request_id, "voted")

    async def vote(self, ballot: Ballot) -> Voted:
        request = await self.look(ballot.request_id)
        if ballot.operation in self.operations:
            return Voted(self.operations[ballot.operation], replayed=True)
        self._check(request, ballot)
        self.ballots.append(ballot)
        request = replace(request, votes=(*request.votes, self._vote(ballot)))
        assert request.requirement
        self.requests[request.id] = request
        status = settles(request.votes, request.revision, request.requirement.quorum)
        if status:
            self.settle(request.id, status, Cause.VOTES)
        else:
            self._tell(request.id, "voted")
        self.operations[ballot.operation] = self.requests[request.id]
        return Voted(self.requests[request.id], replayed=False)

    async def standing(self, request: Request, person: Person, *, surface: str, place: str | None) -> Standing:
        try:
            self._check_person(request, person)
        except VoteRefused as refused:
            return Standing(False, refused.detail)
        return Standing(True)

    async def look(self, request_id: str) -> Request:
        if self.broken:
            raise self.broken
        if request_id not in self.requests:
            raise NotFound("No request has this id in this book.")
        if is_due(self.requests[request_id], self.now()):
            self.settle(request_id, Status.EXPIRED, Cause.TIMEOUT)
        return self.requests[request_id]

    async def browse(self, wanted: Filter, *, cursor: str | None, limit: int) -> Page:
        if self.broken:
            raise self.broken
        everything = [await self.look(request_id) for request_id in reversed(list(self.requests))]
        matching = [request for request in everything if wanted.status in (None, request.status)]
        start = int(cursor or 0)
        end = start + limit
        return Page(tuple(matching[start:end]), str(end) if end < len(matching) else None)

    async def button(self, token: str) -> Button | None:
        return None

    async def tapped(self, button: Button, post: str) -> None:
        return None

    def card(self, request: Request) -> Card:
        return card(request, f"http://127.0.0.1/inbox/requests/{request.id}")

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[AsyncIterator[Change | None]]:
        if self.break_changes:
            self.break_changes -= 1
            raise Unavailable("The store cannot be reached.")
        queue: asyncio.Queue[Change | None] = asyncio.Queue()
        self.listeners.add(queue)

        async def each() -> AsyncIterator[Change | None]:
            while True:
                yield await queue.get()

        try:
            yield each()
        finally:
            self.listeners.discard(queue)

    def _tell(self, request_id: str, kind: str) -> None:
        for queue in self.listeners:
            queue.put_nowait(Change(request_id, kind))

    def _check(self, request: Request, ballot: Ballot) -> None:
        if request.settled:
            raise AlreadySettled(f"The request is already {request.status}. Nothing was changed.")
        if ballot.revision != request.revision:
            raise StaleRevision("The request has changed since you saw it. Nothing was changed. Read it again.")
        self._check_person(request, ballot.person)
        rule = request.requirement.reason if request.requirement else "never"
        if not ballot.reason and (rule == "always" or (rule == "deny" and ballot.outcome == "deny")):
            raise ReasonRequired("The rule asks for a reason. Nothing was changed. Say why and answer again.")

    def _check_person(self, request: Request, person: Person) -> None:
        approvers = request.requirement.approvers if request.requirement else ()
        if approvers is not None and not person.aliases & set(approvers):
            raise NotAnApprover("The rule “large refunds” lets finance decide, and you are not in that group.")
        if has_voted(request, person):
            raise AlreadyVoted("You have already answered this request. Your first answer counts.")

    def _vote(self, ballot: Ballot) -> Vote:
        who = ballot.person
        return Vote(
            who.id,
            who.name,
            who.aliases,
            ballot.outcome,
            ballot.reason,
            ballot.surface,
            ballot.revision,
            "inbox session",
            True,
            self.now(),
        )


class Lines:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    warning = error = exception = info


@dataclass
class Service:
    """The inbox on an HTTP server at ``url``."""

    url: str
    desk: MemoryDesk
    shelf: MemoryShelf
    log: Lines
    inbox: Inbox

    async def link(self, alias: str = "email:ana@example.com", name: str = "Ana") -> str:
        return await self.inbox.sign_in_link(alias, name)


@asynccontextmanager
async def serving(
    public_url: str | None = None, *, clock: Clock | None = None, port: int = 0
) -> AsyncIterator[Service]:
    """The inbox at a free port of loopback, until the block ends."""
    clock = clock or Clock()
    app = web.Application()
    tasks: list[asyncio.Task[None]] = []
    listening = socket.create_server(("127.0.0.1", port))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"

    def mount(method: str, path: str, handler: Handler) -> None:
        app.router.add_route(method, path, handler)

    desk, shelf, log = MemoryDesk(clock), MemoryShelf(clock), Lines()
    context = AdapterContext(
        desk=desk,
        log=log,
        settings={},
        public_url=public_url or url,
        mount=mount,
        shelf=shelf,
        spawn=lambda work: tasks.append(asyncio.ensure_future(_run(work))),
        clock_is_right=lambda: True,
    )
    inbox = create(context)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    await inbox.start()
    try:
        yield Service(url, desk, shelf, log, inbox)
    finally:
        await inbox.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await runner.cleanup()


async def _run(work: Awaitable[None]) -> None:
    await work


async def wait_until(holds: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Return once ``holds`` does; fail after ``seconds``."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
