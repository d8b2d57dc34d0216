"""What adapters and their commands are given: the desk's public face, a shelf, a log, a place for routes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import KW_ONLY, dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from sayso_bot.domain.brief import Brief
from sayso_bot.domain.card import Card
from sayso_bot.domain.files import File
from sayso_bot.domain.json import Json
from sayso_bot.domain.pauses import Pause
from sayso_bot.domain.person import Person
from sayso_bot.domain.policy import Route
from sayso_bot.domain.request import Outcome, Outline, Request, Status
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.ports.files import Filed, Put
from sayso_bot.ports.office import OfficeFace

T = TypeVar("T", bound=Outline)


@dataclass(frozen=True, slots=True)
class Ballot:
    """One person's tap. ``operation`` names this tap: the same one twice has the effect of one.

    ``person`` carries only aliases that the surface has proved just now. ``typed`` is what they typed to confirm an
    approval; ``response`` what they filled into the request's form, by field, as `sayso_bot.domain.form.checked` reads
    it (of files, the ids).
    """

    request_id: str
    revision: int
    person: Person
    outcome: Outcome
    surface: str
    operation: str
    _: KW_ONLY
    reason: str | None = None
    typed: str | None = None
    response: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Voted:
    """A vote that counted (or had counted: ``replayed``), and the request after it."""

    request: Request
    replayed: bool


@dataclass(frozen=True, slots=True)
class Edit:
    """One person's change of the params of ``revision``. ``operation`` names it: the same one twice has the effect of
    one. ``person`` carries only aliases that the surface has proved just now.
    """

    request_id: str
    revision: int
    person: Person
    params: Mapping[str, Json]
    surface: str
    operation: str


@dataclass(frozen=True, slots=True)
class Edited:
    """An edit that took effect (or had: ``replayed``), and the request after it."""

    request: Request
    replayed: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a person may answer a request now; ``why_not`` is a sentence for them, with what would be needed.

    ``put`` are the files that they have put into its form, where a whole request was asked about. ``paused`` is who
    stopped it, where nothing of it can be approved now and it may only be denied. ``unsure``: it could not be checked
    for the moment, so nobody says that they may not.
    """

    may_vote: bool
    why_not: str | None = None
    put: tuple[File, ...] = ()
    paused: str = ""
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    """What an opaque button means."""

    request_id: str
    revision: int
    place: str


@dataclass(frozen=True, slots=True)
class Change:
    """Something about a request changed: ``kind`` is ``submitted``, ``voted``, ``edited``, ``filed``, ``moved`` or
    ``settled``."""

    request_id: str
    kind: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of requests, newest first. ``cursor`` continues it; a page may be short and still have one."""

    items: tuple[T, ...]
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

    async def edit(self, edit: Edit) -> Edited:
        """Change the params that the rule lets approvers edit; earlier votes count no longer."""
        ...

    async def put_file(self, put: Put) -> Filed:
        """Keep a file of somebody who may answer, for a vote of theirs to name. Nothing of it is kept otherwise.

        Raises `VoteRefused`, `FileTooLarge`, `FileRefused`, `TooManyFiles`, `TooMany`, and what its content raises.
        """
        ...

    async def open_file(self, file: File) -> AsyncIterator[bytes]:
        """What a file of a request holds, to be saved by who may see the request."""
        ...

    async def standing(self, request: Outline, person: Person, *, surface: str) -> Standing:
        """What `vote` would say to this person now."""
        ...

    async def look(self, request_id: str) -> Request:
        """The request as it stands. Raises `NotFound`."""
        ...

    async def browse(self, wanted: Filter, *, cursor: str | None, limit: int) -> Page[Brief]:
        """Requests as a list shows them: a page costs no more to read where they are large."""
        ...

    async def button(self, token: str) -> Button | None:
        """What a button's opaque id means, or None for one that this book never made."""
        ...

    async def tapped(self, button: Button, post: str) -> None:
        """Record that ``post`` exists at the button's place; a tap may come before delivery has recorded it."""
        ...

    def card(self, request: Request) -> Card: ...

    def routes(self) -> Sequence[Route]:
        """Every rule of the policy in force, in its order, for people to read."""
        ...

    def live_routes(self) -> Sequence[LiveRoute]:
        """The live routes in force, the one that counts first before the others."""
        ...

    def pauses(self) -> Sequence[Pause]:
        """What is paused now."""
        ...

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[Change | None]]:
        """Changes as they happen. ``None`` says that some may have been missed: read again."""
        ...


