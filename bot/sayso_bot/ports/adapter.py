"""What an adapter is: where people answer, and how it fails.

Delivery reacts to the kind of an error alone: `Retry` (later, perhaps with the answer lost), `Gone` (the place is not
to be reached), `Rejected` (what we sent is not accepted).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from sayso_bot.domain.card import Card
from sayso_bot.domain.notice import Notice
from sayso_bot.domain.person import Person
from sayso_bot.domain.story import Entry
from sayso_bot.ports.given import AdapterContext


class AdapterError(Exception):
    """Base of what an adapter's port raises. ``what`` is a short word for journal and metrics (``rate_limited``).

    ``todo`` is a sentence for an admin, where the adapter knows what would help.
    """

    todo = ""

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


class Deleted(Gone):
    """The message that was to be changed is not there any more, though its place is."""


class Rejected(AdapterError):
    """The platform does not accept what we sent: our fault, an alarm."""


class LookupFailed(AdapterError):
    """The platform could not be asked who somebody is. Nobody is admitted on that.

    ``lasting``: nor can it be until somebody changes something.
    """

    def __init__(self, what: str, *, lasting: bool = False) -> None:
        super().__init__(what)
        self.lasting = lasting

    @classmethod
    def of(cls, error: AdapterError) -> LookupFailed:
        """The same of a look-up, for ``from None``."""
        return cls(error.what, lasting=isinstance(error, Gone | Rejected))


@dataclass(frozen=True, slots=True)
class Capabilities:
    """``pushes``: cards are posted at places (the inbox reads). ``finds``: a post can be looked up afterwards.

    ``narrates``: what happens to a request can be told beside its card. ``notifies``: so can one person, alone.
    """

    pushes: bool
    finds: bool
    narrates: bool = False
    notifies: bool = False


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

    async def narrate(self, place: str, post: str, entries: Sequence[Entry]) -> None:
        """Tell entries of the story beside ``post`` at ``place``, in one message, sent once. Raises `AdapterError`."""
        ...

    async def told(self, place: str, post: str, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Those of ``entries`` that stand beside ``post`` already, looked up there; none where it cannot look.

        Raises `AdapterError`.
        """
        ...

    async def notify(self, address: str, entry: Entry, *, near: str, look: bool) -> str | None:
        """Tell whose confirmed e-mail address this is, privately; the message, or None where nobody here has it.

        ``near`` is the place where the request was asked, if any. With ``look`` an earlier try may have told it, so it
        is looked for first. Raises `LookupFailed` where it is not known whether anybody here has it, `AdapterError`.
        """
        ...

    async def resolve(self, approver: str, *, fresh: bool = False) -> frozenset[str]:
        """The aliases that an approver of the policy (``slack:S1``, ``slack:U1``) or a place (``slack:C1``) stands for.

        An adapter may keep answers for a short while; with ``fresh`` the platform is asked now.
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


@runtime_checkable
class Announces(Protocol):
    """An adapter that can post a word of ours at a place. One that cannot is passed over."""

    async def announce(self, notice: Notice, place: str) -> str:
        """Post ``notice``, by whose id `ChatAdapter.find` finds it again; the post's id. Never re-sends.

        Raises `AdapterError`, with ``todo`` where it is known what would help.
        """
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """One finding of the doctor: ``ok`` and a sentence that says what to do when it is not.

    With ``warning``, which goes with ``ok`` alone, it is what somebody should know and may have chosen.
    """

    name: str
    ok: bool
    detail: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class PlaceLook:
    """How a place stands, as its platform says: whether cards can be posted there, and what to do where they cannot.

    ``open`` says that people may join it without being asked in.
    """

    ok: bool
    detail: str
    open: bool = False


@runtime_checkable
class LooksAtPlaces(Protocol):
    """An adapter that can look at a place without posting there."""

    async def look_at(self, place: str) -> PlaceLook:
        """Never raises for what it finds."""
        ...


AdapterFactory: TypeAlias = Callable[[AdapterContext], ChatAdapter]
AdapterSettings: TypeAlias = Callable[[Mapping[str, str]], "bool | str"]
"""True when configured, False when nothing is set, else the sentence that names what is missing."""
