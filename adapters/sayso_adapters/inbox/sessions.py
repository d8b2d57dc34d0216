"""Sign-in links and the sessions that they open.

A link's token and a session's cookie are 256 random bits; the shelf knows them by their SHA-256 alone, so who reads
the shelf can use neither. A link works once because taking it is one step. A session is two entries: the record, which
is written once and lives seven days, and the mark of when it was last used, which lives twelve hours. Using a session
renews the mark only, so a session that was ended can never come back through a call that was under way.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sayso_bot.domain.person import Person, normal
from sayso_bot.ports import Shelf

LINK_SECONDS = 10 * 60
IDLE_SECONDS = 12 * 3600
LIFE_SECONDS = 7 * 24 * 3600
_RENEW_AFTER = timedelta(seconds=60)

Now = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Session:
    """``id`` is the SHA-256 of the cookie: safe to show. ``csrf`` goes into each form of this session.

    ``admin``: the admin's page is offered; it is looked up for each page, and never kept.
    """

    id: str
    aliases: tuple[str, ...]
    name: str
    csrf: str
    created_at: datetime
    seen_at: datetime
    admin: bool = False

    @property
    def person(self) -> Person:
        return Person.known_as(self.name, self.aliases)

    @property
    def about(self) -> dict[str, str]:
        """Whose session it is and which, for the journal and the log."""
        return {"person": self.person.id, "session": self.short_id}

    @property
    def short_id(self) -> str:
        """Enough of the id for an operator to name the session."""
        return self.id[:12]

    @property
    def account(self) -> str:
        """What the person signed in as, for people: ``ana@example.com`` or ``operator``."""
        return ", ".join(alias.removeprefix("email:") for alias in self.aliases)


async def make_link(shelf: Shelf, public_url: str, *, person_alias: str, name: str) -> str:
    """A link that signs ``person_alias`` in, once, within ten minutes. Whoever holds it is taken for that person."""
    token = secrets.token_urlsafe(32)
    record = json.dumps({"alias": normal(person_alias), "name": name}).encode()
    await shelf.put(f"link/{_digest(token)}", record, ttl_seconds=LINK_SECONDS)
    return f"{public_url.rstrip('/')}/inbox/sign-in#{token}"


class Sessions:
    """The sessions of one inbox, on its shelf."""

    def __init__(self, shelf: Shelf, now: Now = utc_now) -> None:
        self._shelf = shelf
        self._now = now

    async def sign_in(self, token: str) -> tuple[str, Session] | None:
        """Exchange a link's token for a cookie and its session; None when it was used, lapsed or never made."""
        record = await self._shelf.take(f"link/{_digest(token)}")
        if record is None:
            return None
        link = json.loads(record)
        return await self._begin((link["alias"],), link["name"])

    async def find(self, cookie: str, *, use: bool) -> Session | None:
        """The session of ``cookie`` while it lives. ``use`` renews it; what a page does by itself must not."""
        session = await self._read(_digest(cookie))
        if session and use and self._now() - session.seen_at > _RENEW_AFTER:
            await self._mark(session.id)
        return session

    async def alive(self, session_id: str) -> bool:
        return await self._read(session_id) is not None

    async def end(self, session_id: str) -> None:
        """End a session at once, where there is one."""
        await self._shelf.delete(f"session/{session_id}")
        await self._shelf.delete(f"seen/{session_id}")

    async def all(self) -> list[Session]:
        """The living sessions, the latest used first."""
        names = await self._shelf.names("session/")
        found = [await self._read(name.removeprefix("session/")) for name in names]
        return sorted((session for session in found if session), key=lambda session: session.seen_at, reverse=True)

    async def _begin(self, aliases: Iterable[str], name: str) -> tuple[str, Session]:
        cookie = secrets.token_urlsafe(32)
        now = self._now()
        session = Session(_digest(cookie), tuple(aliases), name, secrets.token_urlsafe(32), now, now)
        await self._mark(session.id)
        await self._shelf.put(f"session/{session.id}", _packed(session), ttl_seconds=LIFE_SECONDS)
        return cookie, session

    async def _mark(self, session_id: str) -> None:
        seen = self._now().isoformat().encode()
        await self._shelf.put(f"seen/{session_id}", seen, ttl_seconds=IDLE_SECONDS)

    async def _read(self, session_id: str) -> Session | None:
        record = await self._shelf.get(f"session/{session_id}")
        seen = await self._shelf.get(f"seen/{session_id}")
        return _unpacked(session_id, record, seen) if record and seen else None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _packed(session: Session) -> bytes:
    record = {
        "aliases": session.aliases,
        "name": session.name,
        "csrf": session.csrf,
        "created_at": session.created_at.isoformat(),
    }
    return json.dumps(record).encode()


def _unpacked(session_id: str, record: bytes, seen: bytes) -> Session:
    read = json.loads(record)
    return Session(
        id=session_id,
        aliases=tuple(read["aliases"]),
        name=read["name"],
        csrf=read["csrf"],
        created_at=datetime.fromisoformat(read["created_at"]),
        seen_at=datetime.fromisoformat(seen.decode()),
    )
