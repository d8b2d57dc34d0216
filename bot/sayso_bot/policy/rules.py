"""A rule as it is applied, and the index that finds the rules of an action quickly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import merge

from sayso_bot.domain.globs import Glob
from sayso_bot.domain.json import Json
from sayso_bot.domain.policy import Verdict
from sayso_bot.policy.conditions import Condition, Facts, Scope
from sayso_bot.policy.params import Declaration, Size
from sayso_bot.policy.problems import Mark


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One entry of the policy. ``verdict`` is what it says when it matches; ``number`` is its place, from 1."""

    number: int
    name: str
    action: Glob
    declaration: Declaration
    scope: Scope | None
    condition: Condition | None
    verdict: Verdict
    mark: Mark

    @property
    def always(self) -> bool:
        """Whether no request that it names gets past it."""
        return self.condition is None

    def holds(self, facts: Facts) -> bool:
        """Whether its condition is true of ``facts``. Raises `CannotEvaluate`."""
        return self.condition is None or self.condition.holds(facts)

    def check(self, params: Mapping[str, Json]) -> None:
        """Check the declared types where no condition does. Raises `CannotEvaluate`."""
        self.declaration.read(params, Size())


class Index:
    """Rules by action: exact names in a table, patterns one by one, both in the order of the document."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._exact: dict[str, list[Rule]] = {}
        self._patterns: list[Rule] = []
        for rule in rules:
            if rule.action.exact:
                self._exact.setdefault(rule.action.text, []).append(rule)
            else:
                self._patterns.append(rule)

    def naming(self, action: str) -> tuple[Rule, ...]:
        """The rules that name ``action``, in order, up to the first that lets nothing past."""
        fitting = (rule for rule in self._patterns if rule.action.matches(action))
        found = []
        for rule in merge(self._exact.get(action, ()), fitting, key=lambda rule: rule.number):
            found.append(rule)
            if rule.always:
                break
        return tuple(found)
