"""What a person may look at in a chat away from a card, and what there is for them.

A request is shown to who may answer it, who has, and who is in the place where its card is; to a guest only where the
rule names that very account. To anybody else it is not known, as if there were none. Every list is bounded, and what
was not looked at is counted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sayso_bot.domain.brief import Brief
from sayso_bot.domain.lifecycle import has_voted
from sayso_bot.domain.pauses import Pause
from sayso_bot.domain.person import Person
from sayso_bot.domain.policy import Route
from sayso_bot.domain.request import REQUEST_ID, Outline, Request, Status, Vote
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.errors import NotFound, SaysoError
from sayso_bot.ports import AdapterError, DeskFace, Filter, Log, LookupFailed, Standing

MOST_READ = 200
MOST_CHECKED = 50
MOST_WAITING = 20
MOST_ANSWERED = 8
PAGE = 20

GUEST = "Guests see only the requests that the policy names them for, and there is none now."
UNSEEN = "There is no request with this id that you may see."
CANNOT_READ = "Sayso cannot read its requests right now. Try again in a minute."

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Viewer:
    """An account that may look: ``user`` is its id on its platform."""

    person: Person
    user: str
    guest: bool


V = TypeVar("V", bound=Viewer)


@dataclass(frozen=True, slots=True)
class Waiting:
    """``requests`` wait for this person, oldest first. ``unread`` were not looked at, and with ``more`` nor were older
    ones. ``unsure`` are those of which it could not be checked whether they do.
    """

    requests: tuple[Brief, ...]
    unread: int
    more: bool
    unsure: int = 0


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that this person has answered: the last answer, and the request as it stands."""

    request: Brief
    vote: Vote


