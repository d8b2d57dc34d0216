"""`sayso slack installations`: which workspaces have installed the app, and how an operator ends one.

Ending asks Slack to revoke the token before it is forgotten here, because nobody can do so afterwards. A running
service notices within seconds; until then its calls meet a token that Slack refuses.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, cast

import typer

from sayso_adapters.answering import NOTHING
from sayso_adapters.slack.installations import INSTALLATION, Installation, Installations
from sayso_adapters.slack.settings import CLIENT_ID, configured, read
from sayso_bot.domain.request import rfc3339
from sayso_bot.domain.text import one_line
from sayso_bot.ports import AdapterError, OperatorDoor, OperatorTools, Retry

installations = typer.Typer(help="Workspaces that have installed the app.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@installations.callback(invoke_without_command=True)
def list_by_default(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Workspaces that have installed the app. Without a command: list."""
    if ctx.invoked_subcommand is None:
        _list(ctx, as_json)


@installations.command("list")
def list_installations(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List them, the oldest first."""
    _list(ctx, as_json)


@installations.command()
def remove(
    ctx: typer.Context,
    installation: Annotated[str, typer.Argument(metavar="ID", help="The id that `list` shows.")],
    forget_only: Annotated[
        bool, typer.Option("--forget-only", help="Do not ask Slack to revoke the token. It stays good there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """End one installation: Slack revokes its token, and Sayso forgets it. Its people's taps count no longer."""
    door: OperatorDoor = ctx.obj
    said = ""

    async def work(tools: OperatorTools) -> bool | None:
        if not forget_only and not (configured(tools.settings) is True and tools.settings.get(CLIENT_ID)):
            return None

        async def note(found: Installation) -> None:
            nonlocal said
            said = "not_asked" if forget_only else await _revoked(tools.settings, found)
            await tools.journal("slack_uninstalled", {**found.about, "what": "operator", "slack": said})

        known = Installations(tools.shelf("slack"))
        return await known.remove(installation, before=known.now(), note=note)

    try:
        removed = INSTALLATION.match(installation) is not None and cast("bool | None", door.run(work))
    except AdapterError as error:
        typer.echo(
            f"Slack cannot be asked to revoke the token ({error.what}). {NOTHING} Try again, or forget it here"
            " with --forget-only and have the app removed in Slack.",
            err=True,
        )
        raise typer.Exit(1) from None
    if removed is None:
        typer.echo(f"{CLIENT_ID} is not set here: run this with the service's variables. {NOTHING}", err=True)
        raise typer.Exit(1)
    if not removed:
        typer.echo(
            f"There is no installation {one_line(installation)}. `sayso slack installations` lists them.", err=True
        )
        raise typer.Exit(1)
    if as_json:
        typer.echo(json.dumps({"removed": installation, "slack": said}))
    else:
        typer.echo(f"Removed {installation}. {_OF_SLACK.get(said, f'Slack answered {said}.')}")


_OF_SLACK = {
    "revoked": "Slack has revoked its token.",
    "not_asked": "Slack was not asked: have the app removed there.",
}


async def _revoked(settings: Mapping[str, str], found: Installation) -> str:
    """What Slack says, in a word. Raises `AdapterError` where it cannot be asked."""
    from sayso_adapters.slack.wire import OneToken, Wire

    wire = Wire(read(settings), OneToken(found.token))
    await wire.open()
    try:
        await wire.call("auth.revoke")
    except Retry:
        raise
    except AdapterError as error:  # Slack knows the token no longer, or not yet again
        return error.what
    finally:
        await wire.close()
    return "revoked"


def _list(ctx: typer.Context, as_json: bool) -> None:
    door: OperatorDoor = ctx.obj

    async def work(tools: OperatorTools) -> list[Installation]:
        return await Installations(tools.shelf("slack")).all()

    found = sorted(cast(list[Installation], door.run(work)), key=lambda one: one.installed_at)
    if as_json:
        typer.echo(json.dumps([_public(installation) for installation in found], indent=2))
        return
    if not found:
        typer.echo("No workspace has installed the app. `sayso slack install-link` makes a link for one.")
    for one in found:
        until = f", token until {one.expires_at:%Y-%m-%d %H:%M} UTC" if one.expires_at else ""
        typer.echo(f"{one.id}  {one_line(one.name)}  since {one.installed_at:%Y-%m-%d %H:%M} UTC{until}")


def _public(installation: Installation) -> dict[str, Any]:
    """All but the secrets."""
    return {
        "id": installation.id,
        "name": installation.name,
        "team": installation.team or None,
        "enterprise": installation.enterprise,
        "bot_user": installation.bot_user,
        "installed_at": rfc3339(installation.installed_at),
        "token_expires_at": installation.expires_at and rfc3339(installation.expires_at),
    }
