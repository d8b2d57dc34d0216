"""The commands that other parts add to ``sayso``, loaded only when they are needed.

An entry point of the group ``sayso.commands`` is a `typer.Typer` (a group) or a function (one command). One that cannot
be loaded because an extra is not installed stays listed, with the line that installs it; nothing else suffers from it.
"""

from __future__ import annotations

import gc
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
import typer.core
import typer.main

from sayso.terminal import visible

GROUP = "sayso.commands"
OPERATOR_GROUP = "sayso.operator"

_OURS = ("sayso", "sayso_bot", "sayso_adapters")
_PLATFORMS = ("slack", "teams", "mcp")


class Commands(typer.core.TyperGroup):
    """The root group: its own commands, and those of the entry points."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(dict.fromkeys([*self.commands, *(entry.name for entry in entry_points(group=GROUP))]))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        return next((_command(entry) for entry in entry_points(group=GROUP, name=cmd_name)), None)


class Door:
    """The context's ``obj``: the operator's door, loaded when a command first touches it."""

    def __init__(self) -> None:
        self._opened: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._opened is None:
            self._opened = _open_door()
        return getattr(self._opened, name)


def _open_door() -> Any:
    for entry in entry_points(group=OPERATOR_GROUP, name="door"):
        try:
            return _loaded(entry)()
        except (ImportError, AttributeError) as error:
            _stop(why_not(entry, error))
    return _stop("This command works on a service's own data, which needs: pip install 'sayso[bot]'")


def _stop(sentence: str) -> Any:
    typer.echo(sentence, err=True)
    raise typer.Exit(2)


def _command(entry: EntryPoint) -> Any:
    try:
        loaded = _loaded(entry)
    except (ImportError, AttributeError) as error:
        return _missing(entry, why_not(entry, error))
    if isinstance(loaded, typer.Typer):
        command: Any = typer.main.get_group(loaded)
        command.name = entry.name
        return command
    return _single(entry.name, loaded)


def _loaded(entry: EntryPoint) -> Any:
    """What it names. Modules are there to stay, so no garbage is looked for while they load: a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        return entry.load()
    finally:
        if was_on:
            gc.enable()


def _single(name: str, function: Any, **options: Any) -> Any:
    app = typer.Typer(add_completion=False)
    app.command(name, **options)(function)
    return typer.main.get_command(app)


def _missing(entry: EntryPoint, sentence: str) -> Any:
    """A command that says what it lacks, whatever it is called with."""

    def say() -> None:
        _stop(sentence)

    takes_anything = {"ignore_unknown_options": True, "allow_extra_args": True}
    return _single(entry.name, say, help=sentence, add_help_option=False, context_settings=takes_anything)


def why_not(entry: EntryPoint, error: ImportError | AttributeError) -> str:
    """The sentence for a person whose command cannot be loaded."""
    lacking = (getattr(error, "name", None) or "").partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and lacking not in _OURS:
        return f"{_name(entry)} needs: pip install '{_requirement(entry)}'"
    return f"{_name(entry)} cannot be loaded. The package that offers it is broken: {visible(str(error))}"


def _name(entry: EntryPoint) -> str:
    return "This command" if entry.group == OPERATOR_GROUP else f"sayso {entry.name}"


def _requirement(entry: EntryPoint) -> str:
    package, _, rest = entry.module.partition(".")
    if package not in _OURS:
        return entry.dist.name if entry.dist else package
    platform = rest.partition(".")[0]
    return f"sayso[bot,{platform}]" if platform in _PLATFORMS else "sayso[bot]"
