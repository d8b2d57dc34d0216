"""What the core needs from outside, and what it gives to adapters. Protocols and plain values only.

Errors of an adapter's port are `Retry` (later, perhaps with the answer lost), `Gone` (the place is not to be reached)
and `Rejected` (what we sent is not accepted); delivery reacts to the kind alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias

from sayso_bot.domain.card import Card
from sayso_bot.domain.json import Json
from sayso_bot.domain.key import Key
from sayso_bot.domain.person import Person
from sayso_bot.domain.policy import Asked, Verdict
from sayso_bot.domain.request import Claims, Outcome, Request, Status

# --------------------------------------------------------------------------- what an adapter is given


@dataclass(frozen=True, slots=True)
class Ballot:
    """One person's tap. ``operation`` names this tap: the same one twice has the effect of one.

    ``place`` is where it was tapped when the surface has places (``slack:C1``), else None. ``person`` carries only
    aliases that the surface has proved just now.
    """

    request_id: str
    revision: int
    person: Person
    outcome: Outcome
    surface: str
    operation: str
    place: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Voted:
    """A vote that counted (or had counted: ``replayed``), and the request after it."""

    request: Request
    replayed: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a person may answer a request now; ``why_not`` is a sentence for them, with what would be needed."""

    may_vote: bool
    why_not: str | None = None


@dataclass(frozen=True, slots=True)
class Button:
    """What an opaque button means."""

    request_id: str
    revision: int
    place: str


@dataclass(frozen=True, slots=True)
class Change:
    """Something about a request changed: ``kind`` is ``submitted``, ``voted`` or ``settled``."""

    request_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page of requests, newest first. ``cursor`` continues it; a page may be short and still have one."""

    items: tuple[Request, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Exact filters of a list; None does not filter."""

    status: Status | None = None
    action: str | None = None
    agent: str | None = None


class DeskFace(Protocol):
    """What an adapter may ask of the desk. Raises `sayso_bot.errors`; `VoteRefused.detail` is for the voter."""

    async def vote(self, ballot: Ballot) -> Voted: ...

    async def standing(self, request: Request, person: Person, *, surface: str, place: str | None) -> Standing:
        """What `vote` would say to this person now."""
        ...

    async def look(self, request_id: str) -> Request:
        """The request as it stands. Raises `NotFound`."""
        ...

    async def browse(self, wanted: Filter, *, cursor: str | None, limit: int) -> Page: ...

    async def button(self, token: str) -> Button | None:
        """What a button's opaque id means, or None for one that this book never made."""
        ...

    async def tapped(self, button: Button, post: str) -> None:
        """Record that ``post`` exists at the button's place; a tap may come before delivery has recorded it."""
        ...

    def card(self, request: Request) -> Card: ...

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change | None]]:
        """Changes as they happen. ``None`` says that some may have been missed: read again."""
        ...


class Shelf(Protocol):
    """A small encrypted key-value store of one adapter's own. Values are encrypted, names are not: hash what is secret.

    ``ttl_seconds`` is required: nothing on a shelf lives for ever without being asked for again.
    """

    async def put(self, name: str, value: bytes, *, ttl_seconds: int) -> None: ...

    async def get(self, name: str) -> bytes | None: ...

    async def take(self, name: str) -> bytes | None:
        """Get and delete in one step: of many takers one gets it."""
        ...

    async def delete(self, name: str) -> bool: ...

    async def names(self, prefix: str) -> Sequence[str]: ...


class Log(Protocol):
    def info(self, event: str, **fields: Any) -> None: ...

    def warning(self, event: str, **fields: Any) -> None: ...

    def error(self, event: str, **fields: Any) -> None: ...

    def exception(self, event: str, **fields: Any) -> None:
        """An error with the traceback of the exception being handled."""
        ...


Handler: TypeAlias = Callable[[Any], Awaitable[Any]]


class Mount(Protocol):
    """Where an adapter adds its routes: ``handler`` is an aiohttp handler, ``path`` an aiohttp path."""

    def __call__(self, method: str, path: str, handler: Handler, /) -> None: ...


@dataclass(frozen=True, slots=True)
class AdapterContext:
    """All that an adapter is given. ``settings`` holds environment variables, ``…_FILE`` forms already read.

    ``clock_is_right`` is False while this process's clock disagrees with Redis's: refuse platform callbacks then.
    ``start`` and ``stop`` of the adapter bracket its life; ``spawn`` runs a task that ends with the service and whose
    failure is logged.
    """

    desk: DeskFace
    log: Log
    settings: Mapping[str, str]
    public_url: str
    mount: Mount
    shelf: Shelf
    spawn: Callable[[Awaitable[None]], None]
    clock_is_right: Callable[[], bool]


