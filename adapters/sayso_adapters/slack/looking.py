"""What a person may look at in Slack away from a card, and what there is for them.

A request is shown to who may answer it, who has, and who is in the place where its card is; to a guest only where the
rule names that very account. To anybody else it is not known, as if there were none. Every list is bounded, and what
was not looked at is counted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import TypeVar

from sayso_adapters.slack.tappers import Tapper, home_of, is_named, is_of, stranger
from sayso_adapters.slack.workspaces import Workspace, Workspaces
from sayso_bot.domain.brief import Brief
from sayso_bot.domain.lifecycle import has_voted
from sayso_bot.domain.pauses import Pause
from sayso_bot.domain.person import Person
from sayso_bot.domain.policy import Route
from sayso_bot.domain.request import REQUEST_ID, Outline, Request, Status, Vote
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.errors import NotFound, SaysoError
from sayso_bot.ports import AdapterError, DeskFace, Filter, Log, LookupFailed

SURFACE = "slack"
MOST_READ = 200
MOST_CHECKED = 50
MOST_WAITING = 20
MOST_ANSWERED = 8
PAGE = 20

NOT_KNOWN = "Slack does not know your account here."
GUEST = "Guests see only the requests that the policy names them for, and there is none now."
UNSEEN = "There is no request with this id that you may see."
CANNOT_CHECK = "Slack could not be asked who you are, so nothing is shown. Try again in a minute."
CANNOT_READ = "Sayso cannot read its requests right now. Try again in a minute."

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Viewer:
    """An account that may look: ``user`` of ``workspace``."""

    person: Person
    user: str
    guest: bool
    workspace: Workspace


@dataclass(frozen=True, slots=True)
class Waiting:
    """``requests`` wait for this person, oldest first. ``unread`` were not looked at, and with ``more`` nor were older
    ones. ``unsure`` are those of which Slack could not say whether they do.
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


