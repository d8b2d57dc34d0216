"""Every key of a book: its name, type and lifetime. A test fails on a key in Redis that is not named here.

All keys of a book carry its hash tag, ``{book}:``, so one function may touch any of them on Redis Cluster. Nothing of a
request is deleted before the audit has sealed it; until sealing is built, "kept" means that it stays.
"""

from __future__ import annotations

import fnmatch
import hashlib
from dataclasses import dataclass
from functools import cached_property

from sayso_bot.domain.request import Status


@dataclass(frozen=True, slots=True)
class KeySpec:
    """``pattern`` is a glob below the hash tag, ``lifetime`` a sentence, ``expires`` whether Redis must show a TTL."""

    pattern: str
    type: str
    holds: str
    lifetime: str
    expires: bool = False


SPECS = (
    KeySpec("request:*", "hash", "one request: its state, what was asked, votes, decision", "kept"),
    KeySpec("post:*", "hash", "one card at one place: wanted and shown version, lease, attempts", "kept"),
    KeySpec("button:*", "string", "what an opaque button means: request, revision, place", "kept"),
    KeySpec("upload:*", "string", "a piece of a file on its way in", "ten minutes", expires=True),
    KeySpec("file:*", "string", "a piece of a file that is part of a request", "as long as its request"),
    KeySpec("idempotency:*", "string", "request id of an agent's Idempotency-Key", "as long as its request"),
    KeySpec("clock", "string", "the latest time this book has seen, in ms; it never goes back", "kept"),
    KeySpec(
        "epochs", "hash", "counters: keys, policy, routes, pause (odd while all is paused); what is paused", "kept"
    ),
    KeySpec("counters", "hash", "seq: requests so far; bytes: of all requests; doubles: second cards", "kept"),
    KeySpec("journal", "stream", "everything that happened, in order", "kept"),
    KeySpec("deadlines", "zset", "pending requests by deadline in ms", "an entry leaves when its request ends"),
    KeySpec("index:*", "zset", "requests by seq: all, by status, by agent, by action", "kept"),
    KeySpec("usage:*", "hash", "what an agent has pending: requests, bytes", "kept"),
    KeySpec("rate:*", "hash", "a key's token bucket", "expires when the bucket is full again", expires=True),
    KeySpec("places", "zset", "places with cards to bring up to date, by time in ms", "an entry leaves with its work"),
    KeySpec(
        "blocked",
        "hash",
        "until when in ms a place asked us to wait; its pace since, and which announcement waits",
        "leaves when it is over",
    ),
    KeySpec("work:*", "zset", "a place's cards to bring up to date, by time in ms", "an entry leaves when it is shown"),
    KeySpec("list:*", "hash", "a place's listing: its message, lease, attempts, counts of what ended", "kept"),
    KeySpec("listed:*", "zset", "requests that wait by what a place's listing shows", "an entry leaves when it ends"),
    KeySpec("tellings", "zset", "ends of which an agent's principal is to be told, by time in ms", "leaves when told"),
    KeySpec("telling:*", "hash", "an attempt to tell one of them: who holds it, how often", "deleted when told"),
    KeySpec("alarms", "zset", "cards that cannot be delivered, by since when in ms", "an entry leaves on delivery"),
    KeySpec("keys", "hash", "keys by id, their secrets hashed", "kept"),
    KeySpec(
        "policy",
        "hash",
        "active: a digest; doc:DIGEST: each document that was; versions: how many; version:N: who put which in force;"
        " operations that did",
        "kept",
    ),
    KeySpec("pause", "hash", "who paused the whole book, why, since when", "leaves when it goes on"),
    KeySpec(
        "repaint", "hash", "paused and resumed scopes whose cards are looked at: how far", "leaves when it is done"
    ),
    KeySpec("routes", "hash", "live routes by id", "an entry leaves when it is undone or over"),
    KeySpec("channels", "hash", "places that admins named, by name", "an entry leaves when it is forgotten"),
    KeySpec(
        "deed:*", "string", "what an admin's deed has answered, by its operation", "expires after a week", expires=True
    ),
    KeySpec("notice:*", "hash", "one announcement at one place", "kept, unless it becomes part of another"),
    KeySpec("reported", "hash", "places that cannot be reached and were reported", "an entry leaves when it is well"),
    KeySpec(
        "told",
        "hash",
        "what admins were told once: the policy's version, what is wrong with its file, each ill place",
        "kept",
    ),
    KeySpec("used", "hash", "when each key was used last, in ms, to the minute", "kept"),
    KeySpec("shelf:*", "string", "an adapter's own values, encrypted", "expires as the adapter says", expires=True),
    KeySpec(
        "shelf-names:*",
        "zset",
        "the names on an adapter's shelf, a list for each kind, by when each lapses",
        "an entry leaves after that",
    ),
)