class Shelf(Protocol):
    """A small encrypted key-value store of one adapter's own. Values are encrypted, names are not: hash what is secret.

    ``ttl_seconds`` is required: nothing on a shelf lives for ever without being asked for again.
    """

    async def put(self, name: str, value: bytes, *, ttl_seconds: int) -> None: ...

    async def put_new(self, name: str, value: bytes, *, ttl_seconds: int) -> bool:
        """Put it where nothing is; False where something was. Of many callers one is told True: a lock that lapses."""
        ...

    async def get(self, name: str) -> bytes | None: ...

    async def take(self, name: str) -> bytes | None:
        """Get and delete in one step: of many takers one gets it."""
        ...

    async def delete(self, name: str) -> bool: ...

    async def names(self, prefix: str) -> Sequence[str]: ...


class Log(Protocol):
    def debug(self, event: str, **fields: Any) -> None: ...

    def info(self, event: str, **fields: Any) -> None: ...

    def warning(self, event: str, **fields: Any) -> None: ...

    def error(self, event: str, **fields: Any) -> None: ...

    def exception(self, event: str, **fields: Any) -> None:
        """An error with the traceback of the exception being handled."""
        ...


Handler: TypeAlias = Callable[[Any], Awaitable[Any]]


class Mount(Protocol):
    """Where an adapter adds its routes: ``handler`` is an aiohttp handler, ``path`` an aiohttp path.

    With ``takes_files`` a caller may take minutes over the body of a call (docs/limits.md).
    """

    def __call__(self, method: str, path: str, handler: Handler, /, *, takes_files: bool = False) -> None: ...


@dataclass(frozen=True, slots=True)
class AdapterContext:
    """All that an adapter is given. ``settings`` holds environment variables, ``…_FILE`` forms already read.

    ``clock_is_right`` is False while this process's clock disagrees with Redis's: refuse platform callbacks then.
    ``start`` and ``stop`` of the adapter bracket its life; ``spawn`` runs a task that ends with the service and whose
    failure is logged. ``journal`` puts a kind and its data on the record: who did what, and no secret. It raises
    `Unavailable`. ``hears`` is False in a command, which ends soon: there, take nothing that the platform sends.
    ``loopback``: only this machine can connect to the service.
    """

    desk: DeskFace
    office: OfficeFace
    log: Log
    settings: Mapping[str, str]
    public_url: str
    mount: Mount
    shelf: Shelf
    spawn: Callable[[Awaitable[None]], None]
    clock_is_right: Callable[[], bool]
    journal: Callable[[str, Mapping[str, Any]], Awaitable[None]]
    hears: bool = True
    loopback: bool = False


@dataclass(frozen=True, slots=True)
class OperatorTools:
    """For commands that adapters add: a shelf of their own and the address that people use. The rest is as in
    `AdapterContext`.
    """

    shelf: Callable[[str], Shelf]
    public_url: str
    settings: Mapping[str, str]
    journal: Callable[[str, Mapping[str, Any]], Awaitable[None]]


class OperatorDoor(Protocol):
    """The typer context's ``obj``: opens the book for one operator's command, and closes it again.

    It connects to the running service's Redis, or starts the embedded one under its lock. Raises `Unusable`.
    """

    def run(self, work: Callable[[OperatorTools], Awaitable[Any]]) -> Any: ...

    def public_url(self) -> str:
        """The address that people use, from the settings alone: the book is not opened. Raises `Unusable`."""
        ...
