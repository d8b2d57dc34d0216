"""The store: every method is one Redis Function of the same name (``functions/*.lua``).

Each function is safe to repeat, by the id, operation or fence that it is given, so `Calls` repeats it when its answer
was lost. What cannot be repeated (`note`) is sent once.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from redis.asyncio import Redis

from sayso_bot.domain.brief import Brief, brief
from sayso_bot.domain.json import dumps
from sayso_bot.domain.key import Key
from sayso_bot.domain.pauses import Pause, Scope
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Decision, Moved, Outline, Request, Requirement, Status, from_milliseconds
from sayso_bot.errors import IdempotencyMismatch, Paused, QuotaExceeded, RateLimited, Unavailable
from sayso_bot.ports import (
    Ballot,
    Draft,
    Due,
    EditAnswer,
    Epochs,
    Filter,
    KeyChange,
    NewRequest,
    NewRevision,
    Page,
    Submitted,
    VoteAnswer,
)
from sayso_bot.store import cards
from sayso_bot.store.batch import WaitFor
from sayso_bot.store.calls import Calls, opening, under
from sayso_bot.store.codec import (
    BRIEF_FROM_BYTES,
    body_of,
    brief_from,
    brief_of,
    check_version,
    due_of,
    edit_of,
    fields_of,
    request_of,
    version_of,
)
from sayso_bot.store.configured import Configured
from sayso_bot.store.files import RedisFiles
from sayso_bot.store.keys import Keys
from sayso_bot.store.lane import Words
from sayso_bot.store.listings import RedisListings
from sayso_bot.store.live import (
    milliseconds,
    moved_json,
    pause_of,
)
from sayso_bot.store.notices import RedisNotices
from sayso_bot.store.office import RedisOffice
from sayso_bot.store.tellings import RedisTellings

MOST_WALKED = 1000
READ_AT_ONCE = 10
PAGE_CHARACTERS = 1_000_000
ALIKE = 1024
"""For so many kinds of submissions is remembered what those of one kind say in the same words: 2 KB each."""
_STATUS_AFTER = {"ask": Status.PENDING, "allow": Status.APPROVED, "deny": Status.DENIED}
_alike = lru_cache(ALIKE)(Words.of)


class RedisStore(cards.Cards, Configured):
    """One book in one Redis: its requests here, their cards and what is in force in the bases.

    ``wait_for`` is passed to `Calls`. ``on_expired`` is told of each request that a call of this process found due and
    ended.
    """

    def __init__(
        self,
        client: Redis,
        book: str,
        wait_for: WaitFor | None = None,
        on_expired: Callable[[Request], None] = lambda _: None,
    ) -> None:
        super().__init__(Calls(client, wait_for), Keys(book))
        self._on_expired = on_expired
        self.client = client
        self.listings = RedisListings(self._calls, self.keys)
        self.files = RedisFiles(self._calls, self.keys)
        self.office = RedisOffice(self._calls, self.keys)
        self.notices = RedisNotices(self._calls, self.keys, cards.PACE_SECONDS)
        self.tellings = RedisTellings(self._calls, self.keys)
        self._submit = lru_cache(ALIKE)(self._submit_opening)

    async def close(self) -> None:
        await self._calls.close()

    # ------------------------------------------------------------------ requests

    async def submit(self, new: NewRequest, epochs: Epochs) -> Submitted:
        """Make the request, or find the one that its Idempotency-Key made.

        Raises `Again`, `IdempotencyMismatch`, `RateLimited`, `QuotaExceeded`.
        """
        place, draft, quotas = new.place or "", new.draft, new.key.quotas
        verdict, body = new.verdict, body_of(new)
        status = _STATUS_AFTER[verdict.kind]
        entry = {
            "agent": new.key.name, "key": new.key.id, "action": draft.action, "fingerprint": new.fingerprint,
            "rule": verdict.rule, "policy": new.policy_digest,
        }  # fmt: skip
        idempotency = draft.idempotency_key
        own = Words.of(
            self.keys.request(new.id), self.keys.post(new.id, place), self.keys.button(new.button),
            self.keys.idempotency(new.key.name, idempotency),
            new.id, new.button, draft.body_digest, body, brief_of(new) if len(body) > BRIEF_FROM_BYTES else "",
            dumps(entry),
        )  # fmt: skip
        timeout = "" if new.timeout_seconds is None else new.timeout_seconds * 1000
        shared = _alike(
            *under(epochs), epochs.routes, new.key.name, draft.action, status, timeout, place, verdict.cause,
            dumps(verdict.reason), quotas.rate, quotas.burst, quotas.pending, quotas.bytes, "1" if idempotency else "",
            version_of(new), *_routed(new), new.key.principal or "", _pace(verdict.requirement),
        )  # fmt: skip
        opens = self._submit(new.key.name, new.key.id, draft.action, place, status)
        code, now, *rest = await self._calls.joined(opens, own, shared)
        if code == "new":
            return Submitted(_made(new, status, int(now), rest[1]), replayed=False)
        if code == "made":
            return Submitted(request_of(fields_of(rest[0])), replayed=False)
        if code == "earlier":
            return await self._earlier(rest[0], draft.body_digest, epochs)
        if code == "paused":
            raise Paused(f"{_what_is_paused(rest[0])} Nothing was made; try again later.", retry_after=30)
        if code == "rate":
            wait = int(rest[0]) / 1000
            raise RateLimited("This key asks too often. Nothing was made; try again later.", retry_after=wait)
        quota = "pending requests" if code == "pending" else "bytes of pending requests"
        raise QuotaExceeded(f"This agent's quota of {quota} is used up. Nothing was made.", retry_after=5)

    def _submit_opening(self, agent: str, key_id: str, action: str, place: str, status: Status) -> Words:
        return opening("submit", self.keys.of_alike(agent, key_id, action, place, status), further=4)

    async def earlier(self, draft: Draft, agent: str, epochs: Epochs) -> Submitted | None:
        """The request that the draft's Idempotency-Key made. Raises `Again`, `IdempotencyMismatch`."""
        if draft.idempotency_key is None:
            return None
        request_id = await self._plain("GET", self.keys.idempotency(agent, draft.idempotency_key))
        return await self._earlier(request_id, draft.body_digest, epochs) if request_id else None

    async def _earlier(self, request_id: str, digest: str, epochs: Epochs) -> Submitted:
        if await self._plain("HGET", self.keys.request(request_id), "digest") != digest:
            raise IdempotencyMismatch(
                "This Idempotency-Key was used with another body. The first request stands; nothing was made."
            )
        request = await self.read(request_id, epochs)
        if request is None:
            raise Unavailable("The earlier request of this Idempotency-Key cannot be read.", retry_after=1)
        return Submitted(request, replayed=True)

    async def read(self, request_id: str, epochs: Epochs | None = None) -> Request | None:
        keys = [self.keys.request(request_id), self.keys["clock"], self.keys["epochs"]]
        code, _, *rest = await self._call("read", keys, *under(epochs), writes=False)
        if code == "missing":
            return None
        request = request_of(fields_of(rest[0]))
        # Where a disk is waited for, nobody is told of an end that is not on it yet: `expire` waits as writes do.
        must_wait = request.settled and self._calls.waits
        return await self.expire(request) if code == "due" or must_wait else request

    async def pending(self, request_id: str, epochs: Epochs) -> str | None:
        keys = [self.keys.request(request_id), self.keys["clock"], self.keys["epochs"]]
        _, _, *found = await self._call("pending", keys, *under(epochs), writes=False)
        if not found:
            return None
        agent, version = found
        check_version(version)
        return str(agent)

    def told(self, news: str) -> tuple[Request, Epochs] | None:
        if not news or self._calls.waits:  # where a disk is waited for, the end may not be on it yet
            return None
        keys_epoch, policy_epoch, record = orjson.loads(news)
        return request_of(fields_of(record)), Epochs(int(keys_epoch), int(policy_epoch))

    async def list(
        self, wanted: Filter, *, cursor: str | None, limit: int, epochs: Epochs | None = None
    ) -> Page[Request]:
        """Newest first. A page looks at `MOST_WALKED` entries at most and ends with the request with which it holds
        `PAGE_CHARACTERS`, so it may be short and still have a cursor."""
        found, last = await self._found(wanted, cursor, limit, epochs)
        items: list[Request] = []
        held = 0
        for start in range(0, len(found), READ_AT_ONCE):
            some = found[start : start + READ_AT_ONCE]
            read = await asyncio.gather(*(self.read(request_id) for request_id, _ in some))
            for request, (_, seq) in zip(read, some, strict=True):
                if request is None or wanted.status not in (None, request.status):
                    continue
                items.append(request)
                held += len(repr(request.params)) + len(repr(request.claims))
                if held > PAGE_CHARACTERS:
                    return Page(tuple(items), seq)
        return Page(tuple(items), last)

    async def browse(self, wanted: Filter, *, cursor: str | None, limit: int) -> Page[Brief]:
        found, last = await self._found(wanted, cursor, limit, None)
        read = await asyncio.gather(*(self.glance(request_id) for request_id, _ in found))
        return Page(tuple(one for one in read if one and wanted.status in (None, one.status)), last)

    async def _found(
        self, wanted: Filter, cursor: str | None, limit: int, epochs: Epochs | None
    ) -> tuple[Sequence[tuple[str, str]], str | None]:
        """Ids with the cursor that each would be, and the cursor after all of them."""
        indexes = [
            *([self.keys.by_status(wanted.status)] if wanted.status else []),
            *([self.keys.by_action(wanted.action)] if wanted.action else []),
            *([self.keys.by_agent(wanted.agent)] if wanted.agent else []),
        ] or [self.keys["index:all"]]
        keys = [self.keys["epochs"], *indexes]
        _, found, last = await self._call("list", keys, *under(epochs), cursor or "", limit, MOST_WALKED, writes=False)
        return [(one, str(seq)) for one, seq in zip(found[::2], found[1::2], strict=True)], str(last) or None

    async def glance(self, request_id: str) -> Brief | None:
        keys = [self.keys.request(request_id), self.keys["clock"]]
        code, _, *rest = await self._call("glance", keys, writes=False)
        if code == "missing":
            return None
        found = brief_from(fields_of(rest[0]))
        return brief(await self.expire(found)) if code == "due" else found

    async def vote(
        self, request: Request, ballot: Ballot, person: Person, evidence: str, void: Sequence[str], epochs: Epochs
    ) -> VoteAnswer:
        aliases = sorted(person.aliases)
        vote = {
            "person": person.id, "name": person.name, "aliases": aliases, "outcome": ballot.outcome,
            "reason": ballot.reason, "surface": ballot.surface, "revision": ballot.revision,
            "evidence": evidence, "comparable": person.comparable,
            **({} if ballot.response is None else {"response": ballot.response}),
        }  # fmt: skip
        quorum = request.requirement.quorum if request.requirement else 1
        # Whoever saw an end has not looked whether the person may answer, so such a vote counts nowhere.
        seen = [None] if request.settled else [cast.person for cast in request.votes]
        code, _, *rest = await self._call(
            "vote", self._of_request(request), *under(epochs), ballot.operation, ballot.revision, person.id,
            ballot.outcome, dumps(vote), quorum, dumps(aliases), dumps(seen), dumps(list(void)),
        )  # fmt: skip
        return VoteAnswer(code, request_of(fields_of(rest[0])) if rest else None, _pause(rest))

    async def edit(self, new: NewRevision, epochs: Epochs) -> EditAnswer:
        edit, person = new.edit, new.person
        about = {
            "person": person.id, "name": person.name, "surface": edit.surface, "evidence": new.evidence,
            "revision": edit.revision, "before": new.request.fingerprint, "after": new.fingerprint,
        }  # fmt: skip
        keys = [*self._of_request(new.request), self.keys["counters"], self.keys.button(new.button)]
        revision = edit.revision if not new.request.settled and edit.revision == new.request.revision else ""
        code, _, *rest = await self._call(
            "edit", keys, *under(epochs), edit.operation, revision, f"{person.id} {new.fingerprint}",
            edit_of(new), new.button, dumps(about), brief_of(new),
        )  # fmt: skip
        return EditAnswer(code, request_of(fields_of(rest[0])) if rest else None, _pause(rest))

    async def cancel(self, request: Request, epochs: Epochs) -> Request:
        """The request as it stands after the agent's withdrawal, which changes nothing about a settled one."""
        operation = f"cancel:{secrets.token_hex(8)}"
        _, _, *rest = await self._call("cancel", self._of_request(request), *under(epochs), operation)
        return _still_there(rest)

    async def expire(self, request: Outline) -> Request:
        code, _, *rest = await self._call("expire", self._of_request(request))
        found = _still_there(rest)
        if code == "elsewhere":
            return await self.expire(found)
        if code == "ended":
            self._on_expired(found)
        return found

    async def note(self, kind: str, request_id: str, data: Mapping[str, Any]) -> None:
        keys = [self.keys["journal"], self.keys["clock"]]
        await self._call("note", keys, kind, request_id, dumps(data), tries=1)

    async def due_requests(self, limit: int) -> Due:
        return due_of(
            await self._call("due_requests", [self.keys["deadlines"], self.keys["clock"]], limit, writes=False)
        )

    # ------------------------------------------------------------------ keys

    async def put_key(self, key: Key, kind: str) -> None:
        """Create or replace a key; ``kind`` names the journal entry (``key_created``, ``key_revoked``).

        A key that was revoked stays as it is.
        """
        about = {"key": key.id, "name": key.name, "kinds": sorted(key.kinds), "actions": key.actions}
        await self.office.put_keys([KeyChange(key, kind, about)], None)

    # ------------------------------------------------------------------ mechanics

    async def load_functions(self) -> None:
        """Load the library where it is not there yet. Other versions of it are left alone."""
        await self._calls.load_functions()


