"""A desk in memory for tests of adapters: the real rules of `sayso_bot.domain.lifecycle`, no store and no policy.

It keeps what the real one promises to adapters: one vote a person, one effect for each operation, a terminal status
that never changes, and a button that means one request, revision and place.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

from msgspec import structs

from sayso_bot.domain.brief import Brief, brief
from sayso_bot.domain.card import Card, card, ending, who_may
from sayso_bot.domain.demands import check_reason, check_typed, response
from sayso_bot.domain.files import CHUNK_BYTES, MAX_FILE_BYTES, File, accepts, file_id, media_type, safe_name
from sayso_bot.domain.fingerprint import fingerprint
from sayso_bot.domain.interventions import who_paused
from sayso_bot.domain.json import Json
from sayso_bot.domain.lifecycle import edited, has_voted, is_due, settles
from sayso_bot.domain.pauses import Pause, pause_over
from sayso_bot.domain.person import Person
from sayso_bot.domain.policy import Route
from sayso_bot.domain.request import Cause, Decision, Outline, Request, Status, Vote, new_button
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.errors import (
    AlreadySettled,
    AlreadyVoted,
    ApprovalsPaused,
    CannotCheck,
    EditRefused,
    FileRefused,
    FileTooLarge,
    NotAnApprover,
    NotFound,
    SaysoError,
    StaleRevision,
    Unavailable,
    VoteRefused,
)
from sayso_bot.ports import Ballot, Button, Change, Edit, Edited, Filed, Filter, Page, Put, Standing, Voted
from sayso_bot.testing.samples import AT

_NOT_COUNTED = "Your vote was not counted; nothing changed."


class MemoryDesk:
    """`sayso_bot.ports.DeskFace`. ``ballots`` are all that reached `vote`, ``posts`` all that was told to `tapped`,
    ``contents`` what the files hold by their ids. ``policy``, ``routed`` and ``paused`` are what a test has it say of
    its rules, live routes and pauses.

    ``admits`` says who may vote, and raises `CannotCheck` where that is not known; without it whomever the request's
    approvers name, literally. ``now`` is its clock.

    A test makes trouble with the rest: the next answers raise what is in ``trouble``, reading raises ``broken`` until
    it is None again, the next subscriptions to `changes` fail as often as ``lost_subscriptions`` says, and votes are
    not recorded before ``recording`` is set.
    """

    def __init__(
        self,
        admits: Callable[[Person], bool] | None = None,
        review: str = "https://sayso.example.com/inbox/",
        now: Callable[[], datetime] = lambda: AT,
    ) -> None:
        self._admits = admits
        self._review = review
        self._now = now
        self._buttons: dict[str, Button] = {}
        self._operations: set[str] = set()
        self.requests: dict[str, Request] = {}
        self.policy: tuple[Route, ...] = ()
        self.routed: tuple[LiveRoute, ...] = ()
        self.paused: tuple[Pause, ...] = ()
        self.ballots: list[Ballot] = []
        self.posts: list[tuple[Button, str]] = []
        self.contents: dict[str, bytes] = {}
        self.listeners: set[asyncio.Queue[Change | None]] = set()
        self.trouble: list[Exception] = []
        self.broken: SaysoError | None = None
        self.lost_subscriptions = 0
        self.recording = asyncio.Event()
        self.recording.set()

    @property
    def counted(self) -> list[Vote]:
        """The votes that count, of all requests."""
        return [vote for request in self.requests.values() for vote in request.votes]

    def ask(self, request: Request) -> str:
        """Take ``request`` in, and make the button of its card."""
        self._keep(request, "submitted")
        token = new_button()
        place = request.requirement.place if request.requirement else ""
        self._buttons[token] = Button(request.id, request.revision, place)
        return token

    def end(self, request_id: str, status: Status, cause: Cause) -> Request:
        """Settle a request without a further vote."""
        request = self.requests[request_id]
        decision = Decision(status, cause, self._now(), request.votes)
        return self._keep(structs.replace(request, status=status, decision=decision), "settled")

    def revise(self, request_id: str, params: Mapping[str, Json] | None = None) -> Request:
        """A new revision, with ``params`` where they are given: votes and buttons made before it are stale."""
        old = self.requests[request_id]
        revised = structs.replace(old, revision=old.revision + 1, params=params or old.params, votes=())
        return self._keep(revised, "voted")

    async def vote(self, ballot: Ballot) -> Voted:
        self.ballots.append(ballot)
        if self.trouble:
            raise self.trouble.pop(0)
        await self.recording.wait()
        if ballot.operation in self._operations:
            return Voted(self.requests[ballot.request_id], replayed=True)
        request = await self.look(ballot.request_id)
        refusal = self._refusal(request, ballot.person, ballot.revision)
        if refusal:
            raise refusal
        if ballot.outcome == "approve" and (pause := self._pause_of(request)):
            raise ApprovalsPaused(who_paused(pause), then=_NOT_COUNTED)
        check_reason(request, ballot.outcome, ballot.reason)
        check_typed(request, ballot.outcome, ballot.typed)
        ballot = replace(ballot, response=response(request, ballot.outcome, ballot.response, ballot.person))
        request = _with_vote(request, ballot, self._now())
        self._operations.add(ballot.operation)
        return Voted(self._keep(request, "settled" if request.settled else "voted"), replayed=False)

    async def put_file(self, put: Put) -> Filed:
        request = await self.look(put.request_id)
        if refusal := self._refusal(request, put.person, request.revision):
            raise refusal
        field = request.form.field(put.field) if request.form else None
        if field is None or field.kind != "files":
            raise FileRefused("This request asks for no file there.")
        if not accepts(field.accept, put.sending.name, media_type(put.sending.media_type)):
            raise FileRefused(f"This takes {', '.join(field.accept)} only.")
        if self.trouble:
            raise self.trouble.pop(0)
        if known := request.file(file_id(request.id, put.person.id, put.sending.operation)):
            return Filed(known, request, replayed=True)
        content = b"".join([part async for part in put.sending.content])
        if not content or len(content) > MAX_FILE_BYTES:
            raise FileTooLarge("A file has at most 10 MiB.") if content else FileRefused("The file is empty.")
        file = _file(put, content, self._now())
        self.contents[file.id] = content
        request = await self.look(put.request_id)
        return Filed(file, self._keep(structs.replace(request, files=(*request.files, file)), "filed"), replayed=False)

    async def open_file(self, file: File) -> AsyncIterator[bytes]:
        return _each_piece(self.contents[file.id])

    async def edit(self, edit: Edit) -> Edited:
        if self.trouble:
            raise self.trouble.pop(0)
        if edit.operation in self._operations:
            return Edited(self.requests[edit.request_id], replayed=True)
        request = await self.look(edit.request_id)
        if refusal := self._refusal(request, edit.person, edit.revision):
            raise refusal
        editable = request.requirement.editable if request.requirement else ()
        for name, value in edit.params.items():
            if name not in editable and request.params.get(name) != value:
                raise EditRefused(f"The rule does not let {name} be edited.")
        after = edited(
            request,
            edit.params,
            fingerprint(request.action, request.agent, edit.params),
            by=edit.person.name,
            surface=edit.surface,
            at=self._now(),
        )
        self._operations.add(edit.operation)
        return Edited(self._keep(after, "edited"), replayed=False)

    def routes(self) -> Sequence[Route]:
        return self.policy

    def _keep(self, request: Request, kind: str) -> Request:
        self.requests[request.id] = request
        for queue in self.listeners:
            queue.put_nowait(Change(request.id, kind))
        return request

    def _refusal(self, request: Outline, person: Person, revision: int) -> VoteRefused | None:
        if (ended := ending(request)) is not None:
            return AlreadySettled(f"{ended.headline}.", then=_NOT_COUNTED)
        if revision != request.revision:
            return StaleRevision("The request has changed since this card was made.", then=_NOT_COUNTED)
        try:
            admitted = self._admitted(request, person)
        except CannotCheck as unknown:
            return unknown
        if not admitted:
            who = who_may(request)
            return NotAnApprover(f"{request.rule} is for {who}; you are not an approver.", then=_NOT_COUNTED)
        if has_voted(request, person):
            return AlreadyVoted("You have already answered this request.", then=_NOT_COUNTED)
        return None

    def _admitted(self, request: Outline, person: Person) -> bool:
        if self._admits is not None:
            return self._admits(person)
        named = request.requirement.approvers if request.requirement else ()
        return named is None or bool(person.aliases & set(named))

    async def standing(self, request: Outline, person: Person, *, surface: str) -> Standing:
        refusal = self._refusal(request, person, request.revision)
        files = request.files if isinstance(request, Request) else ()
        put = tuple(file for file in files if file.by == person.id)
        pause = None if request.settled else self._pause_of(request)
        paused, unsure = who_paused(pause) if pause else "", isinstance(refusal, CannotCheck)
        return Standing(refusal is None, refusal.why if refusal else None, put, paused, unsure)

    async def look(self, request_id: str) -> Request:
        if self.broken:
            raise self.broken
        if request_id not in self.requests:
            raise NotFound("There is no such request.")
        if is_due(self.requests[request_id], self._now()):
            self.end(request_id, Status.EXPIRED, Cause.TIMEOUT)
        return self.requests[request_id]

    async def browse(self, wanted: Filter, *, cursor: str | None, limit: int) -> Page[Brief]:
        if self.broken:
            raise self.broken
        newest = [await self.look(request_id) for request_id in reversed(list(self.requests))]
        matching = [
            request
            for request in newest
            if wanted.status in (None, request.status)
            and wanted.action in (None, request.action)
            and wanted.agent in (None, request.agent)
        ]
        start = int(cursor or 0)
        following = start + limit if start + limit < len(matching) else None
        return Page(tuple(map(brief, matching[start : start + limit])), None if following is None else str(following))

    async def button(self, token: str) -> Button | None:
        return self._buttons.get(token)

    async def tapped(self, button: Button, post: str) -> None:
        self.posts.append((button, post))

    def card(self, request: Request) -> Card:
        return card(request, self._review + request.id, pause=self._pause_of(request))

    def live_routes(self) -> Sequence[LiveRoute]:
        return self.routed

    def pauses(self) -> Sequence[Pause]:
        return self.paused

    def _pause_of(self, request: Outline) -> Pause | None:
        return pause_over(self.paused, request.agent, request.action)

    @asynccontextmanager
    async def changes(self) -> AsyncIterator[AsyncIterator[Change | None]]:
        if self.lost_subscriptions:
            self.lost_subscriptions -= 1
            raise Unavailable("Changes cannot be followed right now.")
        queue: asyncio.Queue[Change | None] = asyncio.Queue()
        self.listeners.add(queue)
        try:
            yield _each(queue)
        finally:
            self.listeners.discard(queue)


async def _each(queue: asyncio.Queue[Change | None]) -> AsyncIterator[Change | None]:
    while True:
        yield await queue.get()


async def _each_piece(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), CHUNK_BYTES):
        yield content[start : start + CHUNK_BYTES]


def _file(put: Put, content: bytes, at: datetime) -> File:
    return File(
        id=file_id(put.request_id, put.person.id, put.sending.operation),
        name=safe_name(put.sending.name),
        media_type=media_type(put.sending.media_type),
        size=len(content),
        digest=f"sha256:{hashlib.sha256(content).hexdigest()}",
        chunks=1 + (len(content) - 1) // CHUNK_BYTES,
        field=put.field,
        by=put.person.id,
        by_name=put.person.name,
        surface=put.surface,
        at=at,
    )


def nobody_can_say(person: Person) -> bool:
    """An ``admits`` of a desk whose platforms are away."""
    raise CannotCheck("It could not be checked whether you may decide this. Try again shortly.", then=_NOT_COUNTED)


def _with_vote(request: Request, ballot: Ballot, at: datetime) -> Request:
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
        at=at,
        response=ballot.response,
    )
    votes = (*request.votes, vote)
    quorum = request.requirement.quorum if request.requirement else 1
    status = settles(votes, request.revision, quorum)
    if status is None:
        return structs.replace(request, votes=votes)
    return structs.replace(request, votes=votes, status=status, decision=Decision(status, Cause.VOTES, at, votes))
