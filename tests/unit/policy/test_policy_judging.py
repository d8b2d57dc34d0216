"""Which rule decides."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso_bot.domain.globs import Glob
from sayso_bot.domain.request import Cause
from unit.policy.policies import ask, policy

POLICY = policy(
    """\
    rules:
      - {name: exact, action: db.drop.table, when: agent == 'dba', allow: true}
      - {name: drops, action: "db.drop.*", deny: Never.}
      - {name: checked, action: db.read, params: {rows: integer}, when: params.rows > 10, ask: {channel: inbox}}
      - {name: reads, action: "*.read", allow: true}
      - {name: odd, action: "x*y*z", when: agent == 'x', allow: true}
    """
)


@pytest.mark.parametrize(
    ("action", "agent", "rule"),
    [
        ("db.drop.table", "dba", "exact"),
        ("db.drop.table", "billing", "drops"),
        ("db.drop.", "billing", "drops"),
        ("db.drop", "billing", "no rule"),
        ("files.read", "billing", "reads"),
        ("xyz", "x", "odd"),
        ("xayybz", "x", "odd"),
        ("xzy", "x", "no rule"),
    ],
)
def test_the_first_rule_that_matches_wins(action: str, agent: str, rule: str) -> None:
    assert POLICY.judge(ask(action, agent=agent)).rule == rule


def test_what_no_rule_names_is_denied_by_the_policy() -> None:
    found = POLICY.judge(ask("mail.send"))
    assert (found.kind, found.cause, found.reason) == ("deny", Cause.POLICY, "No rule of the policy names this action.")


def test_what_every_rule_lets_past_is_denied_by_the_policy() -> None:
    found = POLICY.judge(ask("xyz", agent="other"))
    assert (found.kind, found.cause) == ("deny", Cause.POLICY)


def test_an_explanation_says_what_became_of_each_rule() -> None:
    explained = POLICY.explain(ask("db.read", rows=5))
    assert [(step.rule, step.outcome) for step in explained.steps] == [
        ("exact", "other_action"),
        ("drops", "other_action"),
        ("checked", "condition_false"),
        ("reads", "matched"),
        ("odd", "not_reached"),
    ]
    broken = POLICY.explain(ask("db.read", rows="many"))
    assert [step.outcome for step in broken.steps[2:]] == ["cannot_evaluate", "not_reached", "not_reached"]
    assert broken.verdict.cause is Cause.POLICY_ERROR


@given(
    st.sampled_from(["db.drop.table", "db.read", "a.read", "xyz", "xy", "mail"]),
    st.sampled_from(["dba", "x", "billing"]),
    st.dictionaries(st.just("rows"), st.integers(0, 20) | st.text(max_size=1)),
)
def test_an_explanation_ends_as_the_judgement_does(action: str, agent: str, params: dict[str, Any]) -> None:
    asked = ask(action, agent=agent, **params)
    assert POLICY.explain(asked).verdict == POLICY.judge(asked)


def test_rules_can_be_shown() -> None:
    shown = POLICY.rules[2]
    assert (shown.name, shown.line, shown.action, shown.when) == ("checked", 4, "db.read", "params.rows > 10")
    assert shown.params == {"rows": "integer"}


PATTERNS = st.text("ab.*", min_size=1, max_size=6)
ACTIONS = st.text("ab.", max_size=8)


@given(PATTERNS, ACTIONS)
def test_a_star_stands_for_any_run(pattern: str, action: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), action)
    assert Glob(pattern).matches(action) == bool(expected)


@given(PATTERNS, PATTERNS, st.lists(ACTIONS, min_size=6, max_size=6))
def test_a_pattern_that_covers_another_matches_all_that_it_does(wide: str, narrow: str, runs: list[str]) -> None:
    fillings = iter(runs)
    action = re.sub(r"\*", lambda _: next(fillings), narrow)
    if Glob(wide).covers(Glob(narrow)):
        assert Glob(wide).matches(action)


@pytest.mark.parametrize(
    ("wide", "narrow", "covers"),
    [
        ("*", "a", True),
        ("a*", "a", True),
        ("a*", "a*b", True),
        ("a*b", "a*", False),
        ("*a*", "b*a", True),
        ("a.*", "a*", False),
        ("**", "*", True),
        ("a", "a*", False),
    ],
)
def test_covering_is_told_exactly(wide: str, narrow: str, covers: bool) -> None:
    assert Glob(wide).covers(Glob(narrow)) is covers


def test_a_pattern_of_many_stars_takes_no_longer() -> None:
    began = time.thread_time()
    assert not Glob("*a" * 60 + "b").matches("a" * 128)
    assert time.thread_time() - began < 0.1


def test_many_rules_are_judged_as_quickly_as_few() -> None:
    rules = "".join(f"  - {{action: tool.{number}, when: agent == 'x', allow: true}}\n" for number in range(1000))
    large = policy("rules:\n" + rules + "  - {action: last, allow: true}\n")
    large.judge(ask("last"))
    began = time.thread_time()
    for _ in range(1000):
        large.judge(ask("last"))
    assert time.thread_time() - began < 0.2