# --------------------------------------------------------------------------- what an adapter is


class AdapterError(Exception):
    """Base of what an adapter's port raises. ``what`` is a short word for journal and metrics (``rate_limited``)."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Retry(AdapterError):
    """Later. ``after`` is in seconds where the platform said so and then holds for the whole place.

    ``lost`` says that the answer never came, so the call may have taken effect.
    """

    def __init__(self, what: str, *, after: float | None = None, lost: bool = False) -> None:
        super().__init__(what)
        self.after = after
        self.lost = lost


class Gone(AdapterError):
    """The place cannot be reached (archived, bot removed, token revoked): an alarm, tried again seldom."""


class Rejected(AdapterError):
    """The platform does not accept what we sent: our fault, an alarm."""


class LookupFailed(AdapterError):
    """The platform could not be asked who somebody is. Nobody is admitted on that."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """``pushes``: cards are posted at places (the inbox reads). ``finds``: a post can be looked up afterwards."""

    pushes: bool
    finds: bool


class ChatAdapter(Protocol):
    """Where people answer. ``name`` is the prefix of its places (``slack:C1``) and aliases (``slack:T1/U1``)."""

    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def post(self, card: Card, place: str, button: str) -> str:
        """Post a card and return the post's id at that place. Never re-sends. Raises `AdapterError`."""
        ...

    async def update(self, card: Card, place: str, post: str, button: str) -> None:
        """Bring the card ``post`` at ``place`` up to date. Safe to repeat. Raises `AdapterError`."""
        ...

    async def find(self, request_id: str, place: str) -> str | None:
        """The newest post of this request at ``place``, looked up on the platform, or None. Raises `AdapterError`."""
        ...

    async def notify(self, alias: str, text: str) -> None:
        """Tell one person something, privately. Raises `AdapterError`."""
        ...

    async def resolve(self, approver: str) -> frozenset[str]:
        """The aliases that an approver of the policy (``slack:S1``, ``slack:U1``) or a place (``slack:C1``) stands for.

        Raises `LookupFailed`; an approver that does not exist is nobody, an empty set.
        """
        ...

    async def recognise(self, person: Person) -> Person:
        """``person`` with the alias of this platform's account whose confirmed e-mail address is theirs.

        Unchanged where there is none, or where that account may not decide (guest, bot, deactivated).
        Raises `LookupFailed`.
        """
        ...

    async def check(self) -> Sequence[Check]:
        """What `sayso doctor` reports about this platform."""
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of the doctor: ``ok`` and a sentence that says what to do when it is not."""

    name: str
    ok: bool
    detail: str


AdapterFactory: TypeAlias = Callable[[AdapterContext], ChatAdapter]
AdapterSettings: TypeAlias = Callable[[Mapping[str, str]], "bool | str"]
"""True when configured, False when nothing is set, else the sentence that names what is missing."""


# --------------------------------------------------------------------------- what an operator's command is given


@dataclass(frozen=True, slots=True)
class OperatorTools:
    """For commands that adapters add: a shelf of their own and the address that people use."""

    shelf: Callable[[str], Shelf]
    public_url: str
    journal: Callable[[str, Mapping[str, Any]], Awaitable[None]]


class OperatorDoor(Protocol):
    """The typer context's ``obj``: opens the book for one operator's command, and closes it again.

    It connects to the running service's Redis, or starts the embedded one under its lock. Raises `Unusable`.
    """

    def run(self, work: Callable[[OperatorTools], Awaitable[Any]]) -> Any: ...


# --------------------------------------------------------------------------- what the desk needs


@dataclass(frozen=True, slots=True)
class Epochs:
    """Counters of the configuration that a caller used. A function answers "again" when one has moved."""

    keys: int
    policy: int


class Configuration(Protocol):
    """What is in force in this process. `refresh` reads it again; its epochs go into every function call."""

    @property
    def epochs(self) -> Epochs: ...

    @property
    def policy(self) -> PolicyEngine: ...

    def key(self, key_id: str) -> Key | None:
        """The key, unless it is unknown or revoked."""
        ...

    async def refresh(self) -> None: ...


class PolicyEngine(Protocol):
    """The active policy. ``digest`` names the document; ``people`` joins accounts by hand."""

    @property
    def digest(self) -> str: ...

    @property
    def people(self) -> Mapping[str, frozenset[str]]: ...

    def judge(self, asked: Asked) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class Draft:
    """What an agent asks, as the HTTP layer has checked it. ``body_digest`` tells two bodies apart."""

    action: str
    params: Mapping[str, Json]
    claims: Claims
    timeout_seconds: int | None
    body_digest: str
    idempotency_key: str | None


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request as the desk made it; the store adds its times. ``place`` is None where nothing is to be posted.

    A verdict other than ``ask`` settles it at once.
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


@dataclass(frozen=True, slots=True)
class Submitted:
    """``replayed`` says that an earlier call with the same Idempotency-Key made it."""

    request: Request
    replayed: bool


VoteCode = Literal["ok", "replay", "settled", "stale", "voted", "changed"]


@dataclass(frozen=True, slots=True)
class VoteAnswer:
    """``changed`` says that other votes came in between: look again. The request is as it stands after the call."""

    code: VoteCode
    request: Request | None


@dataclass(frozen=True, slots=True)
class Work:
    """One card to bring up to date, under a lease that ``fence`` names. ``wanted`` is the version to show.

    ``post`` is None while nothing is known to be there; ``lost_at`` is when an earlier post's answer was lost.
    ``doubles`` are further copies at the same place.
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


