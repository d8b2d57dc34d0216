"""Which workspaces have installed the app, and their tokens: on the shelf, encrypted, the same for every replica.

``install/<id>`` is one installation, ``installed`` the ids of all, because looking through every name of the shelf is
slow. The id is the team's, or the organisation's where a whole Enterprise Grid has installed the app. An installation
is changed by one process at a time: ``lock/<id>`` is held meanwhile, and lapses where its holder dies. All of them
lapse after 400 days in which nobody used them.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sayso_adapters.slack.home import Home
from sayso_bot.errors import Unavailable
from sayso_bot.ports import Shelf

KEPT_SECONDS = 400 * 86400
KEPT_AGAIN_AFTER = timedelta(days=1)
LOCK_SECONDS = 60
LOCK_PATIENCE_SECONDS = 5.0
LOCK_PAUSE_SECONDS = 0.1
WRITE_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)

INSTALLATION = re.compile(r"[TE][A-Z0-9]{1,30}\Z")

Now = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Installation:
    """``team`` is empty where the whole organisation ``enterprise`` has installed the app. ``refresh`` and
    ``expires_at`` are set where tokens rotate. ``kept_at`` is when the shelf was last told to keep it.
    """

    team: str
    enterprise: str | None
    name: str
    bot_user: str
    scopes: tuple[str, ...]
    installed_at: datetime
    kept_at: datetime
    token: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None

    @property
    def id(self) -> str:
        return self.team or self.enterprise or ""

    @property
    def home(self) -> Home:
        """Who we are there. Slack does not say the bot's other id (``B…``) when an app is installed."""
        return Home(team=self.id, enterprise=self.enterprise, bot=None, bot_user=self.bot_user, name=self.name)

    @property
    def about(self) -> dict[str, str]:
        """For the journal and the log: ids, and no token."""
        return {"installation": self.id, "team": self.team, "enterprise": self.enterprise or ""}


class Busy(Unavailable):
    """Another process changes the same installation."""


class Installations:
    """All of them. Every method raises `Unavailable` where the shelf does not answer; what changes one raises `Busy`
    where another process is at it for longer than ``patience_seconds``.
    """

    def __init__(self, shelf: Shelf, now: Now = utc_now) -> None:
        self._shelf = shelf
        self.now = now

    async def all(self) -> list[Installation]:
        found = [await self.read(name) for name in await self._ids()]
        return [installation for installation in found if installation]

    async def read(self, name: str) -> Installation | None:
        record = await self._shelf.get(f"install/{name}")
        return _unpacked(record) if record else None

    async def add(self, installation: Installation) -> None:
        """Keep a new installation, in place of an earlier one of the same workspace."""
        async with self._alone(installation.id):
            await self._keep(installation)
            await self._list(installation.id, there=True)

    async def remove(self, name: str, *, before: datetime, note: Callable[[Installation], Awaitable[None]]) -> bool:
        """Forget the installation ``name`` if it is older than ``before``; ``note`` puts that on the record first.

        A message of Slack's may come late: one about an earlier installation must not end the one that came after it.
        """
        async with self._alone(name):
            found = await self.read(name)
            if found is None or found.installed_at > before:
                return False
            await note(found)
            await self._shelf.delete(f"install/{name}")
            await self._list(name, there=False)
            return True

    async def used(self, installation: Installation) -> Installation | None:
        """Have it kept for another 400 days; None where it was removed meanwhile. Waits for nobody."""
        async with self._alone(installation.id, patience_seconds=0.0):
            found = await self.read(installation.id)
            if found is not None:
                found = replace(found, kept_at=self.now())
                await self._keep(found)
                await self._list(found.id, there=True)
            return found

    async def rotated(
        self,
        known: Installation,
        refresh: Callable[[Installation], Awaitable[Installation]],
        *,
        patience_seconds: float = LOCK_PATIENCE_SECONDS,
    ) -> Installation | None:
        """The installation with a newer token than that of ``known``; None where it was removed.

        Of many processes one calls ``refresh``; the others are given what it wrote. It is written before anybody uses
        it, and tried for some seconds, because what it replaces can be refreshed no more. Raises what ``refresh`` does.
        """
        async with self._alone(known.id, patience_seconds=patience_seconds):
            found = await self.read(known.id)
            if found is None or found.token != known.token:
                return found
            newer = await refresh(found)
            for pause in WRITE_PAUSES:
                try:
                    await self._keep(newer)
                except Unavailable:
                    await asyncio.sleep(pause)
                else:
                    return newer
            await self._keep(newer)
            return newer

    async def _keep(self, installation: Installation) -> None:
        await self._shelf.put(f"install/{installation.id}", _packed(installation), ttl_seconds=KEPT_SECONDS)

    async def _ids(self) -> list[str]:
        listed = await self._shelf.get("installed")
        return list(json.loads(listed)) if listed else []

    async def _list(self, name: str, *, there: bool) -> None:
        async with self._alone("installed"):
            others = [found for found in await self._ids() if found != name]
            listed = json.dumps([*others, name] if there else others).encode()
            await self._shelf.put("installed", listed, ttl_seconds=KEPT_SECONDS)

    @asynccontextmanager
    async def _alone(self, name: str, *, patience_seconds: float = LOCK_PATIENCE_SECONDS) -> AsyncIterator[None]:
        """Be the only one who changes ``name``."""
        lock, mine = f"lock/{name}", secrets.token_bytes(16)
        give_up_at = asyncio.get_running_loop().time() + patience_seconds
        while not await self._shelf.put_new(lock, mine, ttl_seconds=LOCK_SECONDS):
            if asyncio.get_running_loop().time() >= give_up_at:
                raise Busy("Somebody else changes this installation.", retry_after=5)
            await asyncio.sleep(LOCK_PAUSE_SECONDS)
        try:
            yield
        finally:
            if await self._shelf.get(lock) == mine:  # else it lapsed, and is another one's
                await self._shelf.delete(lock)


def _packed(installation: Installation) -> bytes:
    record = asdict(installation)
    return json.dumps({name: _text(value) for name, value in record.items()}).encode()


def _text(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _unpacked(record: bytes) -> Installation:
    read = json.loads(record)
    expires_at = read.pop("expires_at")
    return Installation(
        scopes=tuple(read.pop("scopes")),
        installed_at=datetime.fromisoformat(read.pop("installed_at")),
        kept_at=datetime.fromisoformat(read.pop("kept_at")),
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
        **read,
    )
