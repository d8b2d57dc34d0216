"""The main path: an agent asks (`submit`), a card is shown (`show`), a person answers (`vote`), the agent goes on
(`wait`).

The desk is the only place that knows this order. HTTP handlers and chat adapters prove who speaks and call it; the
store makes each step atomic. Whatever the surface, a vote passes through `vote`, so a rule that is enforced there is
enforced everywhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from time import monotonic

from sayso_bot.admission import Admission
from sayso_bot.domain.brief import Brief
from sayso_bot.domain.card import Card, card, how_it_ended
from sayso_bot.domain.files import File
from sayso_bot.domain.fingerprint import fingerprint
from sayso_bot.domain.interventions import who_paused
from sayso_bot.domain.key import Key
from sayso_bot.domain.lifecycle import has_voted
from sayso_bot.domain.pauses import Pause, pause_over
from sayso_bot.domain.person import Person
from sayso_bot.domain.policy import Asked, Route
from sayso_bot.domain.request import Outline, Request, Status, new_button, new_request_id
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.domain.text import one_line
from sayso_bot.errors import (
    AlreadySettled,
    AlreadyVoted,
    CannotCheck,
    Forbidden,
    Invalid,
    InvalidField,
    NotFound,
    SaysoError,
    Settled,
    Unauthenticated,
    Unavailable,
    VoteRefused,
)
from sayso_bot.filing import Filing
from sayso_bot.holding import Holding
from sayso_bot.in_force import in_force
from sayso_bot.narrator import Narrator
from sayso_bot.ports import (
    Ballot,
    Button,
    Change,
    ChatAdapter,
    Configuration,
    Draft,
    Edit,
    Edited,
    Filed,
    FileStore,
    Filter,
    Log,
    NewRequest,
    Page,
    Put,
    Sending,
    Standing,
    Store,
    Submitted,
    Voted,
    Waiter,
    Work,
)
from sayso_bot.refusals import Refusals
from sayso_bot.showing import Showing
from sayso_bot.voting import Voting, already

MAX_FIELD = 200


class Desk:
    """``review_url`` gives the inbox's address of a request.

    Adapters join after they were made (they are given the desk).
    """

    def __init__(
        self,
        store: Store,
        configuration: Configuration,
        waiter: Waiter,
        review_url: Callable[[str], str],
        log: Log,
        files: FileStore,
    ) -> None:
        self._log = log
        self._refusals = Refusals(store.note, monotonic, log)
        self._store = store
        self._configuration = configuration
        self._waiter = waiter
        self._review_url = review_url
        self._adapters: dict[str, ChatAdapter] = {}
        self._admission = Admission(self._adapters)
        self.narrator = Narrator(store, self._adapters, log)
        self.showing = Showing(self._adapters, self.narrator, review_url, log)
        self._voting = Voting(store, configuration, self._admission, self.look)
        self._filing = Filing(files, configuration, self._admission, self.look)
        self._holding = Holding(store, configuration, waiter, self._present, self.read)

    def join(self, adapter: ChatAdapter) -> None:
        self._adapters[adapter.name] = adapter

    @property
    def adapters(self) -> Mapping[str, ChatAdapter]:
        return self._adapters

    @property
    def held(self) -> int:
        """How many calls this process holds now."""
        return self._holding.held

    # ------------------------------------------------------------------ an agent asks

    async def submit(self, key: Key, draft: Draft) -> Submitted:
        """Make a request, or find the one that the same Idempotency-Key made. The policy may settle it at once.

        Raises `Unauthenticated`, `Forbidden`, `Paused`, `IdempotencyMismatch`, `RateLimited`, `QuotaExceeded`,
        `Unavailable`.
        """

        async def attempt() -> Submitted:
            present, epochs = self._present(key, draft.action), self._configuration.epochs
            try:
                new = self._judged(present, draft)
                if draft.claims.approver is not None:
                    await self._check_named(new, draft.claims.approver)
            except (InvalidField, Forbidden, Unavailable):  # what is so now says nothing of what was made before
                if earlier := await self._store.earlier(draft, present.name, epochs):
                    return earlier
                raise
            return await self._store.submit(new, epochs)

        submitted = await in_force(self._configuration, attempt)
        if not submitted.replayed:
            self._log_made(submitted.request)
        return submitted

    def _judged(self, key: Key, draft: Draft) -> NewRequest:
        policy = self._configuration.policy
        asked = Asked(draft.action, draft.params, key.name, draft.claims)
        verdict = policy.judge(asked)
        requirement, timeout, place, route = verdict.requirement, None, None, None
        if draft.form is not None and requirement is not None and not requirement.forms:
            raise InvalidField(f"The rule “{verdict.rule}” allows no form. Nothing was made.", field="form")
        if requirement is not None:
            timeout = min(requirement.timeout_seconds, draft.timeout_seconds or requirement.timeout_seconds)
            if placed := self._configuration.placed(asked, verdict):
                place, route = placed.place if self._is_pushed(placed.place) else None, placed.route
        return NewRequest(
            id=new_request_id(datetime.now(UTC)),
            draft=draft,
            fingerprint=fingerprint(draft.action, key.name, draft.params),
            key=key,
            verdict=verdict,
            policy_digest=policy.digest,
            timeout_seconds=timeout,
            place=place,
            button=new_button() if place else "",
            route=route,
        )

    async def _check_named(self, new: NewRequest, named: str) -> None:
        """Raise `Forbidden` where the agent names an approver whom its rule does not let decide."""
        requirement = new.verdict.requirement
        if requirement is None:
            return
        people = self._configuration.policy.people
        try:
            admitted = await self._admission.could_admit(requirement, new.key.principal, named, people)
        except CannotCheck as error:
            raise Unavailable(f"{error.why} Nothing was made.", retry_after=5) from None
        if not admitted:
            rule = one_line(new.verdict.rule)
            raise Forbidden(f"The rule “{rule}” does not let {named} decide. Nothing was made.", field="approver")

    async def attach(self, key: Key, request_id: str, sending: Sending) -> Filed:
        """Attach a file to the agent's own request, for people to save and read. Raises as `Filing.attach` does."""
        filed = await self._filing.attach(lambda: self.read(key, request_id), sending)
        if not filed.replayed:
            self._log_state("filed", filed.request)
        return filed

    async def read(self, key: Key, request_id: str) -> Request:
        """The agent's own request. Raises `NotFound` for an unknown id and for another agent's alike."""

        async def attempt() -> Request:
            present = self._present(key)
            request = await self._store.read(request_id, self._configuration.epochs.of_keys)
            if request is None or request.agent != present.name:
                raise NotFound("There is no request with this id.")
            return request

        return await in_force(self._configuration, attempt, whatever_policy=True)

    def wait(self, key: Key, request_id: str, seconds: float, clock: Callable[[], float]) -> Awaitable[Request]:
        """The agent's own request once it is settled, or as it stands after ``seconds``.

        The key is checked again before the answer, so a key that was revoked before the end learns nothing of it.
        Raises as `read` does, and `QuotaExceeded`.
        """
        return self._holding.wait(key, request_id, seconds, clock)

    async def list(self, key: Key, wanted: Filter, *, cursor: str | None, limit: int) -> Page[Request]:
        """The agent's own requests, newest first; none where ``wanted`` names another agent."""

        async def attempt() -> Page[Request]:
            present, epochs = self._present(key), self._configuration.epochs.of_keys
            own = Filter(wanted.status, wanted.action, present.name)
            page = await self._store.list(own, cursor=cursor, limit=limit, epochs=epochs)
            return page if wanted.agent in (None, present.name) else Page((), None)

        return await in_force(self._configuration, attempt, whatever_policy=True)

    async def cancel(self, key: Key, request_id: str) -> Request:
        """The agent withdraws. Raises `Settled` when somebody or something was quicker."""

        async def attempt() -> Request:
            epochs = self._configuration.epochs.of_keys  # before anything that is checked under them
            return await self._store.cancel(await self.read(key, request_id), epochs)

        request = await in_force(self._configuration, attempt, whatever_policy=True)
        if request.status is not Status.CANCELLED:
            raise Settled(f"The request is already {request.status}, so it cannot be cancelled. Nothing was changed.")
        self._log_state("settled", request)
        return request

    # ------------------------------------------------------------------ a card is shown

    async def move(self, work: Work, what: str) -> str | None:
        """Take a card that cannot be shown to the rule's fallback, and say where that is. None where it stays."""
        to = work.request.requirement and work.request.requirement.fallback_place
        if not to or to == work.place:
            return None
        button = new_button() if self._is_pushed(to) else ""
        return to if await self._store.move(work, to, button, what, "delivery") else None

    def card(self, request: Request) -> Card:
        return card(request, self._review_url(request.id), pause=self._pause_of(request))

    async def button(self, token: str) -> Button | None:
        return await self._store.button(token)

    async def tapped(self, button: Button, post: str) -> None:
        """A tap proves that ``post`` is at the button's place, perhaps before delivery has recorded it."""
        await self._store.tapped(await self.look(button.request_id), button.place, post)

    # ------------------------------------------------------------------ a person answers

    async def vote(self, ballot: Ballot) -> Voted:
        """Count one person's answer, once. Raises `VoteRefused`, whose detail is for the voter; `NotFound`."""
        async with self._on_record("vote_refused", ballot):
            voted = await in_force(self._configuration, lambda: self._voting.vote(ballot))
        if not voted.replayed:
            self._log_state("settled" if voted.request.settled else "voted", voted.request)
        return voted

    async def edit(self, edit: Edit) -> Edited:
        """Change the params, by somebody who may answer. What others have said of the old ones counts no longer.

        Raises `VoteRefused`, whose detail is for the editor; `InvalidField`, `BodyTooLarge`, `NotFound`.
        """
        async with self._on_record("edit_refused", edit):
            edited = await in_force(self._configuration, lambda: self._voting.edit(edit))
        if not edited.replayed:
            self._log_state("edited", edited.request)
        return edited

    async def put_file(self, put: Put) -> Filed:
        """Keep a file for the form of a request, by somebody who may answer it. Raises as `DeskFace.put_file` says."""
        async with self._on_record("file_refused", put):
            filed = await self._filing.put(put)
        if not filed.replayed:
            self._log_state("filed", filed.request)
        return filed

    async def standing(self, request: Outline, person: Person, *, surface: str) -> Standing:
        """What `vote` would say to this person now."""
        people = self._configuration.policy.people
        person = person.joined(people)
        files = request.files if isinstance(request, Request) else ()
        put, paused = tuple(file for file in files if file.by == person.id), self._paused(request)
        try:
            if request.settled:
                raise AlreadySettled(how_it_ended(request))
            if earlier := has_voted(request, person):
                raise AlreadyVoted(already(earlier.outcome))
            await self._admission.evidence(request, person, people, surface=surface)
        except VoteRefused as refusal:
            unsure = isinstance(refusal, CannotCheck) and refusal.retry_after is not None
            return Standing(may_vote=False, why_not=refusal.why, put=put, paused=paused, unsure=unsure)
        return Standing(may_vote=True, put=put, paused=paused)

    @asynccontextmanager
    async def _on_record(self, kind: str, deed: Ballot | Edit | Put) -> AsyncIterator[None]:
        """Put on the record what the person is refused."""
        try:
            yield
        except VoteRefused as refusal:
            about = {"person": deed.person.id, "surface": deed.surface}
            await self._refusals.record(kind, deed.person.id, refusal, deed.request_id, about)
            raise

    # ------------------------------------------------------------------ what adapters and operators read

    async def look(self, request_id: str) -> Request:
        request = await self._store.read(request_id)
        if request is None:
            raise NotFound("There is no request with this id.")
        return request

    async def browse(self, wanted: Filter, *, cursor: str | None, limit: int) -> Page[Brief]:
        return await self._store.browse(wanted, cursor=cursor, limit=limit)

    async def open_file(self, file: File) -> AsyncIterator[bytes]:
        return await self._filing.open(file)

    def routes(self) -> Sequence[Route]:
        return self._configuration.policy.routes()

    def live_routes(self) -> Sequence[LiveRoute]:
        return self._configuration.routing.routes

    def pauses(self) -> Sequence[Pause]:
        return self._configuration.pauses

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change | None]]:
        return self._waiter.changes()

    def _pause_of(self, request: Outline) -> Pause | None:
        return pause_over(self._configuration.pauses, request.agent, request.action)

    def _paused(self, request: Outline) -> str:
        pause = None if request.settled else self._pause_of(request)
        return who_paused(pause) if pause else ""

    # ------------------------------------------------------------------ mechanics

    def _present(self, key: Key, action: str | None = None) -> Key:
        """The key as it is in force now. Raises `Unauthenticated` when it was revoked, `Forbidden` by its patterns."""
        present = self._configuration.key(key.id)
        if present is None:
            raise Unauthenticated("This key is not valid any more. Ask an operator for a new one.")
        if "agent" not in present.kinds:
            raise Forbidden("This key is not an agent's: it cannot ask, read or cancel requests.")
        if action is not None and not present.may_ask(action):
            raise Forbidden(f"This key may not ask for {action}. Nothing was made.", field="action")
        return present

    async def refused(self, key: Key, call: str, error: SaysoError) -> None:
        """Put on the record that a proved caller was refused something that they should not have asked."""
        if isinstance(error, Forbidden | Invalid):
            field = {"field": one_line(error.field)[:MAX_FIELD]} if error.field is not None else {}
            about = {"key": key.id, "agent": key.name, "call": call, **field}
            await self._refusals.record("refused", key.id, error, "", about)

    def _log_made(self, request: Request) -> None:
        """What waits is in the book, the journal and the metrics; only what was settled at once is news."""
        if request.settled:
            self._log_state("settled", request)
        else:
            self._log.debug("submitted", request=request.id)

    def _log_state(self, event: str, request: Request) -> None:
        cause = {"cause": request.decision.cause} if request.decision else {}
        about = {"agent": request.agent, "action": request.action, "status": request.status}
        self._log.info(event, request=request.id, **about, **cause)

    def _is_pushed(self, place: str) -> bool:
        adapter = self._adapters.get(place.partition(":")[0])
        return adapter is None or adapter.capabilities.pushes
