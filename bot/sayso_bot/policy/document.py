"""The policy document: YAML text to a `LoadedPolicy`, or every problem with its line and column."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from sayso_bot.domain.globs import Glob
from sayso_bot.domain.person import OPERATOR
from sayso_bot.domain.policy import BUILT_IN_RULE, DEFAULT_RECEIPT_SECONDS, DEFAULT_TIMEOUT_SECONDS, Verdict
from sayso_bot.domain.request import Requirement
from sayso_bot.policy.directory import DirectoryReader
from sayso_bot.policy.engine import LoadedPolicy
from sayso_bot.policy.fields import Fields
from sayso_bot.policy.params import Declaration
from sayso_bot.policy.places import BUILT_PLATFORMS, INBOX
from sayso_bot.policy.problems import Mark, Problem, Problems
from sayso_bot.policy.rule_reader import RuleReader
from sayso_bot.policy.rules import Rule
from sayso_bot.policy.tree import Node, Scalar, Table, parse

MAX_RULES = 5000
_KEYS = ("channels", "approvers", "people", "admins", "rules")


def load(text: str, source: str, platforms: frozenset[str] = BUILT_PLATFORMS) -> LoadedPolicy:
    """The policy that ``text`` says; ``source`` names it in messages, ``platforms`` are the prefixes of addresses.

    Raises `PolicyInvalid` with all problems.
    """
    problems = Problems(source)
    root = parse(text, problems)
    fields = Fields(problems)
    fields.table(root, "A policy", _KEYS)
    forms = DirectoryReader(fields, platforms)
    channels, groups, people = (_value(root, key) for key in ("channels", "approvers", "people"))
    directory = forms.read(channels, groups, people)
    reader = RuleReader(fields, directory, forms)
    rules = _rules(root, fields, reader)
    _, admins = reader.approvers(root.entries.get("admins"), "admins")
    _refuse_unreachable(rules, problems)
    problems.raise_any()
    return LoadedPolicy(
        digest=digest(text),
        channels=directory.channels,
        groups=directory.groups,
        people=directory.people,
        admins=admins or (),
        rules=rules,
        warnings=_warnings(rules, source),
    )


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


def _value(root: Table, key: str) -> Node | None:
    return root.entries[key][1] if key in root.entries else None


def _rules(root: Table, fields: Fields, reader: RuleReader) -> tuple[Rule, ...]:
    node = _value(root, "rules")
    if node is None:
        fields.refuse(root, "A policy needs the key rules; without rules every action would be denied.")
        return ()
    nodes = fields.items(node, "rules", MAX_RULES) or []
    names = _names(nodes, fields, reader)
    read = [reader.read(node, number, name) for number, (node, name) in enumerate(zip(nodes, names, strict=True), 1)]
    return tuple(rule for rule in read if rule)


def _names(nodes: list[Node], fields: Fields, reader: RuleReader) -> list[str]:
    """A name for each rule, different from all others: the author's, else its action, else with its number."""
    given: dict[str, int] = {}
    names: list[str | None] = []
    for node in nodes:
        entry = node.entries.get("name") if isinstance(node, Table) else None
        name = reader.name(entry[1]) if entry else None
        if entry and name in given:
            fields.refuse(entry[1], f'Another rule is called "{name}" too, on line {given[name]}; names differ.')
        elif entry and name:
            given[name] = entry[1].mark.line
        names.append(name)
    taken = set(given)
    numbered = enumerate(zip(nodes, names, strict=True), 1)
    return [name or _default_name(node, number, taken) for number, (node, name) in numbered]


def _default_name(node: Node, number: int, taken: set[str]) -> str:
    action = node.entries.get("action") if isinstance(node, Table) else None
    name = action[1].value if action and isinstance(action[1], Scalar) else f"rule {number}"
    while name in taken:
        name = f"{name} (rule {number})"
    taken.add(name)
    return name


def _refuse_unreachable(rules: Iterable[Rule], problems: Problems) -> None:
    exact: dict[str, Rule] = {}
    patterns: list[Rule] = []
    for rule in rules:
        earlier = exact.get(rule.action.text) or next((p for p in patterns if p.action.covers(rule.action)), None)
        if earlier:
            problems.add(
                rule.mark,
                f'The rule "{rule.name}" is never reached: "{earlier.name}" on line {earlier.mark.line} '
                "takes all that it names.",
            )
        elif rule.always and rule.action.exact:
            exact[rule.action.text] = rule
        elif rule.always:
            patterns.append(rule)


def _warnings(rules: Iterable[Rule], source: str) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            source,
            rule.mark.line,
            rule.mark.column,
            f'The rule "{rule.name}" names no approvers: whoever is in the channel "{requirement.channel}" may answer. '
            "Anybody may join an open channel.",
        )
        for rule in rules
        if (requirement := rule.verdict.requirement) and requirement.place != INBOX and requirement.approvers is None
    )
