"""The command ``sayso``: the agent's own commands here, all others from whoever is installed.

Starting costs what the command needs: ``sayso ask`` loads an HTTP client and nothing of the service.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from sayso.ask_command import ask
from sayso.commands import Commands, Door
from sayso.terminal import visible

app = typer.Typer(
    name="sayso",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A person's say-so before an agent's action.",
)
app.command("ask")(ask)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sayso {version('sayso')}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """A person's say-so before an agent's action."""


def main() -> None:
    """Run ``sayso``. An error that carries ``code`` and ``detail`` ends as its sentence, without a traceback."""
    _never_fail_to_print()
    try:
        app(prog_name="sayso", obj=Door())
    except Exception as error:
        code, detail = getattr(error, "code", None), getattr(error, "detail", None)
        if not (isinstance(code, str) and isinstance(detail, str)):
            raise
        for line in detail.splitlines():
            typer.echo(visible(line), err=True)
        sys.exit(2 if code == "unusable" else 1)


def _never_fail_to_print() -> None:
    """A terminal that cannot show a character gets its number instead of an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
