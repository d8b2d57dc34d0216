"""What the desk needs from outside: a store, the configuration in force, and somebody who waits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, Protocol

from sayso_bot.domain.brief import Brief
from sayso_bot.domain.form import Form
from sayso_bot.domain.json import Json
from sayso_bot.domain.key import Key
from sayso_bot.domain.made_often import made_often
from sayso_bot.domain.pauses import Pause
from sayso_bot.domain.person import Person
from sayso_bot.domain.policy import Asked, Explanation, Placement, Route, Verdict
from sayso_bot.domain.request import Claims, Outline, Request, Status
from sayso_bot.domain.routing import LiveChannel, LiveRoute, Routing
from sayso_bot.domain.versions import Origin, VersionPage
from sayso_bot.ports.given import Ballot, Button, Change, Edit, Filter, Page


@made_often
@dataclass(frozen=True, slots=True)
class Epochs:
    """Counters of the configuration that a caller used. A function answers "again" when one has moved; None is one
    that the caller did not use."""

    keys: int
    policy: int | None
    routes: int = 0

    @property
    def of_keys(self) -> Epochs:
        """For who reads: the key must be in force, whatever the policy."""
        return replace(self, policy=None)


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

    def explained(self, asked: Asked) -> tuple[Explanation, Placement | None]:
        """What the policy in force makes of an ask, and where it would be asked now."""
        ...

    async def refresh(self) -> None: ...

    async def look(self) -> None: ...


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


@made_often
@dataclass(frozen=True, slots=True)
class Draft:
    """What an agent asks, as the HTTP layer has checked it. ``body_digest`` tells two bodies of one
    ``idempotency_key`` apart; it is empty where there is none."""

    action: str
    params: Mapping[str, Json]
    claims: Claims
    timeout_seconds: int | None
    body_digest: str
    idempotency_key: str | None
    form: Form | None = None


@made_often
@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request as the desk made it; the store adds its times. ``place`` is None where nothing is to be posted.

    A verdict other than ``ask`` settles it at once. ``route`` is the live one by which ``place`` is not the rule's.
    """

    id: str
    draft: Draft
    fingerprint: str
    key: Key
    verdict: Verdict
    policy_digest: str
    timeout_seconds: int | None
    place: str | None
    button: str
    route: LiveRoute | None = None


@made_often
@dataclass(frozen=True, slots=True)
class Submitted:
    """``replayed`` says that an earlier call with the same Idempotency-Key made it."""

    request: Request
    replayed: bool


VoteCode = Literal["ok", "replay", "settled", "stale", "paused", "voted", "changed"]


@made_often
@dataclass(frozen=True, slots=True)
class VoteAnswer:
    """``changed`` says that other votes came in between: look again. The request is as it stands after the call.

    ``pause`` is the one for which it is ``paused``, where that is known.
    """

    code: VoteCode
    request: Request | None
    pause: Pause | None = None


@dataclass(frozen=True, slots=True)
class NewRevision:
    """An edit as the desk has judged it, of the ``request`` that it has seen. ``button`` is the new revision's."""

    request: Request
    edit: Edit
    person: Person
    params: Mapping[str, Json]
    fingerprint: str
    evidence: str
    button: str


EditCode = Literal["ok", "replay", "settled", "stale", "paused"]


@dataclass(frozen=True, slots=True)
class EditAnswer:
    """The request is as it stands after the call; None where Redis has lost it. ``pause`` is as in `VoteAnswer`."""

    code: EditCode
    request: Request | None
    pause: Pause | None = None


@made_often
@dataclass(frozen=True, slots=True)
class Work:
    """One card to bring up to date, under a lease that ``fence`` names. ``wanted`` is the version to show.

    ``post`` is None while nothing is known to be there; ``lost_at`` is when an earlier post's answer was lost.
    ``doubles`` are further copies at the same place, ``told`` the keys of the story that stand beside it. ``pause``
    holds for the request at this moment.
    """

    request: Request
    place: str
    fence: int
    wanted: int
    post: str | None
    doubles: tuple[str, ...]
    button: str
    attempts: int
    lost_at: datetime | None
    told: frozenset[str] = frozenset()
    pause: Pause | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """What is due now, and in how many seconds more will be (None: nothing known)."""

    items: tuple[str, ...]
    next_in_seconds: float | None


@dataclass(frozen=True, slots=True)
class Stored:
    """The configuration as it lies in the store at ``now``, Redis's time: keys and routes whose time is over too.

    ``document`` is None when the caller has compiled that digest.
    """

    epochs: Epochs
    keys: tuple[Key, ...]
    policy_digest: str | None
    document: str | None
    now: datetime
    pauses: tuple[Pause, ...] = ()
    routes: tuple[LiveRoute, ...] = ()
    channels: tuple[LiveChannel, ...] = ()


@dataclass(frozen=True, slots=True)
class Alarm:
    """A card that cannot be delivered to its place."""

    request_id: str
    place: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of the whole book, the same whichever replica is asked. ``memory_bytes`` is what Redis uses.

    ``doubles`` are second cards of one request at one place, as far as anybody has learnt of them.
    """

    requests: Mapping[Status, int]
    alarms: int
    doubles: int
    request_bytes: int
    journal_entries: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Activation:
    """What became of a document that was to be put in force: the ``number`` of its version.

    ``changed`` is False where it was in force already. Where ``other`` was put in force meanwhile there is no number.
    """

    number: int | None
    changed: bool = False
    other: str | None = None


class Store(Protocol):
    """Each method is one Redis Function of the same name, atomic and safe to repeat. Raises `Unavailable`.

    Methods given `Epochs` raise `Again` when the caller's configuration is out of date: refresh and repeat.
    """

    async def submit(self, new: NewRequest, epochs: Epochs) -> Submitted: ...

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

    async def due_work(self, place: str, limit: int) -> Sequence[str]: ...

    async def begin(self, request: Outline, place: str, lease_seconds: float) -> Work | None:
        """Take the lease of one card; None when there is nothing to do now or somebody else does it."""
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

    async def configuration(self, known_digest: str | None) -> Stored: ...

    async def put_key(self, key: Key, kind: str) -> None: ...

    async def activate(
        self,
        digest: str,
        document: str,
        replaces: str | None,
        where: str,
        origin: Origin | None = None,
        epochs: Epochs | None = None,
    ) -> Activation:
        """Put a document in force in place of ``replaces``. ``where`` is for an origin that says no place."""
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
