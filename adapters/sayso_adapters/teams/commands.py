"""`sayso teams`: what an admin needs to set Teams up."""

from __future__ import annotations

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from sayso_adapters.teams.settings import APP_ID, GUID
from sayso_bot.ports import OperatorDoor, OperatorTools

commands = typer.Typer(help="Set Teams up.", no_args_is_help=True)


@commands.callback()
def group() -> None:
    """Set Teams up."""


@commands.command("package")
def make_package(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the package.", dir_okay=False)] = Path(
        "sayso-teams.zip"
    ),
    bot_id: Annotated[
        str, typer.Option("--bot-id", help=f"The bot's app id; {APP_ID} where it is not given.", metavar="GUID")
    ] = "",
) -> None:
    """Make the package that an admin of Teams uploads to install the app."""
    from sayso_adapters.teams.manifest import package

    bot = (bot_id or os.environ.get(APP_ID, "")).strip().lower()
    if not GUID.match(bot):
        raise typer.BadParameter(
            f"give the Application (client) ID of the bot's registration, or set {APP_ID}", param_hint="--bot-id"
        )
    door: OperatorDoor = ctx.obj
    url = door.public_url()
    if out.exists():
        raise typer.BadParameter(f"{out}: it exists already; name a new file", param_hint="--out")
    try:
        out.write_bytes(package(bot, url, version("sayso")))
    except OSError:
        raise typer.BadParameter(f"{out}: it cannot be written there", param_hint="--out") from None
    typer.echo(f"The package is in {out}. Upload it in the Teams admin centre, or in Teams under Apps.")
    if not url.startswith("https://"):
        typer.echo(
            f"Teams calls https addresses only, and SAYSO_PUBLIC_URL gives {url}. Set it, and make the package again.",
            err=True,
        )


@commands.command("places")
def list_places(
    ctx: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the channels and chats that the bot has been added or spoken to in, as a policy names them."""
    door: OperatorDoor = ctx.obj
    found: list[dict[str, Any]] = door.run(_places)
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    if not found:
        typer.echo("The bot has been nowhere yet. Add the app to a team or chat, or mention it there.")
    for place in found:
        left = "  (the bot was removed)" if place["removed"] else ""
        typer.echo(f"{place['place']}  {place['name']}{left}")


async def _places(tools: OperatorTools) -> list[dict[str, Any]]:
    from sayso_adapters.teams.places import PREFIX, conversations, in_order, read

    shelf = tools.shelf("teams")
    return [
        {
            "place": f"{PREFIX}{place.conversation}",
            "kind": place.kind,
            "name": place.called,
            "team": place.team_name,
            "removed": place.removed,
            "seen_at": place.seen_at,
        }
        for place in in_order(await read(shelf, await conversations(shelf)))
    ]
