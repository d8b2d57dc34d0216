"""Checks before harm: what is written well, and could not work or take effect."""

from __future__ import annotations

import time

import pytest

from sayso_bot.policy import PolicyInvalid, load
from unit.policy.policies import ask, policy, problems

TOP = (
    "channels: {pay: slack:C1, ana: slack:U1, ben: slack:T1/U2}\napprovers: {finance: ['email:a@b.c', 'email:d@e.f']}\n"
)
RULE = TOP + "rules:\n  - action: a\n"
EXAMPLES = RULE + "    params: {n: number, note: string?}\n"
ASKS = "    ask: {channel: inbox}\n"

BAD = [
    # high risk
    (RULE + "    risk: low\n" + ASKS, "5:11", "risk is one of high"),
    (RULE + "    risk: high\n    allow: true\n", "5:5", "risk goes with ask alone"),
    (RULE + "    risk: high\n    deny: Never.\n", "5:5", "risk goes with ask alone"),
    (RULE + "    risk: high\n    ask: {channel: pay}\n", "6:20", "without them whoever is in the channel may answer"),
    (RULE + "    risk: high\n" + ASKS, "6:20", "without them whoever signed in to the inbox"),
    (RULE + "    risk: high\n    ask: {channel: pay, approvers: finance, digest: true}\n", "6:53", "a card of its own"),
    # quorums
    (RULE + "    ask: {channel: ana, quorum: 2}\n", "5:33", "can never be reached: there is one approver"),
    (RULE + "    ask: {channel: ana, quorum: 2, fallback: ben}\n", "5:33", "can never be reached"),
    (RULE + "    ask: {channel: pay, approvers: finance, quorum: 3}\n", "5:53", "there are 2 approvers"),
    # examples
    (EXAMPLES + "    examples: {}\n" + ASKS, "6:15", "examples must be a list"),
    (EXAMPLES + "    examples: [5]\n" + ASKS, "6:16", "An example must be a table"),
    (EXAMPLES + "    examples: [{n: '5'}]\n" + ASKS, "6:16", 'the param "n" must be a number, and it is a text'),
    (EXAMPLES + "    examples: [{n: 5}, {m: 5}]\n" + ASKS, "6:24", 'it needs the param "n", which is missing'),
    (EXAMPLES + "    examples: [{n: 5}]\n    when: params.n > 1 && params.note == 'x'\n" + ASKS, "7:27",
     "The param \"note\" is in none of the rule's examples"),
    (EXAMPLES + "    examples: [{n: 0, note: x}]\n    when: |\n      'params.q' != '' &&\n        1.0 / params.n > 1\n"
     + ASKS, None, None),
    (EXAMPLES + "    examples: [{n: 5, note: x}]\n    when: int(params.note) > 1\n" + ASKS, "6:16",
     "could not be evaluated for this example: its condition converts a value"),
    # rules that are never reached
    (TOP + "rules:\n  - {action: 'a.*', when: agent == 'x', deny: No.}\n"
     "  - {action: a.b, when: agent == 'x', allow: true}\n  - {action: a.b, when: agent == 'y', allow: true}\n", "5:5",
     '"a.*" on line 4 has the same condition and takes all that it names'),
    (TOP + "rules:\n  - {action: '*.read', allow: true}\n  - {action: 'db.*.read', deny: No.}\n", "5:5", "takes all"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "words"), BAD)
def test_what_could_not_work_is_refused_with_its_place(text: str, place: str | None, words: str | None) -> None:
    found = problems(text)
    if place is None:
        assert found == []
    else:
        assert [line for line in found if line.startswith(f"{place}: ") and str(words) in line], found


GOOD = [
    RULE + "    risk: high\n    ask: {channel: pay, approvers: finance, quorum: 2}\n",
    RULE + "    risk: high\n    ask: {channel: ana}\n",
    RULE + "    ask: {channel: ana, quorum: 2, fallback: pay}\n",
    RULE + "    ask: {channel: pay, approvers: ['slack:S1'], quorum: 9}\n",
    EXAMPLES
    + "    examples: [{n: 5, extra: 1}, {n: 1.5, note: null}]\n    when: params.n > 1 || params.note == null\n"
    + ASKS,
    TOP
    + "rules:\n  - {action: 'a.*', when: agent == 'x', deny: No.}\n"
    + "  - {action: 'a*', when: agent == 'x', allow: true}\n",
    TOP + "rules:\n  - {action: 'a*b', allow: true}\n  - {action: 'a*', deny: No.}\n  - {action: '*b', deny: No.}\n",
]


@pytest.mark.parametrize("text", GOOD)
def test_what_can_work_is_not_refused(text: str) -> None:
    assert problems(text) == []


def test_a_rule_of_high_risk_says_so_in_what_it_demands() -> None:
    requirement = policy(GOOD[0]).judge(ask("a")).requirement
    assert requirement is not None
    assert requirement.high_risk


def test_a_condition_that_no_example_meets_is_a_warning() -> None:
    loaded = policy(EXAMPLES + "    examples: [{n: 5}, {n: 6}]\n    when: params.n > 10\n" + ASKS)
    (warning,) = loaded.warnings
    assert (warning.line, warning.column) == (7, 11)
    assert "true of none of the rule's examples" in warning.sentence


@pytest.mark.parametrize("key", ["digest: true", "fallback: pay"])
def test_what_does_nothing_in_the_inbox_is_a_warning(key: str) -> None:
    (warning,) = policy(RULE + f"    ask: {{channel: inbox, {key}}}\n").warnings
    assert warning.line == 5
    assert warning.column in (35, 37)
    assert warning.sentence.startswith(f"{key.partition(':')[0]} does nothing in the inbox")
    assert policy(RULE + f"    ask: {{channel: ana, approvers: finance, {key}}}\n").warnings == ()


def test_a_check_that_is_new_takes_no_document_out_of_force() -> None:
    text = RULE + "    ask: {channel: ana, quorum: 2}\n  - {action: a, allow: true}\n"
    with pytest.raises(PolicyInvalid):
        load(text, "p")
    loaded = load(text, "p", in_force=True)
    assert [warning.line for warning in loaded.warnings] == [5, 6]
    assert loaded.judge(ask("a")).kind == "ask"
    with pytest.raises(PolicyInvalid, match="must be a list"):
        load("rules: 5\n", "p", in_force=True)


def test_what_a_text_names_is_no_param() -> None:
    when = "'params.q' == \"params.r\" || params.n > 1 // params.s"
    loaded = policy(EXAMPLES + "    examples: [{n: 5}]\n    when: |\n      " + when + "\n" + ASKS)
    assert loaded.rules[0].when == when + "\n"


def test_many_rules_are_held_against_one_another_in_a_moment() -> None:
    patterns = [f"  - {{action: 'team{n}.*', allow: true}}\n" for n in range(4000)]
    guarded = [f"  - {{action: 'team{n}.x*', when: agent == 'x', allow: true}}\n" for n in range(4000, 8000)]
    began = time.thread_time()
    assert problems("rules:\n" + "".join(patterns + guarded) + "  - {action: team7.deploy, deny: No.}\n") == [
        '8002:5: The rule "team7.deploy" is never reached: "team7.*" on line 9 takes all that it names.'
    ]
    assert time.thread_time() - began < 8