@dataclass(frozen=True, slots=True)
class Where:
    """Where each kind of action goes by the policy's ``rules``, and what admins have changed about it."""

    rules: tuple[Route, ...]
    live: tuple[LiveRoute, ...] = ()
    pauses: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A request that this person may see, and whether they may answer it now."""

    request: Request
    may_vote: bool


class Looking(ABC, Generic[V]):
    """``platform`` is the prefix of its places and aliases; the methods without a body say what it knows of people."""

    def __init__(self, desk: DeskFace, platform: str) -> None:
        self._desk = desk
        self._platform = platform

    @abstractmethod
    def is_here(self, name: str, viewer: V) -> bool:
        """Whether a place or an account of this platform's is where the viewer is."""

    @abstractmethod
    def sees_all_rules(self, viewer: V) -> bool:
        """Whether what is asked nowhere concerns the viewer too."""

    @abstractmethod
    def is_named(self, request: Outline, viewer: V) -> bool:
        """Whether the request's rule names this very account."""

    @abstractmethod
    async def stand_for(self, name: str, viewer: V) -> frozenset[str]:
        """The aliases that a place or an approver of this platform's stands for. Raises `LookupFailed`."""

    def where(self, viewer: V) -> Where:
        """Where everything goes, without what is asked elsewhere on this platform alone."""
        rules = tuple(route for route in self._desk.routes() if self._concerns(route, viewer))
        live = tuple(route for route in self._desk.live_routes() if self._is_of(route.place, viewer))
        return Where(rules, live, tuple(self._desk.pauses()))

    def _is_of(self, place: str, viewer: V) -> bool:
        return not self._is_ours(place) or self.is_here(place, viewer)

    def _is_ours(self, name: str) -> bool:
        return name.startswith(f"{self._platform}:")

    def _concerns(self, route: Route, viewer: V) -> bool:
        requirement = route.requirement
        if requirement is None:
            return self.sees_all_rules(viewer)
        names = [requirement.place, requirement.fallback_place or "", *(requirement.approvers or ())]
        ours = [name for name in names if self._is_ours(name)]
        return not ours or any(self.is_here(name, viewer) for name in ours)

    async def waiting(self, viewer: V) -> Waiting:
        """What waits for this person, of the newest `MOST_READ` that wait for anybody."""
        candidates: list[Brief] = []
        read = 0
        async for request in self._recent(Filter(status=Status.PENDING)):
            read += 1
            if not request.settled and not has_voted(request, viewer.person) and self._may_concern(request, viewer):
                candidates.append(request)
        candidates.reverse()
        waiting: list[Brief] = []
        checked = unsure = 0
        for request in candidates[:MOST_CHECKED]:
            if len(waiting) == MOST_WAITING:
                break
            checked += 1
            standing = await self._standing(request, viewer)
            if standing.may_vote:
                waiting.append(request)
            unsure += standing.unsure
        return Waiting(tuple(waiting), len(candidates) - checked, read >= MOST_READ, unsure)

    async def answered(self, viewer: V) -> list[Answered]:
        """What this person has answered lately, the newest first, of the newest `MOST_READ` requests."""
        found: list[Answered] = []
        async for request in self._recent(Filter()):
            votes = [vote for vote in request.votes if _is_by(vote, viewer.person)]
            if votes and self._may_concern(request, viewer):
                found.append(Answered(request, votes[-1]))
                if len(found) == MOST_ANSWERED:
                    break
        return found

    async def find(self, viewer: V, request_id: str) -> Found | None:
        """The request, where this person may see it. Raises `LookupFailed`, also where that is not known."""
        if not REQUEST_ID.match(request_id):
            return None
        try:
            request = await self._desk.look(request_id)
        except NotFound:
            return None
        standing = await self._standing(request, viewer)
        found = Found(request, standing.may_vote)
        if await self._may_see(found, viewer):
            return found
        if standing.unsure:
            raise LookupFailed("standing_not_checked")
        return None

    async def _recent(self, wanted: Filter) -> AsyncIterator[Brief]:
        """The newest `MOST_READ` requests at most."""
        cursor: str | None = None
        left = MOST_READ
        while left > 0:
            page = await self._desk.browse(wanted, cursor=cursor, limit=min(PAGE, left))
            for request in page.items:
                yield request
            left -= max(1, len(page.items))
            cursor = page.cursor
            if cursor is None:
                return

    async def _standing(self, request: Outline, viewer: V) -> Standing:
        if request.settled or not self._may_concern(request, viewer):
            return Standing(may_vote=False)
        return await self._desk.standing(request, viewer.person, surface=self._platform)

    async def _may_see(self, found: Found, viewer: V) -> bool:
        request = found.request
        if viewer.guest:
            return self._may_concern(request, viewer)
        if found.may_vote or any(_is_by(vote, viewer.person) for vote in request.votes):
            return True
        if any(viewer.person.is_any(approver) for approver in _approvers(request)):
            return True
        for name in [*self._named_here(request), *self._place_here(request)]:
            if self.is_here(name, viewer) and viewer.person.aliases & await self.stand_for(name, viewer):
                return True
        return False

    def _named_here(self, request: Outline) -> list[str]:
        return [approver for approver in _approvers(request) if self._is_ours(approver)]

    def _place_here(self, request: Outline) -> list[str]:
        place = request.place or (request.requirement.place if request.requirement else "")
        return [place] if self._is_ours(place) else []

    def _may_concern(self, request: Outline, viewer: V) -> bool:
        """False for a guest whom the rule does not name."""
        return not viewer.guest or self.is_named(request, viewer)


def _approvers(request: Outline) -> tuple[str, ...]:
    return (request.requirement and request.requirement.approvers) or ()


def _is_by(vote: Vote, person: Person) -> bool:
    return bool(vote.aliases & person.aliases) or vote.person == person.id


async def safely(look: Awaitable[T], log: Log, user: str, chat: str, cannot_check: str) -> T | str:
    """What ``look`` finds, or the sentence that says why nothing can be shown now.

    ``chat`` is in whose name it is logged, ``cannot_check`` what is said where its platform could not be asked.
    """
    try:
        return await look
    except AdapterError as error:
        log.warning(f"{chat}.viewer_not_checked", user=user, what=error.what)
        return cannot_check
    except SaysoError as error:
        log.warning(f"{chat}.not_read", user=user, code=error.code)
        return CANNOT_READ
