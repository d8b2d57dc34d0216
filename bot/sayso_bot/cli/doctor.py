"""``sayso doctor``: look at everything that the service needs, and say what to do about what is wrong."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from sayso_bot.cli.checkup import examine
from sayso_bot.cli.printing import AsJson, print_json, print_table
from sayso_bot.opening import installed
from sayso_bot.ports import Check


def command(
    platform: Annotated[str | None, typer.Argument(help="Look at this platform only, such as slack.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check settings, store, clock, policy, keys, cards and platforms. Ends with 1 when something is not ok."""
    known = sorted(point.name for point in installed("sayso.adapters"))
    if platform is not None and platform not in known:
        raise typer.BadParameter(f"There is no platform {platform}. Known are {', '.join(known)}.")
    checks = asyncio.run(examine(platform))
    healthy = all(check.ok for check in checks)
    if as_json:
        print_json({"ok": healthy, "checks": [_out(check) for check in checks]})
    else:
        rows = ((check.name, _state(check), check.detail) for check in checks)
        print_table(("check", "state", "what was found, and what to do"), rows)
    if not healthy:
        raise typer.Exit(1)


def _out(check: Check) -> dict[str, Any]:
    return {"name": check.name, "state": _state(check), "detail": check.detail}


def _state(check: Check) -> str:
    if not check.ok:
        return "not ok"
    return "warning" if check.warning else "ok"
