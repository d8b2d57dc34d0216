"""A book in a real Redis for a test, what is put into it, and a look at all that lies there.

async with opened(server.url) as store:             # a book of its own
    request = (await store.submit(new(), EPOCHS)).request
    answer = await cast(store, request, ANA, "approve")
    await advance(store, 61)                        # Redis's time for this book; it stands still there until then
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from sayso_bot.domain.files import File, file_id
from sayso_bot.domain.fingerprint import fingerprint
from sayso_bot.domain.key import Key, Quotas
from sayso_bot.domain.person import Person
from sayso_bot.domain.policy import Verdict
from sayso_bot.domain.request import Claims, Request, Requirement, from_milliseconds, new_request_id
from sayso_bot.ports import (
    AttachAnswer,
    Ballot,
    Draft,
    Edit,
    EditAnswer,
    Epochs,
    NewFile,
    NewRequest,
    NewRevision,
    Received,
    VoteAnswer,
)
from sayso_bot.store.connect import connect
from sayso_bot.store.redis import RedisStore

EPOCHS = Epochs(0, 0)
PLACE = "slack:C1"
MANY = Quotas(rate=10_000, burst=10_000, pending=100_000, bytes=1 << 30)
ANA = Person.known_as("Ana", {"email:ana@example.com"})
BEN = Person.known_as("Ben", {"email:ben@example.com"})
EVE = Person.known_as("Eve", {"email:eve@example.com"})

_BOOKS = itertools.count()


@asynccontextmanager
async def opened(
    url: str, book: str | None = None, wait_for: tuple[int, int, int] | None = None
) -> AsyncIterator[RedisStore]:
    """A store of a new book, or of the one named."""
    client = connect(url)
    store = RedisStore(client, book or f"book-{next(_BOOKS)}", wait_for)
    await store.load_functions()
    try:
        yield store
    finally:
        await store.close()
        await client.aclose()


def key(name: str = "agent", *, quotas: Quotas = MANY, key_id: str = "key_1") -> Key:
    return Key(key_id, name, frozenset({"agent"}), ("*",), "0" * 64, datetime(2026, 1, 1, tzinfo=UTC), quotas)


def requirement(place: str = PLACE, *, quorum: int = 1, fallback_place: str | None = None) -> Requirement:
    fallback = fallback_place and "backup"
    return Requirement(
        "payments", place, None, None, quorum, "never", 1800, 900, fallback=fallback, fallback_place=fallback_place
    )


def new(
    *,
    action: str = "payments.refund",
    of: Key | None = None,
    idempotency_key: str | None = None,
    body_digest: str = "same",
    place: str | None = PLACE,
    quorum: int = 1,
    timeout_seconds: int | None = 1800,
    params: dict[str, Any] | None = None,
    verdict: Verdict | None = None,
    request_id: str | None = None,
    button: str | None = None,
) -> NewRequest:
    """What the desk hands to the store. ``verdict`` other than ask settles it at once."""
    asked = verdict or Verdict("ask", "a rule", requirement=requirement(place or "inbox", quorum=quorum))
    return NewRequest(
        id=request_id or new_request_id(datetime.now(UTC)),
        draft=Draft(action, params or {"amount": 1}, Claims(summary="A “summary”\nof two lines"), None, body_digest,
                    idempotency_key),
        fingerprint="sha256:00",
        key=of or key(),
        verdict=asked,
        policy_digest="sha256:policy",
        timeout_seconds=timeout_seconds if asked.kind == "ask" else None,
        place=place if asked.kind == "ask" else None,
        button=button or f"btn_{secrets.token_hex(8)}",
    )  # fmt: skip


async def made(store: RedisStore, **how: Any) -> Request:
    """A request, made now."""
    return (await store.submit(new(**how), EPOCHS)).request


async def cast(
    store: RedisStore,
    request: Request,
    person: Person,
    outcome: Any,
    *,
    surface: str = "inbox",
    operation: str | None = None,
    revision: int = 1,
    void: Sequence[str] = (),
    epochs: Epochs = EPOCHS,
    reason: str | None = None,
) -> VoteAnswer:
    """One vote, as the desk would cast it on the request that it has seen."""
    ballot = Ballot(request.id, revision, person, outcome, surface, operation or secrets.token_hex(8), reason=reason)
    return await store.vote(request, ballot, person, "admitted", void, epochs)


async def change(
    store: RedisStore,
    request: Request,
    person: Person,
    params: dict[str, Any],
    *,
    operation: str | None = None,
    button: str | None = None,
    revision: int | None = None,
    epochs: Epochs = EPOCHS,
) -> EditAnswer:
    """One edit, as the desk would make it of the request that it has seen."""
    edit = Edit(request.id, revision or request.revision, person, params, "inbox", operation or secrets.token_hex(8))
    after = fingerprint(request.action, request.agent, params)
    button = button or f"btn_{secrets.token_hex(8)}"
    return await store.edit(NewRevision(request, edit, person, params, after, "admitted", button), epochs)


async def parts(content: bytes, size: int = 60_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def received(store: RedisStore, content: bytes = b"a report") -> Received:
    return await store.files.receive(parts(content))


async def attached(
    store: RedisStore,
    request: Request,
    content: bytes = b"a report",
    *,
    operation: str = "o1",
    most: int = 10,
    quota: int = 1 << 30,
    field: str = "papers",
    by: str = ANA.id,
    button: str = "",
    got: Received | None = None,
) -> AttachAnswer:
    """One file, as the desk would make it part of the request that it has seen."""
    got = got or await received(store, content)
    file = File(
        file_id(request.id, by, operation), "Bericht “é”\n.pdf", "application/pdf", got.size, got.digest, got.pieces,
        field, by, "Ana", "inbox", from_milliseconds(0),
    )  # fmt: skip
    new = NewFile(request, file, got, most, quota, "email:ana@example.com", button)
    return await store.files.attach_file(new, EPOCHS)


async def now_ms(store: RedisStore) -> int:
    seconds, microseconds = await store.client.time()
    return max(int(await store.client.get(store.keys["clock"]) or 0), seconds * 1000 + microseconds // 1000)


async def advance(store: RedisStore, seconds: float) -> int:
    """Put the book's time forward. Time never goes back, so it stands still until Redis's own has caught up."""
    later = await now_ms(store) + int(seconds * 1000)
    await store.client.set(store.keys["clock"], later)
    return later


async def journal(store: RedisStore, kind: str | None = None) -> list[dict[str, str]]:
    """All journal entries, or those of one kind."""
    client: Any = store.client
    entries = await client.xrange(store.keys["journal"])
    return [fields for _, fields in entries if kind in (None, fields["kind"])]


async def lying_in(store: RedisStore) -> dict[str, Any]:
    """Every key of the book, without its tag, with what it holds."""
    client: Any = store.client
    names = [name async for name in client.scan_iter(match=f"{store.keys.tag}*", count=1000)]
    types, values = client.pipeline(transaction=False), client.pipeline(transaction=False)
    for name in names:
        types.type(name)
    # a rate's key may lapse between two looks
    kinds = {name: kind for name, kind in zip(names, await types.execute(), strict=True) if kind != "none"}
    for name, kind in kinds.items():
        _look(values, name, kind)
    found = dict(zip((name.removeprefix(store.keys.tag) for name in kinds), await values.execute(), strict=True))
    return {name: [fields for _, fields in held] if name == "journal" else held for name, held in found.items()}


def _look(values: Any, name: str, kind: str) -> None:
    match kind:
        case "string":
            values.get(name)
        case "hash":
            values.hgetall(name)
        case "zset":
            values.zrange(name, 0, -1, withscores=True)
        case "stream":
            values.xrange(name)
        case other:
            raise AssertionError(f"a {other} lies at {name}")
