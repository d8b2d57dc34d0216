"""What the desk needs from outside: a store, the configuration in force, and somebody who waits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from datetime import datetime
from typing import Any, Literal, Protocol

from sayso_bot.domain.brief import Brief
from sayso_bot.domain.key import Key
from sayso_bot.domain.notice import Notices
from sayso_bot.domain.pauses import Pause
from sayso_bot.domain.person import Person
from sayso_bot.domain.policy import Asked, ExplainedNow, Explanation, Placement, Route, Verdict
from sayso_bot.domain.request import Outline, Request
from sayso_bot.domain.routing import LiveChannel, Routing
from sayso_bot.domain.versions import Origin, VersionPage
from sayso_bot.ports.given import Ballot, Button, Change, Filter, Page
from sayso_bot.ports.values import (
    Activation,
    Alarm,
    Draft,
    Due,
    EditAnswer,
    Epochs,
    NewRequest,
    NewRevision,
    Stored,
    Submitted,
    VoteAnswer,
    Work,
)


class Configuration(Protocol):
    """What is in force in this process. `refresh` reads it again, `look` what of it is not the policy; its epochs go
    into every function call."""

    @property
    def epochs(self) -> Epochs: ...

    @property
    def policy(self) -> PolicyEngine: ...

    @property
    def routing(self) -> Routing:
        """The live routes whose time was not over when they were read; a submission is refused when it is now."""
        ...

    @property
    def channels(self) -> Mapping[str, LiveChannel]:
        """Names that admins gave to places, beside those of the policy."""
        ...

    @property
    def pauses(self) -> Sequence[Pause]:
        """Pauses as they were last read. For sentences only: what is refused, the store decides at each step."""
        ...

    @property
    def read_at(self) -> datetime:
        """Redis's time of what is in force here."""
        ...

    @property
    def keys(self) -> Sequence[Key]:
        """The keys that are valid."""
        ...

    def key(self, key_id: str) -> Key | None:
        """The key, unless it is unknown or revoked."""
        ...

    def placed(self, asked: Asked, verdict: Verdict) -> Placement | None:
        """Where such a request is asked now; None where nobody is asked."""
        ...

    def explained(self, asked: Asked) -> ExplainedNow:
        """What the policy in force makes of an ask, and what becomes of it now."""
        ...

    async def refresh(self) -> None: ...

    async def look(self) -> None: ...

    async def stands(self, epochs: Epochs) -> bool:
        """Whether these epochs of keys and policy are in force, as the store says now. Raises `Unavailable`."""
        ...


class PolicyEngine(Protocol):
    """The active policy. ``digest`` names the document; ``people`` joins accounts by hand.

    ``admins`` are named as approvers are; ``channels`` has its names of places.
    """

    @property
    def digest(self) -> str: ...

    @property
    def people(self) -> Mapping[str, frozenset[str]]: ...

    @property
    def admins(self) -> Sequence[str]: ...

    @property
    def channels(self) -> Mapping[str, str]: ...

    def judge(self, asked: Asked) -> Verdict: ...

    def explain(self, asked: Asked) -> Explanation:
        """`judge`, with what became of each rule."""
        ...

    def routes(self) -> Sequence[Route]:
        """Every rule in its order, for people to read."""
        ...


