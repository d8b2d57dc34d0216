"""``sayso policy``: check a document, see what it would say, put it in force.

``check`` and ``explain`` read the file and nothing else, so they work in an editor or a pipeline. A document that is
not valid is told with file, line and column of every problem, and ends with 1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from sayso_bot.cli.arguments import action_type, agent_name
from sayso_bot.cli.operator import Book, with_book
from sayso_bot.cli.printing import AsJson, print_json, print_table, say
from sayso_bot.domain import json as strict_json
from sayso_bot.domain.json import Json
from sayso_bot.domain.policy import Asked, Verdict, format_duration
from sayso_bot.domain.request import Claims, Requirement
from sayso_bot.domain.text import one_line
from sayso_bot.errors import SaysoError
from sayso_bot.policy import Explanation, LoadedPolicy, PolicyInvalid, Problem, RuleView
from sayso_bot.wiring import load_policy

commands = typer.Typer(help="What is asked, allowed and denied.", no_args_is_help=True)

_OUTCOMES = {
    "matched": "decides",
    "other_action": "passed",
    "condition_false": "passed",
    "cannot_evaluate": "denies",
    "not_reached": "not reached",
}

File = Annotated[Path, typer.Argument(metavar="FILE", help="The policy, a YAML file.")]


@commands.command()
def check(file: File, as_json: AsJson = False) -> None:
    """Check a policy, and list its rules. Ends with 1 when it is not valid."""
    _, policy = _loaded(file, as_json)
    if as_json:
        rules = [_rule_out(rule) for rule in policy.rules]
        print_json({**_validity(policy.warnings, ()), "digest": policy.digest, "rules": rules})
        return
    _say_problems(policy.warnings, "warning: ")
    print_table(("line", "rule", "action", "when", "then"), map(_row, policy.rules))
    typer.echo(f"\nThe policy is valid: {policy.digest}")


@commands.command()
def explain(
    file: File,
    action: Annotated[str, typer.Argument(parser=action_type, metavar="ACTION", help="What would be asked for.")],
    params: Annotated[str, typer.Option(metavar="JSON|@FILE|-", help="Its params; - reads them.")] = "{}",
    agent: Annotated[str, typer.Option(parser=agent_name, metavar="NAME", help="Who would ask.")] = "agent",
    as_json: AsJson = False,
) -> None:
    """Show what each rule makes of an action, and what comes of it. Nothing is asked. Claims count as empty."""
    asked = Asked(action, _params(params), agent, Claims())
    _, policy = _loaded(file, as_json)
    found = policy.explain(asked)
    if as_json:
        print_json({"steps": [asdict(step) for step in found.steps], "verdict": _verdict_out(found.verdict)})
    else:
        _print_explanation(found)


@commands.command()
def activate(file: File, as_json: AsJson = False) -> None:
    """Put a policy in force on every replica. Requests that are open keep the rule with which they were asked."""
    text, policy = _loaded(file, as_json)

    async def work(book: Book) -> tuple[str | None, str | None]:
        replaced = (await book.store.configuration(policy.digest)).policy_digest
        return replaced, await book.store.activate(policy.digest, text, replaced, one_line(file.name))

    replaced, moved = with_book(work)
    if as_json:
        print_json({"active": moved or policy.digest, "activated": moved is None, "replaced": replaced})
    elif moved is None:
        _say_problems(policy.warnings, "warning: ")
        typer.echo(_what_changed(policy.digest, replaced))
    if moved is not None:
        say(f"Another policy was put in force meanwhile: {moved}. Nothing was changed; look at it, then repeat.")
        raise typer.Exit(1)


def _what_changed(digest: str, replaced: str | None) -> str:
    if replaced == digest:
        return f"In force already: {digest}. Nothing was changed."
    return f"In force: {digest}. It replaced {replaced or 'the built-in default, which asks everything in the inbox'}."


# --------------------------------------------------------------------------- reading


def _loaded(file: Path, as_json: bool) -> tuple[str, LoadedPolicy]:
    """The file's text and policy. Ends with 1 where it is not valid; raises `Unusable` where it cannot be read."""
    try:
        return load_policy(file)
    except PolicyInvalid as error:
        if as_json:
            print_json(_validity((), error.problems))
        _say_problems(error.problems)
        raise typer.Exit(1) from None


