"""A loaded policy judges: the first rule that matches wins, no match is a denial.

A rule that cannot be evaluated ends the matter as denied, and says why: an agent must not be able to reach another
rule by breaking a condition.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sayso_bot.domain.card import value_text
from sayso_bot.domain.json import Json
from sayso_bot.domain.policy import Asked, Explanation, Route, Step, Verdict
from sayso_bot.domain.request import Cause
from sayso_bot.domain.text import one_line
from sayso_bot.policy.conditions import Facts, Scope
from sayso_bot.policy.params import CannotEvaluate
from sayso_bot.policy.problems import Mark, Problem
from sayso_bot.policy.rules import Index, Rule

NO_RULE = "no rule"
KNOWN_ACTIONS = 4096
MOST_SHOWN = 60
_AGENT = re.compile(r"(?<![\w.])agent\b")

_NOTHING_MATCHED = Verdict("deny", NO_RULE, Cause.POLICY, reason="No rule of the policy names this action.")
_NO_CONDITION_HELD = Verdict("deny", NO_RULE, Cause.POLICY, reason="No rule of the policy applies to this request.")


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule for display."""

    name: str
    line: int
    action: str
    params: Mapping[str, str]
    when: str | None
    verdict: Verdict


class LoadedPolicy:
    """A policy in force; a `sayso_bot.ports.PolicyEngine`.

    ``channels`` are names and addresses, ``groups`` the approvers' groups, ``admins`` who may administer, written at
    ``admins_at``, ``warnings`` what an admin should know of a document that is valid.
    """

    def __init__(
        self,
        *,
        digest: str,
        channels: Mapping[str, str],
        groups: Mapping[str, tuple[str, ...]],
        people: Mapping[str, frozenset[str]],
        rules: tuple[Rule, ...],
        admins: tuple[str, ...] = (),
        admins_at: Mark | None = None,
        warnings: tuple[Problem, ...] = (),
    ) -> None:
        self._digest = digest
        self._people = people
        self._rules = rules
        self._admins = admins
        self._channels = channels
        self._naming = lru_cache(KNOWN_ACTIONS)(Index(rules).naming)
        self.groups = groups
        self.admins_at = admins_at
        self.warnings = warnings

    @property
    def digest(self) -> str:
        return self._digest

    @property
    def people(self) -> Mapping[str, frozenset[str]]:
        return self._people

    @property
    def admins(self) -> tuple[str, ...]:
        return self._admins

    @property
    def channels(self) -> Mapping[str, str]:
        return self._channels

    @property
    def in_order(self) -> tuple[Rule, ...]:
        """The rules as they are applied."""
        return self._rules

    @property
    def rules(self) -> tuple[RuleView, ...]:
        return tuple(_view(rule) for rule in self._rules)

    def routes(self) -> tuple[Route, ...]:
        return tuple(
            Route(
                rule.name,
                rule.action.text,
                not rule.always,
                rule.verdict.kind,
                rule.verdict.requirement,
                rule.condition.text if rule.condition else "",
            )
            for rule in self._rules
        )

    def places(self) -> frozenset[str]:
        """The addresses at which some rule asks, or falls back to."""
        asked = [rule.verdict.requirement for rule in self._rules if rule.verdict.requirement]
        return frozenset(place for each in asked for place in (each.place, each.fallback_place) if place)

    def judge(self, asked: Asked) -> Verdict:
        """What the policy makes of an ask. Never raises for anything that is asked."""
        naming = self._naming(asked.action)
        known: dict[Scope, Facts] = {}
        for rule in naming:
            if verdict := _try(rule, asked, known):
                return verdict
        return _NO_CONDITION_HELD if naming else _NOTHING_MATCHED

    def explain(self, asked: Asked) -> Explanation:
        """`judge`, with what became of each rule."""
        known: dict[Scope, Facts] = {}
        verdict: Verdict | None = None
        named = False
        steps = []
        for rule in self._rules:
            if verdict:
                steps.append(Step(rule.name, rule.mark.line, "not_reached", "An earlier rule decides."))
            elif not rule.action.matches(asked.action):
                steps.append(Step(rule.name, rule.mark.line, "other_action", f"It names {rule.action.text}."))
            else:
                named = True
                verdict = _try(rule, asked, known)
                steps.append(_step(rule, asked, verdict))
        return Explanation(tuple(steps), verdict or (_NO_CONDITION_HELD if named else _NOTHING_MATCHED))


def _try(rule: Rule, asked: Asked, known: dict[Scope, Facts]) -> Verdict | None:
    """The verdict of a rule that names the action, or None where its condition lets the request past."""
    try:
        if rule.scope is None:
            rule.check(asked.params)
            return rule.verdict
        facts = known.get(rule.scope)
        if facts is None:
            facts = known[rule.scope] = rule.scope.facts(asked)
        return rule.verdict if rule.holds(facts) else None
    except CannotEvaluate as error:
        reason = f'The rule "{rule.name}" could not be evaluated: {error.why}.'
        return Verdict("deny", rule.name, Cause.POLICY_ERROR, reason=reason)


def _step(rule: Rule, asked: Asked, verdict: Verdict | None) -> Step:
    if verdict is None:
        return Step(rule.name, rule.mark.line, "condition_false", _why_false(rule, asked))
    if verdict is not rule.verdict:
        return Step(rule.name, rule.mark.line, "cannot_evaluate", verdict.reason or "")
    why = "It names the action." if rule.always else "It names the action, and its condition is true."
    return Step(rule.name, rule.mark.line, "matched", why)


def _why_false(rule: Rule, asked: Asked) -> str:
    """The condition, and what it looks at has here."""
    if rule.condition is None:
        return ""
    seen = [f"params.{use.name} is {_short(asked.params.get(use.name))}" for use in rule.condition.uses()]
    if _AGENT.search(rule.condition.text):
        seen.append(f"agent is {asked.agent}")
    where = f", where {' and '.join(seen)}" if seen else ""
    return f"Its condition is not true: {' '.join(rule.condition.text.split())}{where}."


def _short(value: Json) -> str:
    text = one_line(value_text(value))
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 1] + "…"


def _view(rule: Rule) -> RuleView:
    return RuleView(
        name=rule.name,
        line=rule.mark.line,
        action=rule.action.text,
        params={param.name: str(param) for param in rule.declaration.params},
        when=rule.condition.text if rule.condition else None,
        verdict=rule.verdict,
    )