def _still_there(rest: Sequence[Any]) -> Request:
    """The record that a function answered. Records are never deleted, so one that is missing was lost by Redis."""
    if not rest:
        raise Unavailable("The request cannot be read right now. Nothing was changed.", retry_after=1)
    return request_of(fields_of(rest[0]))


def _made(new: NewRequest, status: Status, now: int, expires_at: str | int) -> Request:
    """The request that `submit` has just made, without reading it back."""
    verdict, created_at = new.verdict, from_milliseconds(now)
    decision = None
    if verdict.kind != "ask":
        decision = Decision(status, verdict.cause, created_at, reason=verdict.reason)
    return Request(
        id=new.id,
        revision=1,
        status=status,
        action=new.draft.action,
        params=new.draft.params,
        fingerprint=new.fingerprint,
        agent=new.key.name,
        principal=new.key.principal,
        key_id=new.key.id,
        created_at=created_at,
        expires_at=from_milliseconds(int(expires_at)) if expires_at else None,
        rule=verdict.rule,
        policy_digest=new.policy_digest,
        requirement=verdict.requirement,
        claims=new.draft.claims,
        decision=decision,
        form=new.draft.form,
        place=new.place or "",
        moved=_moved(new),
    )


def _moved(new: NewRequest) -> Moved | None:
    route = new.route
    return None if route is None else Moved(route.channel, route.by.name, route.why, route.id)


def _routed(new: NewRequest) -> tuple[int | str, bytes | str]:
    """When the route that was used ends, and where it has the request asked."""
    if new.route is None:
        return "", ""
    moved, until = _moved(new), new.route.until
    return milliseconds(until) if until else "", moved_json(moved) if moved else ""


def _pace(requirement: Requirement | None) -> int | str:
    """Milliseconds between two posts at a slow place; none for what a list is to show."""
    return "" if requirement is None or requirement.digest else int(cards.PACE_SECONDS * 1000)


def _pause(rest: Sequence[Any]) -> Pause | None:
    return pause_of(rest[1]) if len(rest) > 1 and rest[1] else None


def _what_is_paused(line: str) -> str:
    """For an agent, who is not told by whom and why: it may be the reason."""
    scope = pause_of(line).scope if line else Scope()
    return f"{scope.title} is paused by an admin: nothing of it is asked now."
