"""Files on their way into a request and out of it: what is handed in, what is kept of it, and who keeps it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from sayso_bot.domain.files import File
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Request

if TYPE_CHECKING:
    from sayso_bot.ports.values import Epochs


@dataclass(frozen=True, slots=True)
class Sending:
    """A file as somebody sends it: its ``name`` and ``media_type`` are their words. ``content`` is read once.

    ``operation`` names it: the same one of the same sender twice is one file. ``size`` is given where it is known
    before.
    """

    name: str
    media_type: str
    content: AsyncIterator[bytes]
    operation: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Put:
    """One person's file for the ``field`` of a request's form. ``person`` is as in `Ballot`."""

    request_id: str
    person: Person
    field: str
    sending: Sending
    surface: str


@dataclass(frozen=True, slots=True)
class Filed:
    """A file that is part of a request now (or was: ``replayed``), and the request after it."""

    file: File
    request: Request
    replayed: bool


@dataclass(frozen=True, slots=True)
class Received:
    """A file that lies in the store under the name ``upload``, in so many pieces, and belongs to nothing yet."""

    upload: str
    size: int
    digest: str
    pieces: int


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file as the desk has judged it, for the ``request`` that it has seen; the store adds its time.

    ``most`` bounds the files of its sender for its field, ``quota`` the agent's bytes of pending requests.
    ``evidence`` is what admitted its sender, for the record. ``button`` is that of the new revision which an agent's
    file makes, where nobody has answered yet; a person's file makes none and has ''.
    """

    request: Request
    file: File
    received: Received
    most: int
    quota: int
    evidence: str
    button: str


AttachCode = Literal["ok", "replay", "missing", "settled", "voted", "many", "bytes", "lapsed"]


@dataclass(frozen=True, slots=True)
class AttachAnswer:
    """The request is as it stands after the call, where the code says that it was looked at."""

    code: AttachCode
    request: Request | None


class FileStore(Protocol):
    """Raises `Unavailable`. What is received and not attached lapses by itself."""

    async def receive(self, content: AsyncIterator[bytes]) -> Received:
        """Keep what comes. Raises `FileTooLarge`, `FileRefused` where there is nothing, and what ``content`` raises."""
        ...

    async def discard(self, received: Received) -> None: ...

    async def attach_file(self, new: NewFile, epochs: Epochs) -> AttachAnswer:
        """One Redis Function, safe to repeat. Raises `Again`."""
        ...

    async def content(self, file: File) -> AsyncIterator[bytes]:
        """The file, piece by piece. The first has been read when this returns; the others may raise."""
        ...

    async def used(self, request: Request) -> int:
        """How many bytes the request's agent has pending now."""
        ...
