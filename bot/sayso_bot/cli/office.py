"""The way of an operator's command to the office: the deed is carried out as the operator's, and printed."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import EntryPoint
from typing import Annotated, Any, TypeVar

import typer

from sayso_bot.cli.desk import opened_office
from sayso_bot.cli.operator import Book, shell, with_book
from sayso_bot.cli.printing import print_json, say
from sayso_bot.domain.admin import Caller
from sayso_bot.domain.deeds import Call, Deed, Done, Effect
from sayso_bot.domain.policy import MAX_DURATION_SECONDS, parse_duration
from sayso_bot.domain.text import one_line
from sayso_bot.errors import Unconfirmed
from sayso_bot.office import Office
from sayso_bot.opening import configured_adapters
from sayso_bot.ports import Overview
from sayso_bot.settings import environment

SURFACE = "cli"
T = TypeVar("T")

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; on the record, and announced.")]
Yes = Annotated[bool, typer.Option("--yes", help="Yes to what is asked again.")]


def carried_out(deed: Deed, *, yes: bool, posts: bool = False) -> Done:
    """Carry ``deed`` out; ``posts`` where it must post. What it would do is said first, where somebody is asked.

    Raises `SaysoError`; ends with 1 where it is not confirmed.
    """

    async def work(office: Office) -> Done:
        caller = Caller(SURFACE, place=shell())
        effect = await office.preview(deed, caller)
        if effect.questions and not yes:
            _confirm(effect)
        call = Call(f"{SURFACE}:{secrets.token_hex(16)}", effect.version, confirmed=yes, answered=effect.asks)
        return await office.do(deed, caller, call)

    return _with_office(work, posts=posts)


def _confirm(effect: Effect) -> None:
    """Ask at a terminal. Raises `Unconfirmed` where nobody can be asked, and `typer.Abort`."""
    say("What it would do:")
    for line in effect.lines:
        say(f"  {one_line(line)}")
    if not sys.stdin.isatty():
        raise Unconfirmed(effect.questions, "add --yes if you mean it")
    for question in effect.questions:
        say(one_line(question))
    typer.confirm("Do it?", abort=True, err=True)


def overview() -> Overview:
    return _with_office(lambda office: office.overview(Caller(SURFACE, place=shell())), posts=False)


def duration(text: str) -> int:
    """Raises `typer.BadParameter`."""
    try:
        return parse_duration(text)
    except ValueError:
        most = MAX_DURATION_SECONDS // 86400
        raise typer.BadParameter(f"write it as 90s, 15m, 2h or 3d; at most {most}d") from None


def _with_office(work: Callable[[Office], Awaitable[T]], *, posts: bool) -> T:
    async def on_book(book: Book) -> T:
        configuration = await book.configuration()
        async with opened_office(book, configuration, _platforms() if posts else {}) as (_, office):
            return await work(office)

    return with_book(on_book)


def _platforms() -> dict[str, EntryPoint]:
    """The adapters that this shell has the variables of, without the inbox, which posts nothing."""
    return {name: point for name, point in configured_adapters(environment()).items() if name != "inbox"}


def told(value: Any, done: Done, as_json: bool) -> None:
    """Print what came of a deed: ``value`` as JSON, or the sentence."""
    if as_json:
        print_json(value)
    else:
        typer.echo(one_line(done.said))
