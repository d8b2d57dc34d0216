"""A desk in memory for tests of adapters: the real rules of `sayso_bot.domain.lifecycle`, no store and no policy.

It keeps what the real one promises to adapters: one vote a person, one effect for each operation, a terminal status
that never changes, and a button that means one request, revision and place.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from sayso_bot.domain.card import Card, card
from sayso_bot.domain.lifecycle import has_voted, settles
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Cause, Decision, Request, Status, Vote
from sayso_bot.errors import AlreadySettled, AlreadyVoted, NotAnApprover, NotFound, StaleRevision, VoteRefused
from sayso_bot.ports import Ballot, Button, Change, Filter, Page, Standing, Voted
from sayso_bot.testing.samples import AT


class MemoryDesk:
    """`sayso_bot.ports.DeskFace`. ``ballots`` are all that reached `vote`, ``posts`` all that was told to `tapped`."""

    def __init__(self, admits: Callable[[Person], bool], review: str = "https://sayso.example.com/inbox/") -> None:
        self._admits = admits
        self._review = review
        self._requests: dict[str, Request] = {}
        self._buttons: dict[str, Button] = {}
        self._operations: dict[str, Request] = {}
        self.ballots: list[Ballot] = []
        self.posts: list[tuple[Button, str]] = []
        self.trouble: list[Exception] = []

    def ask(self, request: Request) -> str:
        """Take ``request`` in, and make the button of its card."""
        self._requests[request.id] = request
        token = secrets.token_urlsafe(16)
        place = request.requirement.place if request.requirement else ""
        self._buttons[token] = Button(request.id, request.revision, place)
        return token

    def end(self, request_id: str, status: Status, cause: Cause) -> Request:
        """Settle a request without a vote."""
        ended = replace(self._requests[request_id], status=status, decision=Decision(status, cause, AT))
        self._requests[request_id] = ended
        return ended

    def revise(self, request_id: str) -> Request:
        """A new revision: buttons made before it are stale."""
        old = self._requests[request_id]
        self._requests[request_id] = replace(old, revision=old.revision + 1)
        return self._requests[request_id]

    async def vote(self, ballot: Ballot) -> Voted:
        self.ballots.append(ballot)
        if self.trouble:
            raise self.trouble.pop(0)
        if ballot.operation in self._operations:
            return Voted(self._operations[ballot.operation], replayed=True)
        request = await self.look(ballot.request_id)
        refusal = self._refusal(request, ballot.person, ballot.revision)
        if refusal:
            raise refusal
        request = _with_vote(request, ballot)
        self._requests[request.id] = self._operations[ballot.operation] = request
        return Voted(request, replayed=False)

    def _refusal(self, request: Request, person: Person, revision: int) -> VoteRefused | None:
        if request.settled:
            return AlreadySettled("This request is already settled, so nothing was changed.")
        if revision != request.revision:
            return StaleRevision("The request has changed since this card was made. Nothing was changed.")
        if not self._admits(person):
            return NotAnApprover("You are not an approver of this request. Nothing was changed.")
        if has_voted(request, person):
            return AlreadyVoted("You have already answered this request. Nothing was changed.")
        return None

    async def standing(self, request: Request, person: Person, *, surface: str, place: str | None) -> Standing:
        refusal = self._refusal(request, person, request.revision)
        return Standing(refusal is None, refusal.detail if refusal else None)

    async def look(self, request_id: str) -> Request:
        if request_id not in self._requests:
            raise NotFound("There is no such request.")
        return self._requests[request_id]

    async def browse(self, wanted: Filter, *, cursor: str | None, limit: int) -> Page:
        newest = list(reversed(self._requests.values()))
        matching = [
            request
            for request in newest
            if wanted.status in (None, request.status)
            and wanted.action in (None, request.action)
            and wanted.agent in (None, request.agent)
        ]
        start = int(cursor or 0)
        following = start + limit if start + limit < len(matching) else None
        return Page(tuple(matching[start : start + limit]), None if following is None else str(following))

    async def button(self, token: str) -> Button | None:
        return self._buttons.get(token)

    async def tapped(self, button: Button, post: str) -> None:
        self.posts.append((button, post))

    def card(self, request: Request) -> Card:
        return card(request, self._review + request.id)

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[AsyncIterator[Change | None]]:
        yield _no_changes()


async def _no_changes() -> AsyncIterator[Change | None]:
    return
    yield


def _with_vote(request: Request, ballot: Ballot) -> Request:
    vote = Vote(
        person=ballot.person.id,
        name=ballot.person.name,
        aliases=ballot.person.aliases,
        outcome=ballot.outcome,
        reason=ballot.reason,
        surface=ballot.surface,
        revision=ballot.revision,
        evidence="test",
        comparable=ballot.person.comparable,
        at=AT,
    )
    votes = (*request.votes, vote)
    quorum = request.requirement.quorum if request.requirement else 1
    status = settles(votes, request.revision, quorum)
    if status is None:
        return replace(request, votes=votes)
    return replace(request, votes=votes, status=status, decision=Decision(status, Cause.VOTES, AT, votes))
