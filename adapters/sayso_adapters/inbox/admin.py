"""The admin's page: what is asked where, what is paused, which channels are ill, what agents ask; and changes to it.

A change takes two steps. The first shows what it would do and asks for a reason; the second does it, under the version
that the first has shown. Both are POST and pass the gate. Who administers is proved anew at each, so somebody who was
removed while the page was open sees and changes nothing any more.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from aiohttp import web

from sayso_adapters.inbox.admin_forms import LASTING, OTHER, OVERLAPS, carried, deed_of, has_reason
from sayso_adapters.inbox.forms import Sent
from sayso_adapters.inbox.gate import Gate
from sayso_adapters.inbox.lately import lately
from sayso_adapters.inbox.looks import Looks
from sayso_adapters.inbox.reading import SURFACE
from sayso_adapters.inbox.sessions import Session
from sayso_bot.domain.admin import Caller
from sayso_bot.domain.deeds import MAX_WHY, Call, Effect, KeyMade
from sayso_bot.domain.globs import ACTION_PATTERN
from sayso_bot.domain.request import REQUEST_ID
from sayso_bot.errors import AdminRefused, InvalidField, NotFound, SaysoError, Settled
from sayso_bot.ports import AdapterContext, Overview

_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}\Z")
_VERSION = re.compile(r"[0-9]{1,15}\Z")
_SAID_IN_PLACE = (AdminRefused, InvalidField, NotFound, Settled)
"""Refusals after which it is sure that nothing was changed, so that a form with another number may be offered."""


def caller_of(session: Session) -> Caller:
    return Caller(SURFACE, session.person, place=SURFACE)


class Admin:
    def __init__(self, context: AdapterContext, gate: Gate, looks: Looks) -> None:
        self._desk = context.desk
        self._office = context.office
        self._gate = gate
        self._looks = looks

    async def page(self, http_request: web.Request, session: Session) -> web.Response:
        """``GET /inbox/admin``. What the address names is put into the forms, and nothing is done by it."""
        stands = await self._office.overview(caller_of(session))
        query = http_request.query
        action, move = query.get("action", ""), query.get("move", "")
        return self._looks.page(
            "admin.html",
            session,
            stands=stands,
            seen=_seen(stands),
            agents=await lately(self._desk),
            channels=_channels(stands),
            lasting=LASTING,
            overlaps=OVERLAPS,
            other=OTHER,
            wanted_action=action if ACTION_PATTERN.match(action) else "",
            wanted_move=move if REQUEST_ID.match(move) or ACTION_PATTERN.match(move) else "",
        )

    async def preview(self, http_request: web.Request, session: Session) -> web.Response:
        """``POST /inbox/admin/preview``: what it would do, and a reason."""
        sent = await self._gate.form(http_request, session)
        return await self._shown(session, sent)

    async def do(self, http_request: web.Request, session: Session) -> web.Response:
        """``POST /inbox/admin/do``: once for each form, however often it is sent."""
        sent = await self._gate.form(http_request, session)
        nonce, version = sent.get("nonce"), sent.get("version")
        if not _NONCE.match(nonce) or not _VERSION.match(version):
            raise InvalidField("The form was not complete. Nothing was changed. Open the page again and retry.")
        answered = sent.get("asked") if sent.get("confirmed") == "yes" else ""
        call = Call(f"inbox:{nonce}", int(version), answered=answered)
        try:
            done = await self._office.do(deed_of(sent), caller_of(session), call)
        except _SAID_IN_PLACE as refused:
            return await self._shown(session, sent, refused)
        made = done.thing if isinstance(done.thing, KeyMade) else None
        return self._looks.page("admin_done.html", session, done=done, made=made)

    async def _shown(self, session: Session, sent: Sent, refused: SaysoError | None = None) -> web.Response:
        """The first step, or the second one that was refused: how it would be now, and what was written is kept."""
        deed, effect, status = None, None, 200
        try:
            deed = deed_of(sent)
            effect = await self._office.preview(deed, caller_of(session))
        except _SAID_IN_PLACE as error:
            refused = refused or error
        if refused is not None:
            status = refused.status
        return self._looks.page(
            "admin_preview.html",
            session,
            status=status,
            effect=effect or Effect("Nothing was changed", (), (), 0),
            possible=effect is not None,
            asks_why=deed is not None and has_reason(deed),
            fields=carried(sent),
            why=sent.get("why"),
            longest=MAX_WHY,
            nonce=secrets.token_urlsafe(16),
            refused=refused,
        )


def _seen(stands: Overview) -> str:
    """The same for as long as nothing is changed that the page shows, but for what agents and keys do meanwhile."""
    routes, pauses = [now.route.id for now in stands.routes], [pause.id for pause in stands.pauses]
    keys = [(now.key.id, now.key.lapses_at, now.key.revoked_at) for now in stands.keys]
    shown = (stands.version, stands.policy, routes, pauses, keys, [(ill.place, ill.what) for ill in stands.ill])
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def _channels(stands: Overview) -> list[str]:
    return [channel.name for channel in stands.channels if not channel.shadowed]