def spec_of(key: str, book: str) -> KeySpec | None:
    """The spec that names ``key``, or None for one that nobody has written down."""
    prefix = f"{{{book}}}:"
    if not key.startswith(prefix):
        return None
    return next((spec for spec in SPECS if fnmatch.fnmatchcase(key.removeprefix(prefix), spec.pattern)), None)


class Keys:
    """The names of one book's keys."""

    def __init__(self, book: str) -> None:
        self.book = book
        self.tag = f"{{{book}}}:"

    def __getitem__(self, name: str) -> str:
        return self.tag + name

    def request(self, request_id: str) -> str:
        return f"{self.tag}request:{request_id}"

    def post(self, request_id: str, place: str) -> str:
        return f"{self.tag}post:{request_id}:{place}"

    def notice(self, notice_id: str) -> str:
        return f"{self.tag}notice:{notice_id}"

    def deed(self, operation: str) -> str:
        return f"{self.tag}deed:{hashlib.sha256(operation.encode()).hexdigest()}"

    def button(self, token: str) -> str:
        return f"{self.tag}button:{token}"

    def idempotency(self, agent: str, key: str | None) -> str:
        """Without a ``key``, a name that is never used: a function is given all its keys."""
        return f"{self.tag}idempotency:{agent}:{hashlib.sha256(key.encode()).hexdigest() if key else ''}"

    def upload(self, name: str, piece: int) -> str:
        return f"{self.tag}upload:{name}:{piece}"

    def file(self, file_id: str, piece: int) -> str:
        return f"{self.tag}file:{file_id}:{piece}"

    def by_status(self, status: str) -> str:
        return f"{self.tag}index:status:{status}"

    def by_agent(self, agent: str) -> str:
        return f"{self.tag}index:agent:{agent}"

    def by_action(self, action: str) -> str:
        return f"{self.tag}index:action:{action}"

    def usage(self, agent: str) -> str:
        return f"{self.tag}usage:{agent}"

    def rate(self, key_id: str) -> str:
        return f"{self.tag}rate:{key_id}"

    def work(self, place: str) -> str:
        return f"{self.tag}work:{place}"

    def listing(self, place: str) -> str:
        return f"{self.tag}list:{place}"

    def listed(self, place: str) -> str:
        return f"{self.tag}listed:{place}"

    def telling(self, request_id: str) -> str:
        return f"{self.tag}telling:{request_id}"

    def of_request(self, request_id: str, agent: str, place: str) -> list[str]:
        """The keys of every function that may end a request, in the order of ``request_keys`` in ``prelude.lua``."""
        return self._of(self.request(request_id), request_id, agent, place)

    def of_teller(self, request_id: str, place: str | None) -> list[str]:
        """What follows `of_request` where the card at ``place`` is to tell the end instead; nothing without one."""
        return [] if place is None else [self.work(place), self.post(request_id, place)]

    def of_alike(self, agent: str, key_id: str, action: str, place: str, status: Status) -> list[str]:
        """What making a request touches that is none of its own; ``submit.lua`` is given it before what is."""
        counted = [self["counters"], self["index:all"], self.by_status(status), self.by_agent(agent)]
        return [
            *self._of_book, *counted, self.by_action(action), self.usage(agent), self.rate(key_id), self.work(place),
        ]  # fmt: skip

    def of_notice(self, notice_id: str, place: str) -> list[str]:
        """The same for a notice, which delivery begins like a request's card."""
        return self._of(self.notice(notice_id), notice_id, "", place)

    def _of(self, record: str, name: str, agent: str, place: str) -> list[str]:
        rest = [self.usage(agent), self.work(place), self.post(name, place), self["tellings"], self.listing(place)]
        return [record, *self._shared, *rest]

    @cached_property
    def _of_book(self) -> tuple[str, ...]:
        return tuple(self[name] for name in ("clock", "epochs", "journal", "deadlines", "places", "blocked"))

    @cached_property
    def _shared(self) -> tuple[str, ...]:
        return (*self._of_book, self["alarms"], *(self.by_status(status) for status in Status))
