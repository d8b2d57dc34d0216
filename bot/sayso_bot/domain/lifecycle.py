"""The rules by which votes end a request, and what an edit and a pause do to them, as pure functions.

The Redis Functions do the same steps atomically; tests hold the two against each other. One eligible denial denies.
Approvals count up to the quorum, each person once, and only people who can be told apart count together. Votes count
for the revision that they name and for no other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec.structs import replace

from sayso_bot.domain.json import Json
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Edited, Outcome, Outline, Request, Status, Vote


def approvals(votes: Iterable[Vote], revision: int) -> int:
    """How many different people have approved ``revision``.

    An account whose e-mail address nobody confirmed may belong to somebody who has voted on another surface. So such
    votes count beside votes of their own surface only; the largest set in which all can be told apart counts.
    """
    valid = [vote for vote in votes if vote.outcome == "approve" and vote.revision == revision]
    by_surface = Counter(vote.surface for vote in valid)
    comparable = sum(vote.comparable for vote in valid)
    return max([comparable, *by_surface.values()])


def settles(votes: Iterable[Vote], revision: int, quorum: int) -> Status | None:
    """The status that ``votes`` bring about, or None while they do not end the request."""
    cast = list(votes)
    if any(vote.outcome == "deny" and vote.revision == revision for vote in cast):
        return Status.DENIED
    return Status.APPROVED if approvals(cast, revision) >= quorum else None


def has_voted(request: Outline, person: Person) -> Vote | None:
    """The vote that ``person`` has cast on the present revision, through whichever alias."""
    for vote in request.votes:
        if vote.revision == request.revision and (vote.aliases & person.aliases or vote.person == person.id):
            return vote
    return None


def edited(
    request: Request, params: Mapping[str, Json], fingerprint: str, *, by: str, surface: str, at: datetime
) -> Request:
    """The next revision of ``request``. Its votes stay on the record and count for nothing any more."""
    return replace(
        request,
        revision=request.revision + 1,
        params=params,
        fingerprint=fingerprint,
        original_params=request.params if request.original_params is None else request.original_params,
        edits=(*request.edits, Edited(request.revision + 1, by, surface, at)),
    )


def counts_while_paused(outcome: Outcome) -> bool:
    """Whether a vote counts while the book is paused: nothing can be let happen then, but denied it can be."""
    return outcome == "deny"


def is_due(request: Outline, now: datetime) -> bool:
    """Whether the deadline has passed while nobody decided."""
    return not request.settled and request.expires_at is not None and request.expires_at <= now
