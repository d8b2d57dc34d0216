"""What the pages read from the desk, for the person who looks. Nothing here changes anything.

Lists are bounded: a book may hold more than a page should. What is left out is said, with a cursor that leads to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sayso_adapters.inbox import cards
from sayso_adapters.inbox.cards import Detail, Row
from sayso_bot.domain.brief import Brief, brief
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import REQUEST_ID, Outline, Request, Status
from sayso_bot.errors import NotFound, VoteRefused
from sayso_bot.ports import DeskFace, Filter, Standing

SURFACE = "inbox"
WAITING_ROWS = 100
HISTORY_ROWS = 30
_BATCH = 10
_MOST_READS = 100
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Waiting:
    """``mine`` wait for this person, the soonest deadline first; those that are ``unsure`` may; ``others`` are pending
    too. ``cursor``: older ones.
    """

    mine: tuple[Row, ...]
    unsure: tuple[Row, ...]
    others: tuple[Row, ...]
    cursor: str | None

    @property
    def count(self) -> str:
        """How many wait for this person: ``3``, or ``3+`` where older ones were not read."""
        return f"{len(self.mine)}{'+' if self.cursor else ''}"


@dataclass(frozen=True, slots=True)
class History:
    rows: tuple[Row, ...]
    cursor: str | None


class Reader:
    def __init__(self, desk: DeskFace) -> None:
        self._desk = desk

    async def waiting(self, person: Person, cursor: str | None = None) -> Waiting:
        """Pending requests from ``cursor`` on, as they concern ``person``."""
        requests, after = await self._collect(Status.PENDING, cursor, WAITING_ROWS)
        standings = await asyncio.gather(*(self._standing(request, person) for request in requests))
        pending = [row for row in await _rows(requests, person, standings) if row.open]
        mine, unsure = (
            tuple(sorted(rows, key=lambda row: row.expires_at or _NEVER))
            for rows in ([row for row in pending if row.mine], [row for row in pending if row.unsure])
        )
        return Waiting(mine, unsure, tuple(row for row in pending if not row.mine and not row.unsure), after)

    async def history(self, person: Person, status: Status | None, cursor: str | None) -> History:
        """Settled requests from ``cursor`` on, the newest first."""
        requests, after = await self._collect(status, cursor, HISTORY_ROWS)
        standings = [Standing(False)] * len(requests)
        return History(tuple(await _rows(requests, person, standings)), after)

    async def row(self, person: Person, request_id: str) -> Row:
        return await self._row(brief(await self._look(request_id)), person)

    async def detail(self, person: Person, request_id: str, *, whole: bool) -> Detail:
        request = await self._look(request_id)
        standing = await self._standing(request, person)
        return cards.detail(self._desk.card(request), request, person, standing, whole=whole)

    async def next_for(self, person: Person, after: str) -> Row | None:
        """The next request that waits for ``person``, other than ``after``."""
        requests, _ = await self._collect(Status.PENDING, None, WAITING_ROWS)
        for request in sorted(requests, key=lambda request: request.expires_at or _NEVER):
            if request.id != after and (standing := await self._standing(request, person)).may_vote:
                return cards.row(request, person, standing)
        return None

    async def lies_open(self, request_id: str, *, whole: bool) -> bool:
        """Whether a page of the request showed all that would be approved, as `Detail.may_approve` says."""
        if whole:
            return True
        request = await self._look(request_id)
        return request.settled or not cards.folded(self._desk.card(request))

    async def _look(self, request_id: str) -> Request:
        if not REQUEST_ID.match(request_id):
            raise NotFound("No request has this address. Check the link, or open the list.")
        return await self._desk.look(request_id)

    async def _row(self, request: Brief, person: Person) -> Row:
        return cards.row(request, person, await self._standing(request, person))

    async def _standing(self, request: Outline, person: Person) -> Standing:
        if request.settled:
            return Standing(False)
        try:
            return await self._desk.standing(request, person, surface=SURFACE)
        except VoteRefused as refused:
            return Standing(False, refused.why)

    async def _collect(
        self, status: Status | None, cursor: str | None, enough: int
    ) -> tuple[Sequence[Brief], str | None]:
        """At least ``enough`` requests where there are as many: of ``status``, or settled ones where it is None."""
        found: list[Brief] = []
        for _ in range(_MOST_READS):
            page = await self._desk.browse(Filter(status=status), cursor=cursor, limit=min(_BATCH, enough))
            found += [request for request in page.items if status is not None or request.settled]
            cursor = page.cursor
            if cursor is None or len(found) >= enough:
                break
        return found, cursor


async def _rows(requests: Sequence[Brief], person: Person, standings: Sequence[Standing]) -> list[Row]:
    """Rows one by one; whoever else waits for the service is served between two of them."""
    rows = []
    for request, standing in zip(requests, standings, strict=True):
        rows.append(cards.row(request, person, standing))
        await asyncio.sleep(0)
    return rows
