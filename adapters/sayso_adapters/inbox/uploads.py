"""Files that people send with a form, and files of a request that they save. Nothing of a file is ever shown as a page.

A page's script sends each file by itself and shows how far it is; without a script the files come with the answer. Both
are kept under the person who is signed in, and count only where a vote of theirs names them.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from aiohttp import web

from sayso_adapters.inbox.asking import FORM
from sayso_adapters.inbox.forms import Bounds, Sent
from sayso_adapters.inbox.gate import Gate
from sayso_adapters.inbox.looks import HEADERS, headers_of
from sayso_adapters.inbox.reading import SURFACE
from sayso_adapters.inbox.sessions import Session
from sayso_adapters.multiparts import Part
from sayso_bot.domain.files import described, download_headers, size_text
from sayso_bot.domain.form import Field
from sayso_bot.domain.request import REQUEST_ID, Request
from sayso_bot.errors import FileRefused, InvalidField, NotFound, ResponseInvalid, SaysoError, VoteRefused
from sayso_bot.ports import DeskFace, Filed, Put, Sending

ONE_FILE = Bounds(bytes=4096, fields=8)
_UPLOAD = re.compile(r"[A-Za-z0-9_-]{16,64}\Z")


class Uploads:
    def __init__(self, desk: DeskFace, gate: Gate) -> None:
        self._desk = desk
        self._gate = gate

    async def save(self, http_request: web.Request, session: Session) -> web.StreamResponse:
        """``GET /inbox/requests/{id}/files/{file_id}``: a file, to be saved by who is signed in."""
        file_id = http_request.match_info["file_id"]
        file = (await self._request(http_request)).file(file_id)
        if file is None:
            raise NotFound("This request has no file at this address.")
        return web.Response(body=await self._desk.open_file(file), headers=download_headers(file))

    async def take(self, http_request: web.Request, session: Session) -> web.StreamResponse:
        """``POST /inbox/requests/{id}/files``: one file, sent by a page's script. What became of it, as JSON.

        The script names the upload, so that one whose answer was lost is sent again and kept once.
        """
        taken: list[Filed] = []

        async def keep(name: str, part: Part, sent: Sent) -> str | None:
            upload = sent.get("upload")
            if taken or not _UPLOAD.match(upload):
                raise InvalidField("The upload was not complete. Nothing was kept.")
            request = await self._request(http_request)
            field = _field(request.form.fields if request.form else (), name)
            taken.append(await self.put(request, session, field, part, f"inbox:{upload}"))
            return taken[0].file.id

        try:
            await self._gate.parts(http_request, session, ONE_FILE, keep)
            if not taken:
                raise FileRefused("No file was sent.")
        except SaysoError as error:
            told = {"code": error.code, "detail": error.detail}
            return web.json_response(told, status=error.status, headers=headers_of(error))
        file = taken[0].file
        found = {**described(file), "told": size_text(file.size)}
        return web.json_response(found, status=201, headers=HEADERS)

    async def _request(self, http_request: web.Request) -> Request:
        request_id = http_request.match_info["id"]
        if not REQUEST_ID.match(request_id):
            raise NotFound("No request has this address.")
        return await self._desk.look(request_id)

    async def put(self, request: Request, session: Session, field: Field, part: Part, operation: str) -> Filed:
        """Raises as `DeskFace.put_file` says."""
        sending = Sending(part.filename or "", part.media_type, part.content, operation)
        return await self._desk.put_file(Put(request.id, session.person, field.name, sending, SURFACE))

    async def beside(self, request_id: str, session: Session) -> Beside | None:
        """What takes the files that come with an answer; None where the request asks for none."""
        request = await self._desk.look(request_id)
        asks = request.form and any(field.kind == "files" for field in request.form.fields)
        return Beside(self, request, session) if asks else None


class Beside:
    """The files that come with an answer. What is wrong with one is said when all has come, so that nothing that was
    written beside it is lost."""

    def __init__(self, uploads: Uploads, request: Request, session: Session) -> None:
        self._uploads = uploads
        self._request = request
        self._session = session
        self._wrong: dict[str, str] = {}
        self._refused: VoteRefused | None = None

    async def keep(self, name: str, part: Part, _: Sent) -> str | None:
        field = _field(self._request.form.fields if self._request.form else (), name)
        try:
            operation = f"inbox:{secrets.token_urlsafe(16)}"
            filed = await self._uploads.put(self._request, self._session, field, part, operation)
        except VoteRefused as refused:
            self._refused = self._refused or refused
        except SaysoError as wrong:
            self._wrong[field.name] = wrong.detail
        else:
            return filed.file.id
        return None

    def check(self) -> None:
        """Raises `VoteRefused` where a file was not taken."""
        if self._refused:
            raise self._refused
        if self._wrong:
            raise ResponseInvalid("A file was not taken, so your answer was not counted.", fields=self._wrong)


def _field(form: Sequence[Field], name: str) -> Field:
    """The field of an input. Raises `InvalidField` for a name that no page of ours has."""
    number = name.removeprefix(FORM)
    if name.startswith(FORM) and number.isascii() and number.isdigit() and int(number[:4]) < len(form):
        return form[int(number[:4])]
    raise InvalidField("The form was not complete. Nothing was changed.")
