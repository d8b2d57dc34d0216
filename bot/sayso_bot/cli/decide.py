"""``sayso decide``: the local operator's answer, through the same vote as everybody's.

The operator counts only where the rule names ``operator``, or no policy is set. Before an approval counts, earlier
ones are checked again; where this shell cannot ask the platform that gave them, nothing is voted, because an approval
that cannot be checked would be void.
"""

from __future__ import annotations

import mimetypes
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Annotated

import typer

from sayso_bot.cli.desk import opened_desk
from sayso_bot.cli.operator import Book, with_book
from sayso_bot.cli.printing import AsJson, print_json, say
from sayso_bot.cli.request_text import standing
from sayso_bot.desk import Desk
from sayso_bot.domain.files import CHUNK_BYTES
from sayso_bot.domain.json import Json, loads
from sayso_bot.domain.lifecycle import approvals
from sayso_bot.domain.person import OPERATOR, Person
from sayso_bot.domain.request import REQUEST_ID, Outcome, Request, Vote
from sayso_bot.domain.text import one_line
from sayso_bot.errors import CannotCheck, NotFound, ResponseInvalid, SaysoError
from sayso_bot.http.schemas import request_out
from sayso_bot.opening import configured_adapters, installed
from sayso_bot.ports import Ballot, Put, Sending
from sayso_bot.settings import environment

SURFACE = "cli"
_DONE = {"approve": "Approved", "deny": "Denied"}


def _text(text: str) -> str:
    """Words that are no UTF-8 arrive as halves of surrogate pairs, which nobody could read back."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise typer.BadParameter("that is not text in UTF-8") from None
    return text


def _object(text: str) -> dict[str, Json]:
    """Raises `typer.BadParameter`."""
    try:
        found = loads(_text(text).encode())
    except SaysoError:
        found = None
    if not isinstance(found, dict):
        raise typer.BadParameter('that is not a JSON object, such as {"level": "senior"}', param_hint="--response")
    return found


@dataclass(frozen=True, slots=True)
class Given:
    """What goes with the answer. ``files`` are paths by the form's field."""

    reason: str | None
    typed: str | None
    response: dict[str, Json] | None
    files: Mapping[str, Sequence[Path]]


