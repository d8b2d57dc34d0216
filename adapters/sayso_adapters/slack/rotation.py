"""The token of one installation: fresh, the same in every process, and refused only after the shelf was asked.

A token that expires is refreshed two hours before it does, by one process and beside its calls; meanwhile all go on
with the old one, which Slack accepts until its time is up, and then learn the new one from the shelf. A refresh token
works once. A process that dies between Slack's answer and the shelf's leaves an installation that works until the old
token expires, and then must be made anew; so the pair is written at once, and before its first use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sayso_adapters.slack.home import Home
from sayso_adapters.slack.installations import (
    KEPT_AGAIN_AFTER,
    LOCK_PATIENCE_SECONDS,
    Busy,
    Installation,
    Installations,
)
from sayso_adapters.slack.workspaces import NOT_INSTALLED
from sayso_bot.errors import Unavailable
from sayso_bot.ports import AdapterError, Gone, Log, Rejected, Retry

EARLY = timedelta(hours=2)
LAST_MOMENT = timedelta(minutes=1)
TRY_AGAIN_AFTER = timedelta(minutes=1)
REFUSED_FOR = timedelta(minutes=1)

Refresh = Callable[[Installation], Awaitable[Installation]]
Spawn = Callable[[Awaitable[None]], None]

_REMEDY = "Have the app installed again with a new link from `sayso slack install-link`."


class Installed:
    """One installation as this process knows it; a connection's `sayso_adapters.slack.wire.Tokens`."""

    def __init__(
        self, known: Installation, installations: Installations, refresh: Refresh, spawn: Spawn, log: Log
    ) -> None:
        self._known = known
        self._installations = installations
        self._now = installations.now
        self._refresh = refresh
        self._spawn = spawn
        self._log = log
        self._one_at_a_time = asyncio.Lock()
        self._rest_until = known.installed_at
        self._refused: tuple[str, datetime] | None = None

    def adopt(self, read: Installation) -> None:
        """What the shelf says now."""
        if read.token != self._known.token:
            self._refused = None
        self._known = read

    def home(self) -> Home:
        """Raises `Gone` for a minute after Slack has refused the token."""
        if self._refused is not None and self.is_refused:
            raise Gone(self._refused[0])
        return self._known.home

    @property
    def is_refused(self) -> bool:
        return self._refused is not None and self._now() < self._refused[1]

    async def token(self) -> str:
        """The token to use now. Waits for a refresh only where this one's time is up. Raises `AdapterError` where there
        is none."""
        left = self._known.expires_at - self._now() if self._known.expires_at else None
        if left is not None and left < LAST_MOMENT:
            self.home()
            await self._rotate(urgent=True)
        elif left is not None and left < EARLY:
            self._beside(lambda: self._rotate(urgent=False))
        elif self._now() - self._known.kept_at > KEPT_AGAIN_AFTER:
            self._beside(self._keep)
        return self._known.token

    async def refused(self, token: str, what: str) -> str | None:
        """Another token, where another process or a new installation has put one on the shelf, or a refresh gives one.

        Where there is none the workspace is `Gone` for a minute. It is forgotten only when Slack says that it is over.
        """
        self._take(await self._read())
        if self._known.token != token:
            return self._known.token
        if what == "token_expired" and self._known.refresh:
            await self._rotate(urgent=True)
            return self._known.token
        self._give_up(what)
        return None

    async def _rotate(self, *, urgent: bool) -> None:
        """Have a newer token than the one that is known now. Raises `AdapterError`.

        Only what is ``urgent`` waits for another process, and leaves the workspace `Gone` where Slack refuses.
        """
        old = self._known.token
        async with self._one_at_a_time:
            if self._known.token != old:
                return
            try:
                newer = await self._installations.rotated(
                    self._known, self._refresh, patience_seconds=LOCK_PATIENCE_SECONDS if urgent else 0.0
                )
            except Unavailable as error:
                raise _later(error) from None
            except (Gone, Rejected) as error:
                if urgent:
                    self._give_up(error.what)
                raise Gone(error.what) from None
            self._take(newer)
            self._log.info("slack.token_refreshed", **self._known.about)

    async def _keep(self) -> None:
        try:
            self._take(await self._installations.used(self._known))
        except Unavailable as error:
            raise _later(error) from None

    def _beside(self, work: Callable[[], Awaitable[None]]) -> None:
        """Begin what is not urgent, unless it was begun within the last minute."""
        if self._now() >= self._rest_until:
            self._rest_until = self._now() + TRY_AGAIN_AFTER
            self._spawn(self._try(work))

    async def _try(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Retry as error:
            self._log.info("slack.installation_not_renewed", what=error.what, next="soon", **self._known.about)
        except AdapterError as error:
            self._log.error("slack.installation_not_renewed", what=error.what, todo=_REMEDY, **self._known.about)

    def _give_up(self, what: str) -> None:
        self._log.error("slack.token_refused", what=what, todo=_REMEDY, **self._known.about)
        self._refused = (what, self._now() + REFUSED_FOR)

    async def _read(self) -> Installation | None:
        try:
            return await self._installations.read(self._known.id)
        except Unavailable as error:
            raise _later(error) from None

    def _take(self, found: Installation | None) -> None:
        if found is None:
            raise Gone(NOT_INSTALLED)
        self.adopt(found)


def _later(error: Unavailable) -> Retry:
    return Retry("being_changed" if isinstance(error, Busy) else error.code)
