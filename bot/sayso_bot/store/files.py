"""Files in Redis, so that every replica has them: in pieces, sent under names that lapse, then made part of a request.

The pieces travel beside the lanes that carry everything else. Whoever dies on the way leaves keys that lapse within
`UPLOAD_SECONDS`; what becomes part of a request does so in one function, `attach_file`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sayso_bot.domain.files import CHUNK_BYTES, MAX_FILE_BYTES, MAX_OF_REQUEST, File, described, size_text
from sayso_bot.domain.json import dumps
from sayso_bot.domain.request import Request
from sayso_bot.errors import FileRefused, FileTooLarge, Unavailable
from sayso_bot.ports import AttachAnswer, Epochs, NewFile, Received
from sayso_bot.store.codec import WITH_FILES, fields_of, file_json, request_of
from sayso_bot.store.part import Part

UPLOAD_SECONDS = 600


class RedisFiles(Part):
    """`sayso_bot.ports.FileStore` for one book."""

    async def receive(self, content: AsyncIterator[bytes]) -> Received:
        coming = _Coming(secrets.token_hex(16))
        try:
            async for part in content:
                for piece in coming.take(part):
                    await self._keep(coming, piece)
            for piece in coming.rest():
                await self._keep(coming, piece)
        except BaseException:
            coming.pieces += 1  # the one that was being kept
            await self.discard(coming.received)
            raise
        return coming.received

    async def _keep(self, coming: _Coming, piece: bytes) -> None:
        name = self.keys.upload(coming.upload, coming.pieces)
        await self._calls.aside("SET", name, piece, "EX", UPLOAD_SECONDS)
        coming.pieces += 1

    async def discard(self, received: Received) -> None:
        with suppress(Unavailable):  # then it lapses by itself
            await self._calls.aside("UNLINK", *self._sent(received))

    async def attach_file(self, new: NewFile, epochs: Epochs) -> AttachAnswer:
        request, file, received = new.request, new.file, new.received
        keys = [
            *self.keys.of_request(request.id, request.agent, request.place),
            self.keys["counters"],
            self.keys.button(new.button),
            *self._sent(received),
            *(self.keys.file(file.id, piece) for piece in range(received.pieces)),
        ]
        code, _, *rest = await self._call(
            "attach_file", keys, epochs.keys, epochs.policy, file.id, file_json(file), file.size, WITH_FILES, new.most,
            MAX_OF_REQUEST, new.quota, new.button, dumps(_about(new)),
        )  # fmt: skip
        return AttachAnswer(code, request_of(fields_of(rest[0])) if rest else None)

    async def content(self, file: File) -> AsyncIterator[bytes]:
        """Its pieces. The first is there before anything is answered."""
        first = await self._piece(file, 0)
        return self._pieces(file, first)

    async def _pieces(self, file: File, first: bytes) -> AsyncIterator[bytes]:
        yield first
        for piece in range(1, file.chunks):
            yield await self._piece(file, piece)

    async def _piece(self, file: File, piece: int) -> bytes:
        found = await self._calls.aside("GET", self.keys.file(file.id, piece))
        if found is None:
            raise Unavailable("The file cannot be read right now.", retry_after=1)
        return bytes(found)

    async def used(self, request: Request) -> int:
        return int(await self._plain("HGET", self.keys.usage(request.agent), "bytes") or 0)

    def _sent(self, received: Received) -> Sequence[str]:
        return [self.keys.upload(received.upload, piece) for piece in range(received.pieces)]


class _Coming:
    """What has come of a file by now. Whole pieces are handed on; less than one is held."""

    def __init__(self, upload: str) -> None:
        self.upload = upload
        self.pieces = 0
        self._size = 0
        self._digest = hashlib.sha256()
        self._held = bytearray()

    def take(self, part: bytes) -> Iterator[bytes]:
        """The pieces that ``part`` completes. Raises `FileTooLarge`."""
        self._size += len(part)
        if self._size > MAX_FILE_BYTES:
            raise FileTooLarge(f"A file has at most {size_text(MAX_FILE_BYTES)}. It was not kept.")
        self._digest.update(part)
        self._held += part
        while len(self._held) >= CHUNK_BYTES:
            piece = bytes(self._held[:CHUNK_BYTES])
            del self._held[:CHUNK_BYTES]
            yield piece

    def rest(self) -> Iterator[bytes]:
        """What is left at the end. Raises `FileRefused` where nothing has come at all."""
        if not self._size:
            raise FileRefused("The file is empty. It was not kept.")
        if self._held:
            yield bytes(self._held)

    @property
    def received(self) -> Received:
        return Received(self.upload, self._size, f"sha256:{self._digest.hexdigest()}", self.pieces)


def _about(new: NewFile) -> Mapping[str, Any]:
    """What the journal is told: all that is known of the file, and what admitted its sender."""
    file = new.file
    by = {"by": file.by, "name": file.by_name, "surface": file.surface, "evidence": new.evidence}
    return {"file": described(file), "field": file.field, **by}
