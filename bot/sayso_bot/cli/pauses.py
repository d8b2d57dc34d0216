"""``sayso pause``, ``resume`` and ``pauses``: everything, one agent, or an action pattern stands still."""

from __future__ import annotations

from typing import Annotated

import typer

from sayso_bot.cli.arguments import agent_name
from sayso_bot.cli.office import Reason, Yes, carried_out, overview, told
from sayso_bot.cli.printing import AsJson, clock, print_json, print_table, say
from sayso_bot.domain.deeds import PauseScope, Resume
from sayso_bot.domain.globs import ACTION_PATTERN
from sayso_bot.domain.pauses import Pause, Scope
from sayso_bot.http.admin_schemas import pause_out


def _pattern(text: str) -> str:
    if not ACTION_PATTERN.match(text):
        raise typer.BadParameter("write it as payments.refund or payments.*")
    return text


Agent = Annotated[str, typer.Option("--agent", metavar="NAME", parser=agent_name, help="One agent.")]
Action = Annotated[str, typer.Option("--action", metavar="PATTERN", parser=_pattern, help="One kind of action.")]


def pause(
    agent: Agent = None,  # type: ignore[assignment]
    action: Action = None,  # type: ignore[assignment]
    reason: Reason = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Stop what is asked: everything, one agent, or one kind of action. Nothing of it is approved until `sayso resume`.

    What waits goes on waiting, and its cards say so; it can be denied. New requests are answered 423.
    """
    done = carried_out(PauseScope(_scope(agent, action), reason), yes=yes)
    told(pause_out(done.the(Pause)), done, as_json)


def resume(
    agent: Agent = None,  # type: ignore[assignment]
    action: Action = None,  # type: ignore[assignment]
    as_json: AsJson = False,
) -> None:
    """Let what was paused go on, and say who paused it and why. Earlier approvals count at the next vote."""
    done = carried_out(Resume(scope=_scope(agent, action)), yes=True)
    told(pause_out(done.thing) if isinstance(done.thing, Pause) else None, done, as_json)


def pauses(as_json: AsJson = False) -> None:
    """List what is paused, with who paused it, since when and why."""
    found = overview().pauses
    if as_json:
        print_json([pause_out(each) for each in found])
    elif found:
        rows = ((each.scope.words, each.by.name, clock(each.since), each.why or "-") for each in found)
        print_table(("paused", "by", "since", "why"), rows)
    else:
        say("Nothing is paused.")


def _scope(agent: str | None, action: str | None) -> Scope:
    if agent and action:
        raise typer.BadParameter("give one of the two", param_hint="--agent, --action")
    return Scope(agent or "", action or "")