def _params(source: str) -> dict[str, Json]:
    try:
        value = strict_json.loads(_bytes(source))
    except SaysoError as error:
        where = f"{error.field}: " if error.field else ""
        raise typer.BadParameter(one_line(where + error.detail), param_hint="--params") from None
    if not isinstance(value, dict):
        raise typer.BadParameter("that is JSON, but not an object", param_hint="--params")
    return value


def _bytes(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read()
    if not source.startswith("@"):
        return source.encode(errors="surrogateescape")
    try:
        return Path(source[1:]).read_bytes()
    except OSError:
        raise typer.BadParameter(f"the file {one_line(source[1:])} cannot be read", param_hint="--params") from None


# --------------------------------------------------------------------------- saying


def _say_problems(problems: tuple[Problem, ...], prefix: str = "") -> None:
    for problem in problems:
        place = f"{problem.file}:{problem.line}:{problem.column}"
        say(one_line(f"{place}: {prefix}{problem.sentence}"))


def _validity(warnings: tuple[Problem, ...], problems: tuple[Problem, ...]) -> dict[str, Any]:
    return {
        "valid": not problems,
        "problems": [asdict(problem) for problem in problems],
        "warnings": [asdict(problem) for problem in warnings],
    }


def _print_explanation(found: Explanation) -> None:
    rows = ((str(step.line), step.rule, _OUTCOMES[step.outcome], step.why) for step in found.steps)
    print_table(("line", "rule", "", "why"), rows)
    typer.echo()
    for line in _verdict_lines(found.verdict):
        typer.echo(one_line(line))


def _verdict_lines(verdict: Verdict) -> Iterator[str]:
    rule = f'by the rule "{verdict.rule}"'
    if verdict.kind == "allow":
        yield f"Allowed without asking, {rule}."
    elif verdict.requirement is None:
        yield f"Denied without asking: {verdict.reason or 'the policy says so.'}"
    else:
        requirement = verdict.requirement
        yield f"Asked in {requirement.channel} ({requirement.place}), {rule}."
        yield f"Who may answer: {_who(requirement)}."
        yield f"What it takes: {_terms(requirement)}."


def _row(rule: RuleView) -> tuple[str, ...]:
    requirement = rule.verdict.requirement
    if requirement is not None:
        then = f"ask in {requirement.channel}: {_who(requirement)}; {_terms(requirement)}"
    elif rule.verdict.kind == "allow":
        then = "allow"
    else:
        then = f"deny: {rule.verdict.reason}"
    return str(rule.line), rule.name, rule.action, " ".join((rule.when or "always").split()), then


def _who(requirement: Requirement) -> str:
    named = requirement.approvers
    if named is None:
        return "whoever signed in to the inbox" if requirement.place == "inbox" else "whoever is in the channel"
    listed = ", ".join(named)
    return f"{requirement.group} ({listed})" if requirement.group else listed


def _terms(requirement: Requirement) -> str:
    reasons = {"always": ", a reason always", "deny": ", a reason to deny", "never": ""}
    approvals = f"{requirement.quorum} approval{'' if requirement.quorum == 1 else 's'}"
    return f"{approvals} within {format_duration(requirement.timeout_seconds)}{reasons[requirement.reason]}"


def _rule_out(rule: RuleView) -> dict[str, Any]:
    about = {"name": rule.name, "line": rule.line, "action": rule.action, "params": dict(rule.params)}
    return {**about, "when": rule.when, "verdict": _verdict_out(rule.verdict)}


def _verdict_out(verdict: Verdict) -> dict[str, Any]:
    requirement = verdict.requirement
    return {
        "kind": verdict.kind,
        "rule": verdict.rule,
        "cause": verdict.cause,
        "reason": verdict.reason,
        "requirement": asdict(requirement) if requirement else None,
    }
