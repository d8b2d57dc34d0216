"""How `sayso policy` says what it found: problems with their places, rules, verdicts, versions and changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import typer
from msgspec import structs

from sayso_bot.cli.printing import clock, print_json, print_table, say
from sayso_bot.domain.effects import INBOX, same_place
from sayso_bot.domain.interventions import what_is_paused
from sayso_bot.domain.policy import ExplainedNow, Placement, Verdict, format_duration
from sayso_bot.domain.request import Requirement, rfc3339
from sayso_bot.domain.text import one_line
from sayso_bot.domain.versions import Comparison, Version
from sayso_bot.http.admin_schemas import pause_out
from sayso_bot.policy import LoadedPolicy, Problem, RuleView

BUILT_IN = "the built-in default, which asks everything in the inbox"
_REASONS = {"always": "a reason always", "deny": "a reason to deny", "never": ""}
_WAYS = {"file": "file", "command": "command", "api": "API"}
MOST_LISTED = 20


def say_problems(problems: Iterable[Problem], prefix: str = "") -> None:
    for problem in problems:
        place = f"{problem.file}:{problem.line}:{problem.column}"
        say(one_line(f"{place}: {prefix}{problem.sentence}"))


def print_problems(problems: tuple[Problem, ...], *, as_json: bool) -> None:
    """What keeps a document from being used."""
    if as_json:
        print_json(validity((), problems))
    say_problems(problems)


def validity(warnings: tuple[Problem, ...], problems: tuple[Problem, ...]) -> dict[str, Any]:
    return {
        "valid": not problems,
        "problems": [asdict(problem) for problem in problems],
        "warnings": [asdict(problem) for problem in warnings],
    }


# --------------------------------------------------------------------------- rules and verdicts


def print_rules(policy: LoadedPolicy) -> None:
    print_table(("line", "rule", "action", "when", "then"), map(_row, policy.rules))


def verdict_lines(now: ExplainedNow) -> Iterator[str]:
    """What comes of an ask, where it is asked, and who may answer."""
    verdict, placed = now.found.verdict, now.placed
    if now.paused is not None:
        yield f"{what_is_paused(now.paused)} Until somebody resumes it, nothing of it is asked or allowed."
    rule = f'by the rule "{verdict.rule}"'
    requirement = verdict.requirement
    if verdict.kind == "allow":
        yield f"Allowed without asking, {rule}."
    elif requirement is None or placed is None:
        yield f"Denied without asking: {verdict.reason or 'the policy says so.'}"
    else:
        yield f"Asked in {placed.channel} ({placed.place}), {rule}.{f' {placed.why}' if placed.why else ''}"
        yield f"Who may answer: {who(requirement)}{_nobody_else(requirement, placed)}."
        yield f"What it takes: {terms(requirement)}."


def who(requirement: Requirement) -> str:
    named = requirement.approvers
    if named is None:
        return (
            "whoever signed in to the inbox" if requirement.place == INBOX else f"whoever is in {requirement.channel}"
        )
    listed = ", ".join(named)
    return f"{requirement.group} ({listed})" if requirement.group else listed


def _nobody_else(requirement: Requirement, placed: Placement) -> str:
    """That a live route admits nobody, where the channel says who may answer."""
    if requirement.approvers is not None or same_place(requirement.place, placed.place):
        return ""
    return f", and nobody by being in {placed.channel}"


def terms(requirement: Requirement) -> str:
    """All that the rule demands of an answer, on one line."""
    approvals = f"{requirement.quorum} approval{'' if requirement.quorum == 1 else 's'}"
    demands = (
        f"{approvals} within {format_duration(requirement.timeout_seconds)}",
        _REASONS[requirement.reason],
        "the action is typed to confirm" if requirement.confirm else "",
        f"{', '.join(requirement.editable)} may be edited" if requirement.editable else "",
        "the agent may ask for a form" if requirement.forms else "",
        f"asked in {requirement.fallback} where it cannot be shown" if requirement.fallback else "",
        "a burst is one list" if requirement.digest else "",
        "high risk" if requirement.high_risk else "",
    )
    return ", ".join(filter(None, demands))


def rule_out(rule: RuleView) -> dict[str, Any]:
    about = {"name": rule.name, "line": rule.line, "action": rule.action, "params": dict(rule.params)}
    return {**about, "when": rule.when, "verdict": verdict_out(rule.verdict)}


def verdict_out(verdict: Verdict) -> dict[str, Any]:
    requirement = verdict.requirement
    return {
        "kind": verdict.kind,
        "rule": verdict.rule,
        "cause": verdict.cause,
        "reason": verdict.reason,
        "requirement": structs.asdict(requirement) if requirement else None,
    }


def explanation_out(now: ExplainedNow) -> dict[str, Any]:
    placed, paused = now.placed, now.paused
    return {
        "steps": [asdict(step) for step in now.found.steps],
        "verdict": verdict_out(now.found.verdict),
        "placed": placed and {"channel": placed.channel, "place": placed.place, "why": placed.why},
        "paused": paused and pause_out(paused),
    }


def _row(rule: RuleView) -> tuple[str, ...]:
    requirement = rule.verdict.requirement
    if requirement is not None:
        then = f"ask in {requirement.channel}: {who(requirement)}; {terms(requirement)}"
    elif rule.verdict.kind == "allow":
        then = "allow"
    else:
        then = f"deny: {rule.verdict.reason}"
    return str(rule.line), rule.name, rule.action, " ".join((rule.when or "always").split()), then


# --------------------------------------------------------------------------- versions and changes


def print_versions(items: Iterable[Version], active: str | None) -> None:
    rows: list[tuple[str, ...]] = []
    for version in items:
        origin = version.origin
        state = "in force" if version.digest == active and not rows else ""
        done = f"back to {origin.restores}" if origin.restores else _WAYS[origin.via] if version.at else "not known"
        when = clock(version.at) if version.at else "-"
        rows.append(
            (
                str(version.number),
                version.digest[:19],
                when,
                origin.by or "-",
                done,
                origin.where or "-",
                origin.comment,
                state,
            )
        )
    print_table(("version", "document", "put in force", "by", "how", "from", "comment", ""), rows)


def version_out(version: Version) -> dict[str, Any]:
    return {
        "number": version.number,
        "digest": version.digest,
        "replaces": version.replaces,
        "at": rfc3339(version.at) if version.at else None,
        **asdict(version.origin),
    }


def comparison_out(comparison: Comparison | None) -> dict[str, Any]:
    if comparison is None:
        return {"compared": False}
    return {
        "compared": True,
        "rules": [asdict(change) for change in comparison.rules],
        "names": list(comparison.names),
        "weakened": [{**asdict(each), "told": str(each)} for each in comparison.weakened],
        "partial": comparison.partial,
    }


def print_comparison(comparison: Comparison | None) -> None:
    """The changes, rule by rule, and last and marked what demands less than before."""
    if comparison is None:
        typer.echo("There is nothing to compare with: one of the two is the built-in default, or of another version.")
        return
    if comparison.same:
        typer.echo("Both say the same.")
    for change in comparison.rules:
        typer.echo(one_line(f"{change.kind:<8} {change.rule} (line {change.line})"))
        for detail in change.details:
            typer.echo(one_line(f"           {detail}"))
    for name in comparison.names:
        typer.echo(one_line(f"changed  {name}"))
    print_weakened(comparison)


def print_weakened(comparison: Comparison) -> None:
    if not comparison.weakened:
        return
    count = len(comparison.weakened)
    typer.echo(f"\nThis demands less than before, in {count} way{'' if count == 1 else 's'}:")
    for each in comparison.weakened[:MOST_LISTED]:
        typer.echo(one_line(f"  weaker: {each}"))
    if count > MOST_LISTED:
        typer.echo(f"  and {count - MOST_LISTED} more; --json lists all.")
    if comparison.partial:
        typer.echo("  So many patterns overlap that not every overlap was looked at.")
