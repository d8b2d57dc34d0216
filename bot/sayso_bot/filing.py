"""Files on their way into a request: who may put one there, how many, and against whose quota.

A person is admitted as for a vote before a byte of theirs is kept, and again when the file becomes part of the request.
Bytes count against the quota of the agent that asks, until its request ends. Whoever sends has few uploads under way at
once, so what is not part of a request yet fills nothing; it lapses by itself.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sayso_bot.admission import Admission
from sayso_bot.domain.card import how_it_ended
from sayso_bot.domain.files import (
    HEAD_BYTES,
    MAX_ATTACHED,
    MAX_FILE_BYTES,
    MAX_PUT,
    File,
    accepts,
    file_id,
    media_type,
    safe_name,
    size_text,
    why_not_attached,
)
from sayso_bot.domain.form import Field
from sayso_bot.domain.key import Quotas
from sayso_bot.domain.lifecycle import has_voted
from sayso_bot.domain.request import Request, new_button
from sayso_bot.domain.text import one_line
from sayso_bot.errors import (
    AlreadySettled,
    AlreadyVoted,
    FileRefused,
    FileTooLarge,
    IdempotencyMismatch,
    QuotaExceeded,
    Settled,
    TooManyFiles,
    Unavailable,
    VoteRefused,
)
from sayso_bot.in_force import in_force
from sayso_bot.ports import AttachAnswer, Configuration, Filed, FileStore, NewFile, Put, Received, Sending

AT_ONCE = 3
AT_ONCE_IN_ALL = 24
_NOT_KEPT = "Your file was not kept."


@dataclass(frozen=True, slots=True)
class _Sender:
    """Whose file it is, and for which field. ``most`` bounds what they may put there."""

    by: str
    name: str
    field: str
    surface: str
    most: int
    evidence: str
    button: str = ""


class Filing:
    """``look`` finds a request as it stands, or raises `NotFound`."""

    def __init__(
        self,
        files: FileStore,
        configuration: Configuration,
        admission: Admission,
        look: Callable[[str], Awaitable[Request]],
    ) -> None:
        self._files = files
        self._configuration = configuration
        self._admission = admission
        self._look = look
        self._under_way: Counter[str] = Counter()

    async def put(self, put: Put) -> Filed:
        """Raises as `DeskFace.put_file` says."""
        try:
            with self._room(put.person.id):
                request, sender = await in_force(self._configuration, lambda: self._admitted(put))
                if known := request.file(file_id(request.id, sender.by, put.sending.operation)):
                    return Filed(known, request, replayed=True)
                await self._check_quota(request, put.sending)
                async with self._received(put.sending) as received:
                    return await in_force(self._configuration, lambda: self._put(put, received))
        except VoteRefused as refusal:
            raise type(refusal)(refusal.why, then=_NOT_KEPT, retry_after=refusal.retry_after) from None

    async def attach(self, read: Callable[[], Awaitable[Request]], sending: Sending) -> Filed:
        """Keep a file of the agent whose own request ``read`` gives, for people to look at before they answer.

        Raises `Settled`, `FileTooLarge`, `FileRefused`, `TooManyFiles`, `TooMany`, and what ``read`` or content do;
        `IdempotencyMismatch` where the same operation has brought another file.
        """
        request = await read()
        with self._room(f"agent {request.agent}"):
            if known := request.file(file_id(request.id, request.agent, sending.operation)):
                _check_same(known, safe_name(sending.name), await _digest(sending))
                return Filed(known, request, replayed=True)
            _check_attachable(request)
            await self._check_quota(request, sending)
            peeked = replace(sending, content=_peeked(sending))
            async with self._received(peeked) as received:
                return await in_force(self._configuration, lambda: self._attach(read, peeked, received))

    async def open(self, file: File) -> AsyncIterator[bytes]:
        return await self._files.content(file)

    # ------------------------------------------------------------------ a person's file

    async def _admitted(self, put: Put) -> tuple[Request, _Sender]:
        """The request as it stands, and the sender where they may answer it and its form has such a field."""
        people = self._configuration.policy.people
        person = put.person.joined(people)
        request = await self._look(put.request_id)
        if request.settled:
            raise AlreadySettled(how_it_ended(request))
        evidence = await self._admission.evidence(request, person, people, surface=put.surface)
        if has_voted(request, person):
            raise AlreadyVoted("You have already answered this request.")
        field = request.form.field(put.field) if request.form else None
        if field is None or field.kind != "files":
            raise FileRefused(f"This request asks for no file there. {_NOT_KEPT}", field=one_line(put.field)[:80])
        _check_kind(field, put.sending)
        return request, _Sender(person.id, one_line(person.name), put.field, put.surface, MAX_PUT, evidence)

    async def _put(self, put: Put, received: Received) -> Filed:
        epochs = self._configuration.epochs  # before anything that is checked under them
        request, sender = await self._admitted(put)
        new = self._new(request, sender, put.sending, received)
        return _filed(await self._files.attach_file(new, epochs), new.file)

    async def _attach(self, read: Callable[[], Awaitable[Request]], sending: Sending, received: Received) -> Filed:
        epochs = self._configuration.epochs
        request = await read()
        _check_attachable(request)
        sender = _Sender(request.agent, request.agent, "", "api", MAX_ATTACHED, request.key_id, new_button())
        new = self._new(request, sender, sending, received)
        answer = await self._files.attach_file(new, epochs)
        if answer.request is not None and answer.code in ("settled", "voted"):
            _check_attachable(answer.request)
        filed = _filed(answer, new.file)
        _check_same(filed.file, new.file.name, new.file.digest)
        return filed

    # ------------------------------------------------------------------ any file

    @asynccontextmanager
    async def _received(self, sending: Sending) -> AsyncIterator[Received]:
        """What was sent, kept for a moment; what is left of it then is dropped."""
        received = await self._files.receive(sending.content)
        try:
            yield received
        finally:
            await self._files.discard(received)

    def _new(self, request: Request, sender: _Sender, sending: Sending, received: Received) -> NewFile:
        file = File(
            id=file_id(request.id, sender.by, sending.operation),
            name=safe_name(sending.name),
            media_type=media_type(sending.media_type),
            size=received.size,
            digest=received.digest,
            chunks=received.pieces,
            field=sender.field,
            by=sender.by,
            by_name=sender.name,
            surface=sender.surface,
            at=datetime.now(UTC),
        )
        quota = self._quota(request)
        return NewFile(request, file, received, sender.most, quota, sender.evidence, sender.button)

    def _quota(self, request: Request) -> int:
        """The bytes that the asking agent may have pending; of a key that was revoked, those of a new one."""
        key = self._configuration.key(request.key_id)
        return (key.quotas if key else Quotas()).bytes

    async def _check_quota(self, request: Request, sending: Sending) -> None:
        """Say no before a byte is kept, where it is known already; what counts is `attach_file`."""
        if sending.size is not None and sending.size > MAX_FILE_BYTES:
            raise FileTooLarge(f"A file has at most {size_text(MAX_FILE_BYTES)}. It was not kept.")
        if await self._files.used(request) + (sending.size or 1) > self._quota(request):
            raise _no_quota()

    @contextmanager
    def _room(self, sender: str) -> Iterator[None]:
        """Raises `QuotaExceeded` where too many uploads are under way."""
        if self._under_way[sender] >= AT_ONCE or self._under_way.total() >= AT_ONCE_IN_ALL:
            raise QuotaExceeded(f"Too many files are on their way at once. {_NOT_KEPT} Try again.", retry_after=5)
        self._under_way[sender] += 1
        try:
            yield
        finally:
            self._under_way[sender] -= 1
            if not self._under_way[sender]:
                del self._under_way[sender]


def _check_attachable(request: Request) -> None:
    if request.settled:
        raise Settled(f"The request is already {request.status}, so nothing is attached any more.")
    if request.votes:
        raise FileRefused("Somebody has answered already, so nothing is attached any more: all see the same.")
    if sum(file.attached for file in request.files) >= MAX_ATTACHED:
        raise TooManyFiles(f"A request has at most {MAX_ATTACHED} attachments. This one was not kept.")


async def _peeked(sending: Sending) -> AsyncIterator[bytes]:
    """Its content, once how it begins was looked at. Raises `FileRefused`."""
    head = b""
    async for part in sending.content:
        if len(head) < HEAD_BYTES:
            head += part[:HEAD_BYTES]
            if len(head) >= HEAD_BYTES:
                _check_head(sending, head)
        yield part
    if len(head) < HEAD_BYTES:
        _check_head(sending, head)


def _check_head(sending: Sending, head: bytes) -> None:
    if why := why_not_attached(safe_name(sending.name), head):
        raise FileRefused(f"{why} It was not kept.")


def _check_same(kept: File, name: str, digest: str) -> None:
    if (kept.name, kept.digest) != (name, digest):
        raise IdempotencyMismatch(
            "This Idempotency-Key was used with another file. The first one stands; this one was not kept."
        )


async def _digest(sending: Sending) -> str:
    """The digest of what is sent, which is kept nowhere. Who sends has bounded it."""
    found = hashlib.sha256()
    async for part in sending.content:
        found.update(part)
    return f"sha256:{found.hexdigest()}"


def _check_kind(field: Field, sending: Sending) -> None:
    if not accepts(field.accept, safe_name(sending.name), media_type(sending.media_type)):
        raise FileRefused(f"This takes {', '.join(field.accept)} only. {_NOT_KEPT}", field=field.name)


def _no_quota() -> QuotaExceeded:
    return QuotaExceeded(
        "The agent that asks has used up its quota of bytes, so no file can be kept for it now. It gets room when"
        " requests of its own end.",
        retry_after=60,
    )


def _filed(answer: AttachAnswer, file: File) -> Filed:
    request = answer.request
    match answer.code:
        case "ok" | "replay" if request is not None and (kept := request.file(file.id)) is not None:
            return Filed(kept, request, replayed=answer.code == "replay")
        case "settled" if request is not None:
            raise AlreadySettled(how_it_ended(request))
        case "many":
            raise TooManyFiles("As many files lie there as may. This one was not kept; answer with those that are.")
        case "bytes":
            raise _no_quota()
        case _:
            raise Unavailable("The file could not be kept. Try again.", retry_after=1)
