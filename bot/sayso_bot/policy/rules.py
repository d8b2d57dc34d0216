"""A rule as it is applied, and the index that finds the rules of an action quickly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from sayso_bot.domain.globs import Glob
from sayso_bot.domain.json import Json
from sayso_bot.domain.policy import Verdict
from sayso_bot.policy.conditions import Condition, Facts, Scope
from sayso_bot.policy.params import Declaration, Size
from sayso_bot.policy.problems import Mark
from sayso_bot.policy.tree import Scalar


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """Params as an agent sends them, and where they stand."""

    params: Mapping[str, Json]
    mark: Mark


class Asking(NamedTuple):
    """Where a rule's demands stand in the document, as far as they are written."""

    channel: Mark
    fallback: Mark | None
    approvers: Mark | None
    quorum: Mark | None


@dataclass(slots=True, eq=False)
class Rule:
    """One entry of the policy. ``verdict`` is what it says when it matches; ``number`` is its place, from 1.

    ``when`` is the condition as it is written.
    """

    number: int
    name: str
    action: Glob
    declaration: Declaration
    scope: Scope | None
    condition: Condition | None
    verdict: Verdict
    mark: Mark
    examples: tuple[Example, ...] = ()
    when: Scalar | None = None
    asking: Asking | None = None

    @property
    def always(self) -> bool:
        """Whether no request that it names gets past it."""
        return self.condition is None

    @property
    def guard(self) -> tuple[Declaration, str] | None:
        """What its condition is, to be compared; None where it has none."""
        return None if self.condition is None else (self.declaration, self.condition.text)

    def holds(self, facts: Facts) -> bool:
        """Whether its condition is true of ``facts``. Raises `CannotEvaluate`."""
        return self.condition is None or self.condition.holds(facts)

    def check(self, params: Mapping[str, Json]) -> None:
        """Check the declared types where no condition does. Raises `CannotEvaluate`."""
        self.declaration.read(params, Size())


_NUMBER = attrgetter("number")


class Index:
    """Rules by action: exact names in a table, patterns in one by what they begin and end with.

    A look costs as much as there are pairs of lengths of such beginnings and endings, however many the rules.
    """

    __slots__ = ("_exact", "_patterns", "_sizes")

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._exact: dict[str, list[Rule]] = {}
        self._patterns: dict[tuple[str, str], list[Rule]] = {}
        self._sizes: set[tuple[int, int]] = set()
        for rule in rules:
            self.add(rule)

    def add(self, rule: Rule) -> None:
        if rule.action.exact:
            self._exact.setdefault(rule.action.text, []).append(rule)
        else:
            ends = rule.action.ends
            self._patterns.setdefault(ends, []).append(rule)
            self._sizes.add((len(ends[0]), len(ends[1])))

    def naming(self, action: str) -> tuple[Rule, ...]:
        """The rules that name ``action``, in order, up to the first that lets nothing past."""
        found = []
        for rule in sorted(self._fitting(action), key=_NUMBER):
            found.append(rule)
            if rule.always:
                break
        return tuple(found)

    def covering(self, action: Glob) -> Rule | None:
        """The first rule whose pattern names all that ``action`` does."""
        return min(self._fitting(action.any_run), key=_NUMBER, default=None)

    def _fitting(self, action: str) -> Iterator[Rule]:
        yield from self._exact.get(action, ())
        for before, behind in self._sizes:
            ends = (action[:before], action[len(action) - behind :])
            for rule in self._patterns.get(ends, ()):
                if rule.action.matches(action):
                    yield rule