class Store(Protocol):
    """Each method is one Redis Function of the same name, atomic and safe to repeat. Raises `Unavailable`.

    Methods given `Epochs` raise `Again` when the caller's configuration is out of date: refresh and repeat.
    """

    async def submit(self, new: NewRequest, epochs: Epochs) -> Submitted: ...

    async def earlier(self, draft: Draft, agent: str, epochs: Epochs) -> Submitted | None:
        """The request that the draft's Idempotency-Key made. Raises `Again`, `IdempotencyMismatch`."""
        ...

    async def read(self, request_id: str, epochs: Epochs | None = None) -> Request | None:
        """The request; one whose deadline has passed is ended first."""
        ...

    async def pending(self, request_id: str, epochs: Epochs) -> str | None:
        """The agent whose request it is, while nobody and no deadline has ended it; None in any other case."""
        ...

    async def glance(self, request_id: str) -> Brief | None:
        """As `read`, without reading what is large."""
        ...

    def told(self, news: str) -> tuple[Request, Epochs] | None:
        """A request as it was when it ended, and the epochs then. None where it must be read instead."""
        ...

    async def list(
        self, wanted: Filter, *, cursor: str | None, limit: int, epochs: Epochs | None = None
    ) -> Page[Request]: ...

    async def browse(self, wanted: Filter, *, cursor: str | None, limit: int) -> Page[Brief]:
        """As `list`, without reading what is large."""
        ...

    async def vote(
        self, request: Request, ballot: Ballot, person: Person, evidence: str, void: Sequence[str], epochs: Epochs
    ) -> VoteAnswer: ...

    async def edit(self, new: NewRevision, epochs: Epochs) -> EditAnswer: ...

    async def cancel(self, request: Request, epochs: Epochs) -> Request: ...

    async def expire(self, request: Outline) -> Request: ...

    async def note(self, kind: str, request_id: str, data: Mapping[str, Any]) -> None: ...

    async def button(self, token: str) -> Button | None: ...

    async def tapped(self, request: Request, place: str, post: str) -> None: ...

    async def due_requests(self, limit: int) -> Due: ...

    async def due_places(self, limit: int) -> Due: ...

    async def due_work(self, place: str, limit: int, *, soon_seconds: float = 0.0) -> Sequence[str]: ...

    async def begin(
        self, request: Outline, place: str, lease_seconds: float, of_list: Literal["failed", "lost"] | None = None
    ) -> Work | None:
        """Take the lease of one card; None when there is nothing to do now or somebody else does it.

        ``of_list`` is what became of the list that was to show it: that is to be written down, and nothing posted, so
        it waits for no turn. One that was lost may have shown it, so there is something to do though it has ended.
        """
        ...

    async def renew(self, work: Work, lease_seconds: float) -> bool: ...

    async def posted(self, work: Work, post: str) -> None: ...

    async def narrated(self, request: Outline, place: str, key: str) -> None:
        """An entry of the story stands beside what shows the request at ``place``, or will not."""
        ...

    async def moot(self, work: Work) -> None: ...

    async def failed(
        self, work: Work, what: str, *, after_seconds: float, lost: bool, alarm: bool, whole_place: bool
    ) -> None: ...

    async def move(self, work: Work, to: str, button: str, what: str, by: str) -> bool:
        """Take a card that cannot be shown to another place; an empty ``button``: nothing is posted there."""
        ...

    async def hasten(self, request: Outline, place: str) -> bool:
        """Try at once what could not be shown at ``place``, and raised an alarm there. False for what has left it."""
        ...

    async def alarms(self, limit: int) -> Sequence[Alarm]:
        """Cards that cannot be delivered, the oldest first."""
        ...

    async def configuration(self, known_digest: str | None) -> Stored: ...

    async def epochs(self) -> Epochs: ...

    async def put_key(self, key: Key, kind: str) -> None: ...

    async def activate(
        self,
        digest: str,
        document: str,
        replaces: str | None,
        where: str,
        origin: Origin | None = None,
        epochs: Epochs | None = None,
        notices: Notices = (),
    ) -> Activation:
        """Put a document in force in place of ``replaces``. ``where`` is for an origin that says no place; ``notices``
        are made in the same step.
        """
        ...

    async def versions(self, *, before: int | None = None, limit: int = 20) -> VersionPage:
        """Each time that a document was put in force, newest first."""
        ...

    async def document(self, digest: str) -> str | None:
        """A document that was in force once."""
        ...

    async def was_active(self, digest: str) -> bool: ...


class Again(Exception):
    """The caller's configuration epochs are out of date."""


class Hold(Protocol):
    @property
    def news(self) -> str:
        """What `Store.told` understands: the end as it was published, or empty where the request must be read."""
        ...

    async def wait(self, seconds: float) -> bool:
        """True when the request was settled or may have been (read it), False when the time is up."""
        ...


class Waiter(Protocol):
    """Holds calls until a request is settled. Register first, then read, then wait.

    ``closing``: the service stops, so nobody should be held any longer.
    """

    @property
    def closing(self) -> bool: ...

    def hold(self, request_id: str, owner: str = "") -> AbstractContextManager[Hold]:
        """``owner`` names whose call is held: of a key, its id."""
        ...

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change | None]]: ...
