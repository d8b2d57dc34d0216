"""``sayso routes``: have an action asked elsewhere, live, and take that back. Only the place changes, never who may
approve."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from sayso_bot.cli.office import Reason, Yes, carried_out, duration, overview, told
from sayso_bot.cli.printing import AsJson, clock, print_json, print_table, say
from sayso_bot.domain.commands import parse_until
from sayso_bot.domain.deeds import SetRoute, TestChannel, UndoRoute
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.http.admin_schemas import route_out
from sayso_bot.ports import RouteNow

commands = typer.Typer(help="Live routes: which action is asked in which channel.", no_args_is_help=True)

Pattern = Annotated[str, typer.Argument(metavar="ACTION", help="A pattern, such as payments.refund or 'deploy.*'.")]
Channel = Annotated[str, typer.Argument(metavar="CHANNEL", help="A channel's name, inbox, or a place: slack:C0OPS.")]


def _until(text: str) -> datetime:
    try:
        return parse_until(text, datetime.now(UTC))
    except ValueError:
        raise typer.BadParameter("write it as 18:00 or 2026-11-25T18:00Z, in UTC") from None


@commands.command("list")
def list_routes(as_json: AsJson = False) -> None:
    """List the live routes, with who set them, when, why, and until when."""
    found = overview()
    if as_json:
        print_json([route_out(now.route, now) for now in found.routes])
    elif found.routes:
        headings = ("id", "action", "asked in", "until", "set by", "set at", "why", "concerns")
        print_table(headings, map(_row, found.routes))
    else:
        say("There are no live routes: the policy alone says what is asked where.")


@commands.command("set")
def set_route(
    action: Pattern,
    channel: Channel,
    lasting: Annotated[
        int | None, typer.Option("--for", metavar="DURATION", parser=duration, help="How long: 90s, 15m, 2h, 3d.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option("--until", metavar="TIME", parser=_until, help="Until when, in UTC.")
    ] = None,
    reason: Reason = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Have an action asked in another channel, until a time or for good. The channel is tested first.

    Who may approve, how many and how long stay as the policy says. Requests that are pending stay where they are.
    """
    if lasting is not None and until is not None:
        raise typer.BadParameter("give one of the two", param_hint="--for, --until")
    done = carried_out(SetRoute(action, channel, reason, lasting, until), yes=yes, posts=True)
    told(route_out(done.the(LiveRoute)), done, as_json)


@commands.command()
def undo(
    route: Annotated[str, typer.Argument(metavar="ROUTE", help="Its id, or its action pattern.")],
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Undo a live route: the action is asked where a broader route or the policy says."""
    done = carried_out(UndoRoute(route, reason), yes=True)
    told(route_out(done.the(LiveRoute)), done, as_json)


@commands.command("test")
def probe(channel: Channel, as_json: AsJson = False) -> None:
    """Post a test message to a channel. Nothing is changed."""
    done = carried_out(TestChannel(channel), yes=True, posts=True)
    told({"said": done.said}, done, as_json)


def _row(now: RouteNow) -> tuple[str, ...]:
    route = now.route
    concerns = ", ".join(now.rules) or "nothing now"
    notes = [
        *(["ill: " + now.ill.what] if now.ill else []),
        *([f"another place is called {route.channel} now"] if now.shadowed else []),
    ]
    asked = f"{route.channel} ({'; '.join(notes)})" if notes else route.channel
    until = clock(route.until) if route.until else "for good"
    return route.id, route.action, asked, until, route.by.name, clock(route.at), route.why or "-", concerns
