"""Checks before harm: what is a policy, and could not work or take effect as it is written.

Each finding names the rule and says why. What only a platform knows (who is in a group, who may join a channel) is
looked at by `sayso_bot.policy.live`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sayso_bot.domain.policy import Asked
from sayso_bot.domain.request import Claims
from sayso_bot.policy.conditions import Condition, Use
from sayso_bot.policy.params import CannotEvaluate, Declaration
from sayso_bot.policy.places import INBOX, is_person
from sayso_bot.policy.problems import Problems
from sayso_bot.policy.rules import Index, Rule

_SOMEBODY = "an-agent"


def check(rules: Iterable[Rule], problems: Problems) -> None:
    """Note in ``problems`` what is wrong with ``rules`` as they stand one after the other."""
    always = Index()
    guarded: defaultdict[tuple[Declaration, str], Index] = defaultdict(Index)
    for rule in rules:
        _check_reachable(rule, always, guarded, problems)
        _check_examples(rule, problems)
        _warn_of_open_door(rule, problems)


def _check_reachable(
    rule: Rule, always: Index, guarded: defaultdict[tuple[Declaration, str], Index], problems: Problems
) -> None:
    guard = rule.guard
    earlier = always.covering(rule.action)
    if earlier is None and guard is not None:
        earlier = guarded[guard].covering(rule.action)
    if earlier is None:
        (always if guard is None else guarded[guard]).add(rule)
        return
    why = "takes all that it names." if earlier.always else "has the same condition and takes all that it names."
    problems.harm(
        rule.mark, f'The rule "{rule.name}" is never reached: "{earlier.name}" on line {earlier.mark.line} {why}'
    )


def _check_examples(rule: Rule, problems: Problems) -> None:
    """Each example must be one that the rule can judge, and what its condition uses must be in one of them."""
    if not rule.examples:
        return
    true = 0
    for example in rule.examples:
        asked = Asked(_an_action(rule), example.params, _SOMEBODY, Claims())
        try:
            if rule.scope is None:
                rule.check(example.params)
            else:
                true += rule.holds(rule.scope.facts(asked))
        except CannotEvaluate as error:
            problems.harm(example.mark, f"The rule could not be evaluated for this example: {error.why}.")
            true += 1
    if rule.condition is not None and rule.when is not None:
        for use in _in_no_example(rule, rule.condition):
            problems.harm(
                rule.when.inside(use.line, use.column), f'The param "{use.name}" is in none of the rule\'s examples.'
            )
        if not true:
            problems.warn(rule.when.mark, "The condition is true of none of the rule's examples.")


def _in_no_example(rule: Rule, condition: Condition) -> Iterable[Use]:
    known = {name for example in rule.examples for name in example.params}
    return (use for use in condition.uses() if use.name not in known)


def _an_action(rule: Rule) -> str:
    """An action type that the rule names."""
    return rule.action.text.replace("*", "example")


def _warn_of_open_door(rule: Rule, problems: Problems) -> None:
    requirement = rule.verdict.requirement
    if requirement is None or requirement.approvers is not None:
        return
    if requirement.place != INBOX and not is_person(requirement.place):
        problems.warn(
            rule.mark,
            f'The rule "{rule.name}" names no approvers: whoever is in the channel "{requirement.channel}" may answer. '
            "Anybody may join an open channel.",
        )
