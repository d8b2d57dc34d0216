"""The pages of the inbox: GET only, and none of them changes anything.

Who is not signed in is told how to get a link, and comes back to the request that they wanted. Fragments are the same
templates without their frame; the page's script asks for them when a hint arrives, which does not keep a session alive.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from aiohttp import web

from sayso_adapters.inbox import asking
from sayso_adapters.inbox.admin import caller_of
from sayso_adapters.inbox.asking import NotEdited
from sayso_adapters.inbox.forms import Sent
from sayso_adapters.inbox.gate import Gate
from sayso_adapters.inbox.looks import HEADERS, Looks, headers_of, redirect
from sayso_adapters.inbox.reading import Reader
from sayso_adapters.inbox.sessions import Session
from sayso_bot.domain.request import Status
from sayso_bot.errors import InvalidField, ResponseInvalid, SaysoError, StaleRevision
from sayso_bot.ports import Handler, OfficeFace

SignedIn: TypeAlias = Callable[[web.Request, Session], Awaitable[web.StreamResponse]]

_CURSOR = re.compile(r"[0-9]{1,15}\Z")
SETTLED = tuple(status for status in Status if status is not Status.PENDING)


class NotAllOpen(InvalidField):
    """An approval from a page on which values were folded. It counts for nothing."""


class Doorkeeper:
    """Lets signed-in people through to a handler, and turns declared errors into pages."""

    def __init__(self, gate: Gate, looks: Looks, office: OfficeFace) -> None:
        self._gate = gate
        self._looks = looks
        self._office = office

    def page(self, handler: SignedIn) -> Handler:
        """What a person opens or sends: it counts as use of the session."""

        async def answer(http_request: web.Request) -> web.StreamResponse:
            session: Session | None = None
            try:
                session = await self._gate.session(http_request, use=True)
                if session is None:
                    return self._signed_out(http_request)
                session = replace(session, admin=await self._office.is_admin(caller_of(session)))
                return await handler(http_request, session)
            except SaysoError as error:
                return self._looks.error(error, session)

        return answer

    def background(self, handler: SignedIn) -> Handler:
        """What a page asks for by itself. Without a session: 401 and nothing else."""

        async def answer(http_request: web.Request) -> web.StreamResponse:
            try:
                session = await self._gate.session(http_request, use=False)
                if session is None:
                    return web.Response(status=401, headers=HEADERS)
                return await handler(http_request, session)
            except SaysoError as error:
                return web.Response(status=error.status, headers=headers_of(error))

        return answer

    async def list(self, http_request: web.Request) -> web.StreamResponse:
        """What leads to the list: the service's bare address, for one."""
        return redirect("/inbox")

    async def nowhere(self, http_request: web.Request) -> web.StreamResponse:
        """An address below ``/inbox/`` at which there is nothing, for whoever opens it."""
        try:
            session = await self._gate.session(http_request, use=False)
        except SaysoError as error:
            return self._looks.error(error, None)
        detail = "Nothing in the inbox has this address. Check the link, or open the list."
        return self._looks.page("error.html", session, status=404, title="There is no such page", detail=detail)

    def _signed_out(self, http_request: web.Request) -> web.Response:
        sent, wanted = http_request.method == "POST", self._gate.wanted(http_request)
        response = self._looks.page("signed_out.html", None, status=401, sent=sent, wanted=wanted)
        if wanted:
            self._gate.remember_destination(wanted, response)
        return response


class Pages:
    def __init__(self, reader: Reader, looks: Looks) -> None:
        self._reader = reader
        self._looks = looks

    async def waiting(self, http_request: web.Request, session: Session) -> web.Response:
        cursor = _cursor(http_request)
        waiting = await self._reader.waiting(session.person, cursor)
        return self._looks.page("waiting.html", session, waiting=waiting, older=cursor is not None)

    async def history(self, http_request: web.Request, session: Session) -> web.Response:
        chosen = http_request.query.get("status", "")
        status = Status(chosen) if chosen in SETTLED else None
        cursor = _cursor(http_request)
        history = await self._reader.history(session.person, status, cursor)
        return self._looks.page(
            "history.html", session, history=history, chosen=status, statuses=SETTLED, older=cursor is not None
        )

    async def request(self, http_request: web.Request, session: Session) -> web.Response:
        return await self.show(session, http_request.match_info["id"], whole=_whole(http_request))

    async def help(self, http_request: web.Request, session: Session) -> web.Response:
        return self._looks.page("help.html", session)

    async def sign_in(self, http_request: web.Request) -> web.Response:
        """The page whose script exchanges the token in the address's fragment, which no server or log ever sees."""
        return self._looks.page("sign_in.html", None)

    async def show(
        self,
        session: Session,
        request_id: str,
        *,
        whole: bool,
        refused: SaysoError | None = None,
        answered: Sent | None = None,
        edited: Sent | None = None,
    ) -> web.Response:
        """One request in full. After a refusal: why what was ``answered`` or ``edited`` did not count, and it is kept.

        What was typed to confirm, or into an edit, is not kept for a revision that the person has not seen.
        """
        detail = await self._reader.detail(session.person, request_id, whole=whole)
        stale = isinstance(refused, StaleRevision)
        errors = _errors(refused)
        following = None
        if detail.own or detail.state == "ended":
            following = await self._reader.next_for(session.person, request_id)
        return self._looks.page(
            "request.html",
            session,
            status=refused.status if refused else 200,
            detail=detail,
            nonce=secrets.token_urlsafe(16),
            refused=refused if edited is None else None,
            not_edited=refused if edited is not None else None,
            errors=errors,
            reason=answered.get("reason") if answered else "",
            typed=answered.get("typed") if answered and not stale else "",
            questions=asking.questions(detail.card.form, answered, errors, detail.put),
            editors=asking.editors(detail.values, detail.card.editable, None if stale else edited, errors),
            following=following,
        )

    async def check_open(self, request_id: str, *, whole: bool) -> None:
        """Raise `NotAllOpen` where the page that was answered, ``whole`` or not, did not show all of the request."""
        if not await self._reader.lies_open(request_id, whole=whole):
            raise NotAllOpen(
                "Some of its values were folded on the page that you approved. Nothing was changed. "
                "Open all of it, read it and answer there."
            )

    async def row(self, http_request: web.Request, session: Session) -> web.Response:
        """One row of the list, for a page that shows it and was told that it changed."""
        row = await self._reader.row(session.person, http_request.match_info["id"])
        return self._looks.page("row.html", session, row=row)


def _errors(refused: SaysoError | None) -> Mapping[str, str]:
    """A sentence for each input that is wrong, by the name that the form or the params give it."""
    return refused.fields if isinstance(refused, ResponseInvalid | NotEdited) else {}


def _cursor(http_request: web.Request) -> str | None:
    """Where an earlier page ended. Raises `InvalidField` for what no page ever said."""
    cursor = http_request.query.get("cursor") or None
    if cursor and not _CURSOR.match(cursor):
        raise InvalidField("This address is not one that a list led to. Open the list.")
    return cursor


def _whole(http_request: web.Request) -> bool:
    return http_request.query.get("view") == "whole"
