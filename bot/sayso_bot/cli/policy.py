"""``sayso policy``: check a document, see what it would say, try it on cases, put it in force, look back.

``check``, ``explain``, ``test`` and ``schema`` read files and nothing else unless they are asked to, so they work in an
editor or a pipeline. A document that is not valid is told with file, line and column of every problem, and ends with 1.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from sayso_bot.cli import policy_versions
from sayso_bot.cli.arguments import action_type, agent_name
from sayso_bot.cli.desk import opened_desk
from sayso_bot.cli.operator import Book, with_book
from sayso_bot.cli.policy_versions import File
from sayso_bot.cli.policy_words import (
    comparison_out,
    explanation_out,
    print_comparison,
    print_problems,
    print_rules,
    rule_out,
    say_problems,
    validity,
    verdict_lines,
    verdict_out,
)
from sayso_bot.cli.printing import AsJson, print_json, print_table
from sayso_bot.domain import json as strict_json
from sayso_bot.domain.json import Json
from sayso_bot.domain.policy import Asked, ExplainedNow, placement
from sayso_bot.domain.request import Claims
from sayso_bot.domain.text import one_line
from sayso_bot.domain.versions import Comparison, Found
from sayso_bot.errors import SaysoError
from sayso_bot.opening import configured_adapters, load_policy
from sayso_bot.policy import (
    LiveFindings,
    LoadedPolicy,
    Outcome,
    PolicyInvalid,
    PolicyVersions,
    case_schema,
    cases_beside,
    cases_of,
    is_reference,
    look,
    run,
    schema,
    told,
)
from sayso_bot.settings import environment

commands = typer.Typer(help="What is asked, allowed and denied.", no_args_is_help=True)

_OUTCOMES = {
    "matched": "decides",
    "other_action": "passed",
    "condition_false": "passed",
    "cannot_evaluate": "denies",
    "not_reached": "not reached",
}
_Source = Annotated[str, typer.Option(metavar="JSON|@FILE|-", help="Its params; - reads them.")]


@commands.command()
def check(
    file: File,
    live: Annotated[bool, typer.Option("--live", help="Ask the platforms too: places, groups, accounts.")] = False,
    against: Annotated[
        str, typer.Option(metavar="VERSION|FILE", help="Say what changes from this: active, a version, or a file.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Check a policy, and list its rules. Ends with 1 when it is not valid, or could not do what it says."""
    _, policy = _loaded(file, as_json)
    found = with_book(lambda book: _looked_at(book, policy, str(file))) if live else LiveFindings((), ())
    compared = _compared(against, file, as_json) if against else None
    warnings = (*policy.warnings, *found.warnings)
    if as_json:
        rules = [rule_out(rule) for rule in policy.rules]
        about = {"against": comparison_out(compared)} if against else {}
        print_json({**validity(warnings, found.problems), "digest": policy.digest, "rules": rules, **about})
    else:
        say_problems(warnings, "warning: ")
        say_problems(found.problems)
        print_rules(policy)
        if against:
            typer.echo(f"\nFrom {against}:")
            print_comparison(compared)
        if not found.problems:
            typer.echo(f"\nThe policy is valid: {policy.digest}")
    if found.problems:
        raise typer.Exit(1)


@commands.command()
def explain(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="The policy. Left out: the one in force.")] = None,
    action: Annotated[str, typer.Argument(metavar="ACTION", help="What would be asked for.")] = "",
    asked_for: Annotated[str, typer.Option("--action", metavar="ACTION", help="The same.")] = "",
    params: _Source = "{}",
    agent: Annotated[str, typer.Option(parser=agent_name, metavar="NAME", help="Who would ask.")] = "agent",
    claims: Annotated[
        str, typer.Option(metavar="JSON|@FILE|-", help="What the agent would say: summary, reasoning, metadata …")
    ] = "{}",
    as_json: AsJson = False,
) -> None:
    """Show what each rule makes of an action, what comes of it, and where it would be asked. Nothing is asked."""
    if bool(action) == bool(asked_for):
        raise typer.BadParameter("name the action once: sayso policy explain FILE ACTION, or --action ACTION")
    asked = Asked(action_type(action or asked_for), _json_of(params, "--params"), agent, _claims(claims))
    if file is None:
        now = with_book(lambda book: _explained(book, asked))
    else:
        found = _loaded(file, as_json)[1].explain(asked)
        now = ExplainedNow(found, placement(found.verdict))
    if as_json:
        print_json(explanation_out(now))
    else:
        _print_explanation(now)


