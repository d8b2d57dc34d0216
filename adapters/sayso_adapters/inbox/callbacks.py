"""What people send: a sign-in token, an answer, a sign-out. All of it is POST, and all of it passes the gate.

An answer carries the nonce of the form in which it was given. It names the tap, so a form that is sent twice, or again
after a lost answer, counts once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast

from aiohttp import web

from sayso_adapters.inbox.events import Live
from sayso_adapters.inbox.gate import Gate
from sayso_adapters.inbox.looks import HEADERS, redirect
from sayso_adapters.inbox.pages import NotAllOpen, Pages
from sayso_adapters.inbox.reading import SURFACE
from sayso_adapters.inbox.sessions import LIFE_SECONDS, Session
from sayso_bot.domain.request import REQUEST_ID, Outcome
from sayso_bot.errors import InvalidField, NotFound, SaysoError, VoteRefused
from sayso_bot.ports import AdapterContext, Ballot

REASON_CHARACTERS = 2000
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}\Z")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_REVISION = re.compile(r"[1-9][0-9]{0,8}\Z")


class Callbacks:
    def __init__(self, context: AdapterContext, gate: Gate, pages: Pages, live: Live) -> None:
        self._desk = context.desk
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
        form = await self._gate.form(http_request, session)
        request_id = http_request.match_info["id"]
        if not REQUEST_ID.match(request_id):
            raise NotFound("No request has this address. Nothing was changed.")
        ballot = _ballot(request_id, form, session)
        whole = form.get("view") == "whole"
        try:
            if ballot.outcome == "approve":
                await self._pages.check_open(request_id, whole=whole)
            await self._desk.vote(ballot)
        except (VoteRefused, NotAllOpen) as refused:
            return await self._pages.show(session, request_id, whole=whole, refused=refused, reason=ballot.reason or "")
        return redirect(f"/inbox/requests/{request_id}{'?view=whole' if whole else ''}#outcome")

    async def sign_in(self, http_request: web.Request) -> web.StreamResponse:
        """``POST /inbox/session``: exchange a link's token, sent by the sign-in page's script, for a session.

        The session is new whatever cookie came along, and one that came along is ended. Nobody is let in whose
        signing in could not be put on the record.
        """
        try:
            form = await self._gate.form(http_request)
            token = form.get("token", "")
            begun = await self._gate.sessions.sign_in(token) if _TOKEN.match(token) else None
            if begun is None:
                return _told(410, code="link_used_or_lapsed")
            cookie, session = begun
            await self._journal("inbox_signed_in", session.about)
            await self._end(await self._gate.session(http_request, use=False), "inbox_session_ended")
        except SaysoError as error:
            return _told(error.status, code=error.code)
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
        """End ``session`` at once, its streams too, and put that on the record as ``kind``."""
        if session is None:
            return
        await self._gate.sessions.end(session.id)
        self._live.end_session(session.id)
        self._log.info("signed_out", **session.about)
        await self._journal(kind, session.about)


def _ballot(request_id: str, form: Mapping[str, str], session: Session) -> Ballot:
    outcome, nonce, revision = (form.get(name, "") for name in ("outcome", "nonce", "revision"))
    if outcome not in ("approve", "deny") or not _NONCE.match(nonce) or not _REVISION.match(revision):
        raise InvalidField("The form was not complete. Nothing was changed. Open the request again and retry.")
    reason = form.get("reason", "").replace("\r\n", "\n").strip()
    if len(reason) > REASON_CHARACTERS:
        raise InvalidField(f"The reason is longer than {REASON_CHARACTERS:,} characters. Nothing was changed.")
    return Ballot(
        request_id=request_id,
        revision=int(revision),
        person=session.person,
        outcome=cast(Outcome, outcome),
        surface=SURFACE,
        operation=f"inbox:{nonce}",
        reason=reason or None,
    )


def _told(status: int, **content: str) -> web.Response:
    return web.json_response(content, status=status, headers=HEADERS)