def command(
    request_id: Annotated[str, typer.Argument(metavar="ID", help="The id that `sayso requests list` shows.")],
    answer: Annotated[Outcome, typer.Argument(metavar="approve|deny", help="The answer.")],
    reason: Annotated[
        str | None, typer.Option(parser=_text, metavar="TEXT", help="Why; the agent and the record are told.")
    ] = None,
    confirm: Annotated[
        str | None,
        typer.Option(parser=_text, metavar="ACTION", help="The action's name, where the rule wants it typed."),
    ] = None,
    response: Annotated[
        str | None, typer.Option(metavar="JSON", help="What you fill into the request's form, by field.")
    ] = None,
    file: Annotated[
        list[str] | None, typer.Option(metavar="FIELD=@PATH", help="A file for a field of the form; repeat it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Answer one request as the local operator. Look at it first: sayso requests show ID."""

    given = Given(reason, confirm, None if response is None else _object(response), _paths(file or ()))

    async def work(book: Book) -> tuple[Request, str]:
        request = await _vote(book, request_id, answer, given)
        return request, book.review_url(request.id)

    request, url = with_book(work)
    if as_json:
        print_json(request_out(request, url))
        return
    what = f"{_DONE[answer]}: {one_line(request.action)} ({request.id})."
    typer.echo(what if request.settled else f"{what} It is still pending: {standing(request)}.")
    if not request.settled and _adds_nothing(request):
        say(
            "Your approval is on record, but adds nothing to those given elsewhere: the operator may be one of those"
            " people. To count beside them, join the operator to a person under people: in the policy."
        )


async def _vote(book: Book, request_id: str, answer: Outcome, given: Given) -> Request:
    request = await book.store.read(request_id) if REQUEST_ID.match(request_id) else None
    if request is None:
        raise NotFound("There is no request with this id. Nothing was changed.")
    ballot = Ballot(
        request_id=request.id,
        revision=request.revision,
        person=Person.known_as("Operator", [OPERATOR]),
        outcome=answer,
        surface=SURFACE,
        operation=f"{SURFACE}:{secrets.token_hex(16)}",
        reason=given.reason,
        typed=given.typed,
        response=given.response,
    )
    platforms = _platforms(request, answer)
    async with opened_desk(book, await book.configuration(), platforms) as desk:
        try:
            if given.files and answer == "approve":
                ballot = replace(ballot, response=await _with_files(desk, ballot, given.files))
            return (await desk.vote(ballot)).request
        except ResponseInvalid as refusal:
            wrong = "; ".join(f"{one_line(name)}: {why}" for name, why in refusal.fields.items())
            raise ResponseInvalid(f"{refusal.why} {wrong}", fields=refusal.fields) from None


async def _with_files(desk: Desk, ballot: Ballot, files: Mapping[str, Sequence[Path]]) -> Mapping[str, Json]:
    """What is filled in, with the files put into their fields."""
    found: dict[str, Json] = dict(ballot.response or {})
    for field, paths in files.items():
        put: list[str] = []
        for path in paths:
            said = mimetypes.guess_type(path.name)[0] or ""
            sending = Sending(path.name, said, _content(path), secrets.token_hex(16), path.stat().st_size)
            put.append((await desk.put_file(Put(ballot.request_id, ballot.person, field, sending, SURFACE))).file.id)
        found[field] = put
    return found


async def _content(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as opened:
        while piece := opened.read(CHUNK_BYTES):
            yield piece


def _paths(given: Sequence[str]) -> Mapping[str, Sequence[Path]]:
    """Raises `typer.BadParameter`."""
    found: dict[str, list[Path]] = {}
    for text in given:
        field, sign, path = text.partition("=@")
        if not sign or not field or not Path(path).is_file():
            raise typer.BadParameter("write it as FIELD=@PATH, the path of a file", param_hint="--file")
        found.setdefault(_text(field), []).append(Path(path))
    return found


def _adds_nothing(request: Request) -> bool:
    """Whether there are approvals beside which the operator's does not count, because it could be the same person's."""
    return len(_given(request)) > approvals(request.votes, request.revision)


def _given(request: Request) -> list[Vote]:
    """The approvals of the request as it stands, whether they count beside one another or not."""
    return [vote for vote in request.votes if vote.outcome == "approve" and vote.revision == request.revision]


def _platforms(request: Request, answer: Outcome) -> Mapping[str, EntryPoint]:
    """The adapters that know the people of this request. Raises `CannotCheck` where earlier approvals need another."""
    named = _named(request, answer)
    if not named:
        return {}
    configured = configured_adapters(environment())
    missing = sorted(named - configured.keys())
    quorum = request.requirement.quorum if request.requirement else 1
    if missing and answer == "approve" and quorum > 1:
        raise CannotCheck(
            f"The rule wants {quorum} approvals, and those given in {missing[0]} can only be checked again with the"
            f" settings of {missing[0]}, which this shell does not have. Your vote was not counted. Set them here as"
            " for the service, or answer in the inbox."
        )
    return {name: configured[name] for name in sorted(named & configured.keys())}


def _named(request: Request, answer: Outcome) -> set[str]:
    """Platforms that the request's rule names as its place or in its approvers, and, where an approval has earlier ones
    checked again, those of the accounts that gave them."""
    if request.requirement is None or request.settled:
        return set()
    addresses = [request.place or request.requirement.place, *(request.requirement.approvers or ())]
    if answer == "approve":
        addresses += [
            alias for vote in _given(request) for alias in vote.aliases if alias.startswith(f"{vote.surface}:")
        ]
    known = {point.name for point in installed("sayso.adapters")}
    return {platform for platform, colon, _ in (text.partition(":") for text in addresses) if colon} & known
