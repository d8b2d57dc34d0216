"""What people send: a sign-in token, an answer, an edit, a sign-out. All of it is POST, and all of it passes the gate.

An answer or an edit carries the nonce of the form in which it was given. It names the tap, so a form that is sent
twice, or again after a lost answer, counts once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from aiohttp import web

from sayso_adapters.inbox import asking
from sayso_adapters.inbox.events import Live
from sayso_adapters.inbox.forms import WIDE, Sent
from sayso_adapters.inbox.gate import Gate
from sayso_adapters.inbox.looks import HEADERS, headers_of, redirect
from sayso_adapters.inbox.pages import NotAllOpen, Pages
from sayso_adapters.inbox.reading import SURFACE
from sayso_adapters.inbox.sessions import LIFE_SECONDS, Session
from sayso_adapters.inbox.uploads import Uploads
from sayso_adapters.multiparts import is_multipart
from sayso_bot.domain.json import Json
from sayso_bot.domain.request import REQUEST_ID, Outcome
from sayso_bot.errors import BodyTooLarge, InvalidField, NotFound, SaysoError, VoteRefused
from sayso_bot.ports import AdapterContext, Ballot, Edit

REASON_CHARACTERS = 2000
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}\Z")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_REVISION = re.compile(r"[1-9][0-9]{0,8}\Z")
_INCOMPLETE = "The form was not complete. Nothing was changed. Open the request again and retry."


class Callbacks:
    def __init__(self, context: AdapterContext, gate: Gate, pages: Pages, live: Live, uploads: Uploads) -> None:
        self._desk = context.desk
        self._uploads = uploads
        self._journal = context.journal
        self._log = context.log
        self._gate = gate
        self._pages = pages
        self._live = live

    async def vote(self, http_request: web.Request, session: Session) -> web.StreamResponse:
        """``POST /inbox/requests/{id}/vote``: the answer of the signed-in person, once.

        What counted is read back from the request itself, never from the address. A refusal shows the request as it
        stands, with the reason why nothing changed, and keeps what was written.
        """
        request_id = _request_id(http_request)
        beside = await self._uploads.beside(request_id, session) if is_multipart(http_request) else None
        if beside:
            sent = await self._gate.parts(http_request, session, WIDE, beside.keep)
        else:
            sent = await self._gate.form(http_request, session, bounds=WIDE)
        ballot = _ballot(request_id, sent, session)
        whole = _whole(sent)
        try:
            if beside and ballot.outcome == "approve":
                beside.check()
            if ballot.outcome == "approve":
                await self._pages.check_open(request_id, whole=whole)
                asked = (await self._desk.look(request_id)).form
                ballot = replace(ballot, response=asking.response(asked.fields if asked else (), sent))
            await self._desk.vote(ballot)
        except (VoteRefused, NotAllOpen) as refused:
            return await self._pages.show(session, request_id, whole=whole, refused=refused, answered=sent)
        return redirect(f"/inbox/requests/{request_id}{'?view=whole' if whole else ''}#outcome")

    async def edit(self, http_request: web.Request, session: Session) -> web.StreamResponse:
        """``POST /inbox/requests/{id}/edit``: other values for the params that the rule lets approvers edit.

        It makes a new revision, for which nobody has answered yet. A refusal keeps what was written.
        """
        sent = await self._gate.form(http_request, session, bounds=WIDE)
        request_id = _request_id(http_request)
        nonce, revision = _named(sent)
        request = await self._desk.look(request_id)
        editable = request.requirement.editable if request.requirement else ()
        whole = _whole(sent)
        try:
            params: Mapping[str, Json] = asking.changed(request.params, editable, sent)
            edit = Edit(request_id, revision, session.person, params, SURFACE, f"inbox:{nonce}")
            await self._desk.edit(edit)
        except (VoteRefused, InvalidField, BodyTooLarge) as refused:
            return await self._pages.show(session, request_id, whole=whole, refused=refused, edited=sent)
        return redirect(f"/inbox/requests/{request_id}{'?view=whole' if whole else ''}#edited")

    async def sign_in(self, http_request: web.Request) -> web.StreamResponse:
        """``POST /inbox/session``: exchange a link's token, sent by the sign-in page's script, for a session.

        The session is new whatever cookie came along, and one that came along is ended. Nobody is let in whose
        signing in could not be put on the record.
        """
        try:
            sent = await self._gate.form(http_request)
            token = sent.get("token")
            begun = await self._gate.sessions.sign_in(token) if _TOKEN.match(token) else None
            if begun is None:
                return _told(410, code="link_used_or_lapsed")
            cookie, session = begun
            await self._journal("inbox_signed_in", session.about)
            await self._end(await self._gate.session(http_request, use=False), "inbox_session_ended")
        except SaysoError as error:
            return web.json_response({"code": error.code}, status=error.status, headers=headers_of(error))
        self._log.info("signed_in", **session.about)
        response = _told(200, next=self._gate.destination(http_request))
        self._gate.forget_destination(response)
        self._gate.admit(response, cookie, LIFE_SECONDS)
        return response

    async def sign_out(self, http_request: web.Request, session: Session) -> web.StreamResponse:
        await self._gate.form(http_request, session)
        await self._end(session, "inbox_signed_out")
        response = redirect("/inbox")
        self._gate.dismiss(response)
        return response

    async def _end(self, session: Session | None, kind: str) -> None:
        """Put on the record, as ``kind``, that ``session`` ends; then end it at once, its streams too."""
        if session is None:
            return
        await self._journal(kind, session.about)
        await self._gate.sessions.end(session.id)
        self._live.end_session(session.id)
        self._log.info("signed_out", **session.about)


def _request_id(http_request: web.Request) -> str:
    request_id = http_request.match_info["id"]
    if not REQUEST_ID.match(request_id):
        raise NotFound("No request has this address. Nothing was changed.")
    return request_id


def _named(sent: Sent) -> tuple[str, int]:
    """The nonce of the form, and the revision that its page showed. Raises `InvalidField`."""
    nonce, revision = sent.get("nonce"), sent.get("revision")
    if not _NONCE.match(nonce) or not _REVISION.match(revision):
        raise InvalidField(_INCOMPLETE)
    return nonce, int(revision)


def _whole(sent: Sent) -> bool:
    return sent.get("view") == "whole"


def _ballot(request_id: str, sent: Sent, session: Session) -> Ballot:
    outcome = sent.get("outcome")
    if outcome not in ("approve", "deny"):
        raise InvalidField(_INCOMPLETE)
    nonce, revision = _named(sent)
    reason = sent.get("reason").replace("\r\n", "\n").strip()
    if len(reason) > REASON_CHARACTERS:
        raise InvalidField(f"The reason is longer than {REASON_CHARACTERS:,} characters. Nothing was changed.")
    return Ballot(
        request_id=request_id,
        revision=revision,
        person=session.person,
        outcome=cast(Outcome, outcome),
        surface=SURFACE,
        operation=f"inbox:{nonce}",
        reason=reason or None,
        typed=sent.get("typed") or None,
    )


def _told(status: int, **content: str) -> web.Response:
    return web.json_response(content, status=status, headers=HEADERS)
