"""``sayso requests``: what agents have asked, as a list, in full, and as it happens.

Operators see the requests of all agents. Reading changes nothing, but for a deadline that has passed and is noticed.
"""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from sayso_bot.cli.arguments import action_type, agent_name
from sayso_bot.cli.operator import Book, with_book
from sayso_bot.cli.printing import AsJson, print_json, print_table, say
from sayso_bot.cli.request_text import described, row, standing
from sayso_bot.domain.card import card
from sayso_bot.domain.request import REQUEST_ID, Request, Status
from sayso_bot.domain.text import one_line
from sayso_bot.errors import NotFound, Unusable
from sayso_bot.http.schemas import request_out
from sayso_bot.ports import Alarm, Change, Filter, Page
from sayso_bot.store.folder import holder
from sayso_bot.waiting import Subscription
from sayso_bot.workers.tasks import running

commands = typer.Typer(help="What agents have asked.", no_args_is_help=True)

DEFAULT_PAGE, LARGEST_PAGE = 20, 100
MOST_ALARMS = 1000
SAME_MISS_SECONDS = 1.0
"""One reconnection is told several times, once for each channel."""


def _cursor(text: str) -> str:
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise typer.BadParameter("give the cursor that an earlier page ended with")
    return text


@commands.command("list")
def list_requests(
    status: Annotated[Status | None, typer.Option(help="Only those that stand so.")] = None,
    action: Annotated[str | None, typer.Option(parser=action_type, metavar="ACTION", help="Only this action.")] = None,
    agent: Annotated[str | None, typer.Option(parser=agent_name, metavar="NAME", help="Only this agent's.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=LARGEST_PAGE, help="How many.")] = DEFAULT_PAGE,
    cursor: Annotated[
        str | None, typer.Option(parser=_cursor, metavar="CURSOR", help="Where an earlier page ended.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List requests, the newest first."""

    async def work(book: Book) -> tuple[Page[Request], list[dict[str, Any]]]:
        page = await book.store.list(Filter(status, action, agent), cursor=cursor, limit=limit)
        return page, [_out(book, request) for request in page.items]

    page, items = with_book(work)
    if as_json:
        print_json({"items": items, "next_cursor": page.cursor})
        return
    if page.items:
        now = datetime.now(UTC)
        headings = ("id", "status", "action", "agent", "age", "stands")
        print_table(headings, (row(request, now) for request in page.items))
    else:
        say("There are no such requests on this page." if page.cursor else "There are no such requests.")
    if page.cursor:
        say(f"There may be more: add --cursor {page.cursor}")


@commands.command()
def show(
    request_id: Annotated[str, typer.Argument(metavar="ID", help="The id that `sayso requests list` shows.")],
    as_json: AsJson = False,
) -> None:
    """Show one request in full."""

    async def work(book: Book) -> tuple[Request, str, list[Alarm]]:
        request = await book.store.read(request_id) if REQUEST_ID.match(request_id) else None
        if request is None:
            raise NotFound("There is no request with this id.")
        alarms = [alarm for alarm in await book.store.alarms(MOST_ALARMS) if alarm.request_id == request.id]
        return request, book.review_url(request.id), alarms

    request, url, alarms = with_book(work)
    if as_json:
        print_json(request_out(request, url))
        return
    for line in described(request, card(request, url), alarms, datetime.now(UTC)):
        typer.echo(line)


@commands.command()
def watch(as_json: AsJson = False) -> None:
    """Print a line for each change as it happens, until Ctrl-C."""
    try:
        with_book(lambda book: _watch(book, as_json))
    except KeyboardInterrupt:
        raise typer.Exit from None


async def _watch(book: Book, as_json: bool) -> None:
    _need_a_service(book)
    subscription = Subscription(book.store.client, book.store.keys.tag, book.log)
    time = asyncio.get_running_loop().time
    missed_at: float | None = None
    async with running(subscription.run(), book.log):
        await subscription.connected.wait()
        async with subscription.changes() as changes:
            async for change in changes:
                if change is not None:
                    await _print_change(book, change, as_json)
                elif missed_at is None:
                    missed_at = time()
                    say("Watching. Ctrl-C ends it.")
                elif time() - missed_at > SAME_MISS_SECONDS:
                    missed_at = time()
                    say("Some changes may have been missed. sayso requests list shows how things stand.")


def _need_a_service(book: Book) -> None:
    """Refuse to watch a Redis that this very command has started: nothing happens there, and it bars the service."""
    settings = book.settings
    if settings.redis_url is None:
        held_by = holder(settings.data_dir.resolve())
        if held_by is not None and held_by.pid == os.getpid():
            raise Unusable(
                f"No service runs on the data folder {settings.data_dir}, so there is nothing to watch."
                " Start one with: sayso serve"
            )


async def _print_change(book: Book, change: Change, as_json: bool) -> None:
    request = await book.store.read(change.request_id)
    if request is None:
        return
    if as_json:
        typer.echo(json.dumps({"change": change.kind, "request": _out(book, request)}))
        return
    now, kind = f"{datetime.now(UTC):%H:%M:%S}", f"{change.kind:<9}"
    typer.echo("  ".join((now, kind, request.id, one_line(request.action), request.agent, standing(request))))


def _out(book: Book, request: Request) -> dict[str, Any]:
    return request_out(request, book.review_url(request.id))
