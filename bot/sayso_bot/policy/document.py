"""The policy document: YAML text to a `LoadedPolicy`, or every problem with its line and column."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sayso_bot.domain.globs import Glob
from sayso_bot.domain.person import OPERATOR
from sayso_bot.domain.policy import BUILT_IN_RULE, DEFAULT_RECEIPT_SECONDS, DEFAULT_TIMEOUT_SECONDS, Verdict
from sayso_bot.domain.request import Requirement
from sayso_bot.policy.checks import check
from sayso_bot.policy.directory import directory
from sayso_bot.policy.engine import NO_RULE, LoadedPolicy
from sayso_bot.policy.grammar import grammar
from sayso_bot.policy.params import Declaration
from sayso_bot.policy.places import BUILT_PLATFORMS, INBOX
from sayso_bot.policy.problems import Mark, Problems
from sayso_bot.policy.rule_reader import RuleReader
from sayso_bot.policy.rules import Rule
from sayso_bot.policy.tables import Read
from sayso_bot.policy.tree import parse

MANY_OBJECTS = 20_000
"""A policy of some thousand rules: they live as long as it does, and go with it."""
FREED_AT_ONCE = 200
"""To free what ten thousand rules hold takes a twentieth of a second, in which no other thread runs."""
_RESERVED_NAMES = frozenset({BUILT_IN_RULE, NO_RULE})


def load(
    text: str, source: str, platforms: frozenset[str] = BUILT_PLATFORMS, *, in_force: bool = False
) -> LoadedPolicy:
    """The policy that ``text`` says; ``source`` names it in messages, ``platforms`` are the prefixes of addresses.

    ``in_force``: it was put in force before, so what only does no good is told as a warning (see `Problems`).
    Raises `PolicyInvalid` with all problems.
    """
    with _garbage_left_alone():
        return _loaded(text, Problems(source, in_force=in_force), platforms)


def _loaded(text: str, problems: Problems, platforms: frozenset[str]) -> LoadedPolicy:
    document = grammar(platforms).table(parse(text, problems), problems)
    known = directory(document, problems)
    reader = RuleReader(known, problems)
    rules = _rules(document, reader, problems)
    _let_go_of_rules(document)
    _, admins = reader.people(document, "admins")
    check(rules, problems)
    problems.raise_any()
    return LoadedPolicy(
        digest=digest(text),
        channels=known.channels,
        groups=known.groups,
        people=known.people,
        admins=admins or (),
        admins_at=document.at("admins") if admins else None,
        rules=rules,
        warnings=problems.warnings(),
    )


def _let_go_of_rules(document: Read) -> None:
    """Free what they were read from, which nobody needs any more."""
    if "rules" in document:
        free(document.get("rules", []))
        free(document.nodes("rules"))


def free(many: list[Any]) -> None:
    """Empty a list of rules, or of what makes up one each, in small parts, between which other threads may go on."""
    while many:
        del many[-FREED_AT_ONCE:]


@contextmanager
def _garbage_left_alone() -> Iterator[None]:
    """Reading makes hundreds of thousands of objects and no cycles. Looking for some among them would hold up every
    other thread, for a tenth of a second at a time. So nobody looks meanwhile, nor later where they are many.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_count()[0] > MANY_OBJECTS:
            gc.freeze()
        if was_on:
            gc.enable()


def digest(text: str) -> str:
    """``sha256:`` over the exact text: the name of a document."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def built_in() -> LoadedPolicy:
    """The policy of a service that was given none: every action is asked in the inbox."""
    requirement = Requirement(
        channel=INBOX,
        place=INBOX,
        approvers=None,
        group=None,
        quorum=1,
        reason="never",
        timeout_seconds=DEFAULT_TIMEOUT_SECONDS,
        receipt_seconds=DEFAULT_RECEIPT_SECONDS,
        operator=True,
    )
    verdict = Verdict("ask", BUILT_IN_RULE, requirement=requirement)
    rule = Rule(1, BUILT_IN_RULE, Glob("*"), Declaration(), None, None, verdict, Mark(1, 1))
    return LoadedPolicy(
        digest=digest(BUILT_IN_RULE), channels={INBOX: INBOX}, groups={}, people={}, admins=(OPERATOR,), rules=(rule,)
    )


def _rules(document: Read, reader: RuleReader, problems: Problems) -> tuple[Rule, ...]:
    """The rules that can be applied, each with a name of its own."""
    written: list[Read | None] = document.get("rules", [])
    names = _names(written, problems)
    read = [
        reader.read(rule, number, name)
        for number, (rule, name) in enumerate(zip(written, names, strict=True), 1)
        if rule
    ]
    return tuple(rule for rule in read if rule)


def _names(rules: Sequence[Read | None], problems: Problems) -> list[str]:
    """A name for each rule, different from all others: the author's, else its action, else with its number."""
    given: dict[str, int] = {}
    for rule in rules:
        name = rule and rule.get("name")
        if not rule or not name:
            continue
        if name in _RESERVED_NAMES:
            problems.add(rule.at("name"), f'The name "{name}" has a meaning of its own; choose another.')
        elif name in given:
            problems.add(rule.at("name"), f'Another rule is called "{name}" too, on line {given[name]}; names differ.')
        else:
            given[name] = rule.at("name").line
    taken = set(given)
    return [(rule and rule.get("name")) or _default_name(rule, number, taken) for number, rule in enumerate(rules, 1)]


def _default_name(rule: Read | None, number: int, taken: set[str]) -> str:
    name = (rule and rule.get("action")) or f"rule {number}"
    while name in taken:
        name = f"{name} (rule {number})"
    taken.add(name)
    return name
