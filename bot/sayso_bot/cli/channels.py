"""``sayso channels``: names for places, beside those of the policy, to which routes may lead."""

from __future__ import annotations

from typing import Annotated

import typer

from sayso_bot.cli.office import Reason, carried_out, overview, told
from sayso_bot.cli.printing import AsJson, print_json, print_table
from sayso_bot.domain.deeds import ForgetChannel, NameChannel
from sayso_bot.http.admin_schemas import channel_out
from sayso_bot.ports import ChannelNow

commands = typer.Typer(help="Channels: names for places where people are asked.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is called in routes and moves.")]


@commands.command("list")
def list_channels(as_json: AsJson = False) -> None:
    """List all channels: the policy's, and those that admins named."""
    found = overview()
    if as_json:
        print_json([channel_out(channel) for channel in found.channels])
    else:
        print_table(("channel", "place", "named by", "live routes", "stands"), map(_row, found.channels))


@commands.command()
def name(
    name: Name,
    place: Annotated[str, typer.Argument(metavar="PLACE", help="The platform's address: slack:C0OPS.")],
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Give a place a name. It is tested first; the policy's names stand."""
    done = carried_out(NameChannel(name, place, reason), yes=True, posts=True)
    told({"name": name, "place": place, "said": done.said}, done, as_json)


@commands.command()
def forget(name: Name, reason: Reason = "", as_json: AsJson = False) -> None:
    """Take a name back that an admin gave. No route may lead there."""
    done = carried_out(ForgetChannel(name, reason), yes=True)
    told({"name": name, "said": done.said}, done, as_json)


def _row(channel: ChannelNow) -> tuple[str, ...]:
    named = channel.live.by.name if channel.live else "the policy"
    stands = (
        f"ill: {channel.ill.what}" if channel.ill else "the policy means another place" if channel.shadowed else "ok"
    )
    return channel.name, channel.place, named, ", ".join(route.action for route in channel.routes) or "-", stands
