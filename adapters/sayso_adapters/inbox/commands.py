"""`sayso inbox`: make sign-in links, list sessions and end them.

A link signs in whoever holds it. So it is shown on a terminal or written to a file that only its owner can read, and
goes nowhere else: not into a pipe, a log or the journal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from sayso_adapters.inbox.sessions import Session, Sessions, make_link
from sayso_adapters.private_links import check_destination, new_private_file
from sayso_bot.domain.person import normal
from sayso_bot.domain.request import rfc3339
from sayso_bot.ports import OperatorDoor, OperatorTools

commands = typer.Typer(help="Sign-in links and sessions of the web inbox.", no_args_is_help=True)
sessions = typer.Typer(help="Who is signed in to the inbox.")
commands.add_typer(sessions, name="sessions")

_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,190}\Z")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@commands.command()
def link(
    ctx: typer.Context,
    person: Annotated[str, typer.Option(help="E-mail address of the person who will sign in.", metavar="EMAIL")],
    name: Annotated[str | None, typer.Option(help="The name that others see beside their answers.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the link to this new file (mode 0600).")] = None,
) -> None:
    """Make a link that signs one person in. It works once, within ten minutes. Give it to that person alone."""
    if not _EMAIL.match(person):
        raise typer.BadParameter("give an e-mail address, such as ana@example.com", param_hint="--person")
    check_destination(out)
    alias = normal(f"email:{person}")

    async def work(tools: OperatorTools) -> str:
        made = await make_link(tools.shelf("inbox"), tools.public_url, person_alias=alias, name=name or person)
        await tools.journal("inbox_link_made", {"person": alias})
        return made

    if out is None:
        typer.echo(f"{_run(ctx, work)}\n\nFor {person} alone. It works once, within ten minutes.")
        return
    with new_private_file(out) as file:
        file.write(f"{_run(ctx, work)}\n")
    typer.echo(f"The link for {person} is in {out}. It works once, within ten minutes.", err=True)


@sessions.callback(invoke_without_command=True)
def list_by_default(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Who is signed in to the inbox. Without a command: list."""
    if ctx.invoked_subcommand is None:
        _list(ctx, as_json)


@sessions.command("list")
def list_sessions(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List the sessions, the latest used first."""
    _list(ctx, as_json)


@sessions.command()
def end(
    ctx: typer.Context,
    session_id: Annotated[str, typer.Argument(metavar="ID", help="The id that `list` shows.")],
    as_json: AsJson = False,
) -> None:
    """End one session at once."""

    async def work(tools: OperatorTools) -> list[Session]:
        known = Sessions(tools.shelf("inbox"))
        found = [session for session in await known.all() if session.id.startswith(session_id)]
        if len(found) == 1:
            await _end(tools, known, found[0])
        return found

    found = cast(list[Session], _run(ctx, work)) if re.fullmatch(r"[0-9a-f]{4,64}", session_id) else []
    if len(found) != 1:
        typer.echo(
            "More than one session begins so; give more of its id. Nothing was ended."
            if found
            else f"There is no session {session_id}. `sayso inbox sessions list` shows them. Nothing was ended.",
            err=True,
        )
        raise typer.Exit(1)
    _say_ended(found, as_json)


@sessions.command("end-all")
def end_all(ctx: typer.Context, as_json: AsJson = False) -> None:
    """End every session at once; everybody needs a new link."""

    async def work(tools: OperatorTools) -> list[Session]:
        known = Sessions(tools.shelf("inbox"))
        found = await known.all()
        for session in found:
            await _end(tools, known, session)
        return found

    _say_ended(cast(list[Session], _run(ctx, work)), as_json)


def _list(ctx: typer.Context, as_json: bool) -> None:
    async def work(tools: OperatorTools) -> list[Session]:
        return await Sessions(tools.shelf("inbox")).all()

    found = cast(list[Session], _run(ctx, work))
    if as_json:
        typer.echo(json.dumps([_public(session) for session in found], indent=2))
        return
    if not found:
        typer.echo("Nobody is signed in to the inbox.")
    for session in found:
        typer.echo(
            f"{session.short_id}  {session.account}  since {session.created_at:%Y-%m-%d %H:%M} UTC,"
            f" last used {session.seen_at:%Y-%m-%d %H:%M} UTC"
        )


async def _end(tools: OperatorTools, known: Sessions, session: Session) -> None:
    await tools.journal("inbox_session_ended", session.about)
    await known.end(session.id)


def _say_ended(ended: list[Session], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"ended": [session.short_id for session in ended]}))
    else:
        typer.echo(f"Ended {len(ended)} session{'' if len(ended) == 1 else 's'}.")


def _public(session: Session) -> dict[str, Any]:
    return {
        "id": session.short_id,
        "aliases": list(session.aliases),
        "name": session.name,
        "created_at": rfc3339(session.created_at),
        "last_seen_at": rfc3339(session.seen_at),
    }


def _run(ctx: typer.Context, work: Callable[[OperatorTools], Awaitable[Any]]) -> Any:
    door: OperatorDoor = ctx.obj
    return door.run(work)
