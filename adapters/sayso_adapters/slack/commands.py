"""`sayso slack`: what an admin needs to set Slack up."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from sayso_adapters.private_links import check_destination, new_private_file
from sayso_adapters.slack.installations import INSTALLATION
from sayso_adapters.slack.installed_commands import installations
from sayso_adapters.slack.links import make_link
from sayso_adapters.slack.settings import CLIENT_ID
from sayso_bot.ports import OperatorDoor, OperatorTools

commands = typer.Typer(help="Set Slack up.", no_args_is_help=True)
commands.add_typer(installations, name="installations")


@commands.callback()
def group() -> None:
    """Set Slack up."""


@commands.command("manifest")
def print_manifest(
    ctx: typer.Context,
    socket: Annotated[bool, typer.Option("--socket", help="For Socket Mode: no public address is needed.")] = False,
) -> None:
    """Print the manifest from which Slack makes the app, with the address of SAYSO_PUBLIC_URL filled in."""
    from sayso_adapters.slack.manifest import manifest

    door: OperatorDoor = ctx.obj
    url = door.public_url()
    typer.echo(manifest(url, socket=socket), nl=False)
    if not socket and not url.startswith("https://"):
        typer.echo(
            f"Slack calls https addresses only, and SAYSO_PUBLIC_URL gives {url}. Set it and print the manifest again,"
            " or use Socket Mode (--socket).",
            err=True,
        )


@commands.command("install-link")
def install_link(
    ctx: typer.Context,
    workspace: Annotated[
        str, typer.Option(help="The only workspace (T…) or organisation (E…) that it may install.", metavar="ID")
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Write the link to this new file (mode 0600).")] = None,
) -> None:
    """Make a link with which one workspace installs the app. It works once, within ten minutes.

    It is for a service with SLACK_CLIENT_ID. Whoever's workspace is installed is believed about its people's addresses.
    """
    if workspace and not INSTALLATION.match(workspace):
        raise typer.BadParameter("give the id of a workspace, such as T0TEAM", param_hint="--workspace")
    check_destination(out)
    door: OperatorDoor = ctx.obj
    if not os.environ.get(CLIENT_ID) and not os.environ.get(f"{CLIENT_ID}_FILE"):
        typer.echo(f"{CLIENT_ID} is not set here: run this with the service's variables. No link was made.", err=True)
        raise typer.Exit(1)
    if not (url := door.public_url()).startswith("https://"):
        typer.echo(f"Slack sends people back to https only, and SAYSO_PUBLIC_URL gives {url}.", err=True)

    async def work(tools: OperatorTools) -> str:
        made = await make_link(tools.shelf("slack"), tools.public_url, workspace=workspace)
        await tools.journal("slack_install_link_made", {"workspace": workspace})
        return made

    if out is None:
        typer.echo(f"{door.run(work)}\n\nFor one installation. It works once, within ten minutes.")
        return
    with new_private_file(out) as file:
        file.write(f"{door.run(work)}\n")
    typer.echo(f"The link is in {out}. It works once, within ten minutes.", err=True)