class Looking:
    def __init__(self, desk: DeskFace, workspaces: Workspaces) -> None:
        self._desk = desk
        self._workspaces = workspaces

    def where(self, viewer: Viewer) -> Where:
        """Where everything goes, without what other workspaces alone are asked."""
        rules = tuple(route for route in self._desk.routes() if self._concerns(route, viewer.workspace))
        live = tuple(route for route in self._desk.live_routes() if self._is_of(route.place, viewer.workspace))
        return Where(rules, live, tuple(self._desk.pauses()))

    def _is_of(self, place: str, workspace: Workspace) -> bool:
        return not place.startswith("slack:") or is_of(place, workspace, self._workspaces)

    def _concerns(self, route: Route, workspace: Workspace) -> bool:
        requirement = route.requirement
        if requirement is None:
            return len(self._workspaces.all()) == 1
        names = [requirement.place, requirement.fallback_place or "", *(requirement.approvers or ())]
        in_slack = [name for name in names if name.startswith("slack:")]
        return not in_slack or any(is_of(name, workspace, self._workspaces) for name in in_slack)

    async def viewer(self, tapper: Tapper, workspace: Workspace) -> Viewer | str:
        """Who looks, or the sentence that says why they see nothing. Raises `LookupFailed`.

        ``tapper.team`` is empty where the payload does not say it; Slack is asked whose the account is either way.
        """
        home = home_of(workspace)
        if tapper.team and (strange := stranger(tapper, home)):
            return strange
        account = await workspace.people.account(tapper.user)
        if account is None:
            return NOT_KNOWN
        return account.why_never(home) or Viewer(account.person(home), account.id, account.guest, workspace)

    async def waiting(self, viewer: Viewer) -> Waiting:
        """What waits for this person, of the newest `MOST_READ` that wait for anybody."""
        candidates: list[Brief] = []
        read = 0
        async for request in self._recent(Filter(status=Status.PENDING)):
            read += 1
            if not request.settled and not has_voted(request, viewer.person) and _may_concern(request, viewer):
                candidates.append(request)
        candidates.reverse()
        waiting: list[Brief] = []
        checked = unsure = 0
        failed: set[str] = set()
        for request in candidates[:MOST_CHECKED]:
            if len(waiting) == MOST_WAITING:
                break
            checked += 1
            if await self._may_vote(request, viewer):
                waiting.append(request)
            elif await _is_unsure(request, viewer, failed):
                unsure += 1
        return Waiting(tuple(waiting), len(candidates) - checked, read >= MOST_READ, unsure)

    async def answered(self, viewer: Viewer) -> list[Answered]:
        """What this person has answered lately, the newest first, of the newest `MOST_READ` requests."""
        found: list[Answered] = []
        async for request in self._recent(Filter()):
            votes = [vote for vote in request.votes if _is_by(vote, viewer.person)]
            if votes and _may_concern(request, viewer):
                found.append(Answered(request, votes[-1]))
                if len(found) == MOST_ANSWERED:
                    break
        return found

    async def find(self, viewer: Viewer, request_id: str) -> Found | None:
        """The request, where this person may see it. Raises `LookupFailed`."""
        if not REQUEST_ID.match(request_id):
            return None
        try:
            request = await self._desk.look(request_id)
        except NotFound:
            return None
        found = Found(request, await self._may_vote(request, viewer))
        return found if await self._may_see(found, viewer) else None

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

    async def _may_vote(self, request: Outline, viewer: Viewer) -> bool:
        if request.settled or not _may_concern(request, viewer):
            return False
        return (await self._desk.standing(request, viewer.person, surface=SURFACE, place=None)).may_vote

    async def _may_see(self, found: Found, viewer: Viewer) -> bool:
        request = found.request
        if viewer.guest:
            return _may_concern(request, viewer)
        if found.may_vote or any(_is_by(vote, viewer.person) for vote in request.votes):
            return True
        if any(viewer.person.is_any(approver) for approver in _approvers(request)):
            return True
        for name in [*_named_in_slack(request), *_place_in_slack(request)]:
            ours = is_of(name, viewer.workspace, self._workspaces)
            if ours and viewer.person.aliases & await viewer.workspace.people.resolve(name):
                return True
        return False


def _approvers(request: Outline) -> tuple[str, ...]:
    return (request.requirement and request.requirement.approvers) or ()


def _named_in_slack(request: Outline) -> list[str]:
    return [approver for approver in _approvers(request) if approver.startswith("slack:")]


def _place_in_slack(request: Outline) -> list[str]:
    place = request.place or (request.requirement.place if request.requirement else "")
    return [place] if place.startswith("slack:") else []


async def _is_unsure(request: Outline, viewer: Viewer, failed: set[str]) -> bool:
    """Whether somebody who may not answer it, as far as is known, may be one of those whom Slack could not name.

    ``failed`` are the look-ups that failed, each made once.
    """
    names = _place_in_slack(request) if not _approvers(request) else _named_in_slack(request)
    for name in names:
        if name not in failed:
            try:
                await viewer.workspace.people.resolve(name)
            except LookupFailed:
                failed.add(name)
    return not request.settled and not failed.isdisjoint(names)


def _may_concern(request: Outline, viewer: Viewer) -> bool:
    """False for a guest whom the rule does not name."""
    return not viewer.guest or is_named(request, viewer.user, viewer.workspace.home)


def _is_by(vote: Vote, person: Person) -> bool:
    return bool(vote.aliases & person.aliases) or vote.person == person.id


async def safely(look: Awaitable[T], log: Log, user: str) -> T | str:
    """What ``look`` finds, or the sentence that says why nothing can be shown now."""
    try:
        return await look
    except AdapterError as error:
        log.warning("slack.viewer_not_checked", user=user, what=error.what)
        return CANNOT_CHECK
    except SaysoError as error:
        log.warning("slack.not_read", user=user, code=error.code)
        return CANNOT_READ