@commands.command("test")
def try_cases(
    file: File,
    cases: Annotated[
        list[Path] | None, typer.Argument(metavar="CASES", help="Files of cases. [*.cases.yaml beside the policy]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try a policy on the cases kept beside it. Ends with 1 when one does not hold."""
    _, policy = _loaded(file, as_json)
    try:
        outcomes = [each for path in cases or cases_beside(file) for each in run(policy, cases_of(path), str(path))]
    except PolicyInvalid as error:
        print_problems(error.problems, as_json=as_json)
        raise typer.Exit(1) from None
    failed = [each for each in outcomes if not each.holds]
    reached = {each.verdict.rule for each in outcomes}
    left = [rule for rule in policy.rules if rule.name not in reached]
    if as_json:
        unreached = [{"rule": rule.name, "line": rule.line} for rule in left]
        print_json({"ok": not failed, "cases": [_outcome_out(each) for each in outcomes], "no_case_reaches": unreached})
    else:
        print_table(("", "case", "action", "expected", "got", "at"), map(_outcome_row, outcomes))
        say_problems(problem for each in failed for problem in each.problems)
        typer.echo(f"\n{len(outcomes) - len(failed)} of {len(outcomes)} cases hold.")
        if left:
            typer.echo(one_line(f"No case reaches: {', '.join(f'{rule.name} (line {rule.line})' for rule in left)}"))
    if failed:
        raise typer.Exit(1)


@commands.command("schema")
def print_schema(
    cases: Annotated[bool, typer.Option("--cases", help="The schema of files of cases.")] = False,
) -> None:
    """Print the JSON Schema of the policy, for editors."""
    print_json(case_schema() if cases else schema())


commands.command("list")(policy_versions.list_versions)
commands.command("show")(policy_versions.show)
commands.command("diff")(policy_versions.diff)
commands.command("activate")(policy_versions.activate)
commands.command("rollback")(policy_versions.rollback)


# --------------------------------------------------------------------------- reading


def _loaded(file: Path, as_json: bool) -> tuple[str, LoadedPolicy]:
    """The file's text and policy. Ends with 1 where it is not valid; raises `Unusable` where it cannot be read."""
    try:
        return load_policy(file)
    except PolicyInvalid as error:
        print_problems(error.problems, as_json=as_json)
        raise typer.Exit(1) from None


def _compared(against: str, file: Path, as_json: bool) -> Comparison | None:
    text, policy = _loaded(file, as_json)
    later = Found(None, policy.digest, text)
    earlier = None if is_reference(against) else Found(None, None, _loaded(Path(against), as_json)[0])

    async def work(policies: PolicyVersions) -> Comparison | None:
        return await policies.compare(earlier or await policies.find(against), later)

    return policy_versions.on_versions(work)


def _json_of(source: str, option: str) -> dict[str, Json]:
    try:
        value = strict_json.loads(_bytes(source, option))
    except SaysoError as error:
        where = f"{error.field}: " if error.field else ""
        raise typer.BadParameter(one_line(where + error.detail), param_hint=option) from None
    if not isinstance(value, dict):
        raise typer.BadParameter("that is JSON, but not an object", param_hint=option)
    return value


def _bytes(source: str, option: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read()
    if not source.startswith("@"):
        return source.encode(errors="surrogateescape")
    try:
        return Path(source[1:]).read_bytes()
    except OSError:
        raise typer.BadParameter(f"the file {one_line(source[1:])} cannot be read", param_hint=option) from None


def _claims(source: str) -> Claims:
    said: dict[str, Any] = _json_of(source, "--claims")
    kinds: dict[str, Any] = {"links": list, "metadata": dict}
    for name, value in said.items():
        if name not in Claims.__struct_fields__:
            known = ", ".join(Claims.__struct_fields__)
            raise typer.BadParameter(f"{one_line(name)[:80]} is no claim; there are {known}", param_hint="--claims")
        if not isinstance(value, kinds.get(name, str)):
            raise typer.BadParameter(f"{name} has another type in a request", param_hint="--claims")
    return Claims(**{**said, "links": tuple(said.get("links", ()))})


# --------------------------------------------------------------------------- on the book


async def _looked_at(book: Book, policy: LoadedPolicy, source: str) -> LiveFindings:
    platforms = configured_adapters(environment())
    async with opened_desk(book, await book.configuration(), platforms) as desk:
        return await look(policy, desk.adapters, source)


async def _explained(book: Book, asked: Asked) -> ExplainedNow:
    """By the policy in force, at the place where such a request is asked now."""
    configuration = await book.configuration()
    return configuration.explained(asked)


# --------------------------------------------------------------------------- saying


def _print_explanation(now: ExplainedNow) -> None:
    rows = ((str(step.line), step.rule, _OUTCOMES[step.outcome], step.why) for step in now.found.steps)
    print_table(("line", "rule", "", "why"), rows)
    typer.echo()
    for line in verdict_lines(now):
        typer.echo(one_line(line))


def _outcome_row(outcome: Outcome) -> tuple[str, ...]:
    case, mark = outcome.case, outcome.case.mark
    expected = "; ".join(f"{key} {told(key, value)}" for key, (value, _) in case.expected.items())
    got = "; ".join(f"{key} {told(key, value)}" for key, value in outcome.got.items())
    state = "ok" if outcome.holds else "NOT OK"
    return state, case.name, case.asked.action, expected, got, f"{outcome.file}:{mark.line}:{mark.column}"


def _outcome_out(outcome: Outcome) -> dict[str, Any]:
    case = outcome.case
    return {
        "name": case.name,
        "file": outcome.file,
        "line": case.mark.line,
        "column": case.mark.column,
        "ok": outcome.holds,
        "expected": {key: value for key, (value, _) in case.expected.items()},
        "got": outcome.got,
        "verdict": verdict_out(outcome.verdict),
        "problems": [asdict(problem) for problem in outcome.problems],
    }
