"""``sayso doctor``: look at everything that the service needs, and say what to do about what is wrong."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import typer

from sayso_bot.cli.checkup import Finding, examine
from sayso_bot.cli.printing import AsJson, print_json, print_table


def command(as_json: AsJson = False) -> None:
    """Check settings, store, clock, policy, keys, cards and platforms. Ends with 1 when something is not ok."""
    findings = asyncio.run(examine())
    healthy = all(finding.state != "not ok" for finding in findings)
    if as_json:
        print_json({"ok": healthy, "checks": [asdict(finding) for finding in findings]})
    else:
        print_table(("check", "state", "what was found, and what to do"), map(_row, findings))
    if not healthy:
        raise typer.Exit(1)


def _row(finding: Finding) -> tuple[str, ...]:
    return finding.name, finding.state, finding.detail