@dataclass(frozen=True, slots=True)
class Due:
    """What is due now, and in how many seconds more will be (None: nothing known)."""

    items: tuple[str, ...]
    next_in_seconds: float | None


@dataclass(frozen=True, slots=True)
class Stored:
    """The configuration as it lies in the store. ``document`` is None when the caller has compiled that digest."""

    epochs: Epochs
    keys: tuple[Key, ...]
    policy_digest: str | None
    document: str | None


@dataclass(frozen=True, slots=True)
class Alarm:
    """A card that cannot be delivered to its place."""

    request_id: str
    place: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of the whole book, the same whichever replica is asked. ``memory_bytes`` is what Redis uses."""

    requests: Mapping[Status, int]
    alarms: int
    request_bytes: int
    journal_entries: int
    memory_bytes: int


class Store(Protocol):
    """Each method is one Redis Function of the same name, atomic and safe to repeat. Raises `Unavailable`.

    Methods given `Epochs` raise `Again` when the caller's configuration is out of date: refresh and repeat.
    """

    async def submit(self, new: NewRequest, epochs: Epochs) -> Submitted: ...

    async def read(self, request_id: str, epochs: Epochs | None = None) -> Request | None:
        """The request; one whose deadline has passed is ended first."""
        ...

    async def list(self, wanted: Filter, *, cursor: str | None, limit: int) -> Page: ...

    async def vote(
        self, request: Request, ballot: Ballot, person: Person, evidence: str, void: Sequence[str], epochs: Epochs
    ) -> VoteAnswer: ...

    async def cancel(self, request: Request, epochs: Epochs) -> Request: ...

    async def expire(self, request: Request) -> Request: ...

    async def note(self, kind: str, request_id: str, data: Mapping[str, Any]) -> None: ...

    async def button(self, token: str) -> Button | None: ...

    async def tapped(self, request: Request, place: str, post: str) -> None: ...

    async def due_requests(self, limit: int) -> Due: ...

    async def due_places(self, limit: int) -> Due: ...

    async def due_work(self, place: str, limit: int) -> Sequence[str]: ...

    async def begin(self, request: Request, place: str, lease_seconds: float) -> Work | None:
        """Take the lease of one card; None when there is nothing to do now or somebody else does it."""
        ...

    async def renew(self, work: Work, lease_seconds: float) -> bool: ...

    async def posted(self, work: Work, post: str) -> None: ...

    async def moot(self, work: Work) -> None: ...

    async def failed(
        self, work: Work, what: str, *, after_seconds: float, lost: bool, alarm: bool, whole_place: bool
    ) -> None: ...

    async def configuration(self, known_digest: str | None) -> Stored: ...

    async def put_key(self, key: Key, kind: str) -> None: ...

    async def activate(self, digest: str, document: str, replaces: str | None, source: str) -> str | None:
        """Put a document in force. None when it is; else the digest that is active instead of ``replaces``."""
        ...

    async def was_active(self, digest: str) -> bool: ...


class Again(Exception):
    """The caller's configuration epochs are out of date."""


class Hold(Protocol):
    async def wait(self, seconds: float) -> bool:
        """True when the request was settled or may have been (read it), False when the time is up."""
        ...


class Waiter(Protocol):
    """Holds calls until a request is settled. Register first, then read, then wait.

    ``closing``: the service stops, so nobody should be held any longer.
    """

    @property
    def closing(self) -> bool: ...

    def hold(self, request_id: str) -> AbstractContextManager[Hold]: ...

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change | None]]: ...
