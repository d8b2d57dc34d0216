"""`sayso policy test`: cases kept beside the policy hold, or are told with their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from unit.cli.office import Operator

POLICY = """\
approvers: {finance: ["email:ana@example.com", "email:ben@example.com"]}
rules:
  - name: large
    action: pay.*
    params: {amount: number}
    when: params.amount > 500 && claims.summary != ''
    risk: high
    ask: {channel: inbox, approvers: finance, quorum: 2, reason: always, timeout: 30m}
  - {name: small, action: pay.*, ask: {channel: inbox, approvers: ["email:ana@example.com"]}}
  - {name: reads, action: read.*, when: agent == 'shop', allow: true}
"""
CASES = """\
cases:
  - name: two people for a large payment
    action: pay.refund
    params: {amount: 900}
    claims: {summary: A duplicate}
    expect: {verdict: ask, rule: large, channel: inbox, approvers: finance, quorum: 2, reason: always, timeout: 30m,
             risk: high}
  - action: pay.refund
    params: {amount: 5}
    expect: {rule: small, approvers: ["email:ana@example.com"]}
  - {name: a text is no amount, action: pay.x, params: {amount: "5"}, expect: {verdict: deny, cause: policy_error}}
  - {action: read.log, agent: shop, expect: allow}
  - {action: read.log, expect: {verdict: deny, rule: no rule, cause: policy}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "policy.cases.yaml").write_text(CASES)
    return tmp_path / "policy.yaml"


def test_cases_that_hold_are_a_table(operator: Operator, file: Path) -> None:
    lines = operator.ok("policy", "test", str(file)).out.splitlines()
    assert lines[0].split() == ["case", "action", "expected", "got", "at"]
    assert [line.split()[0] for line in lines[1:6]] == ["ok"] * 5
    assert lines[1].endswith("policy.cases.yaml:2:5")
    assert lines[-1] == "5 of 5 cases hold."


def test_a_case_may_say_how_urgent_the_agent_calls_it(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(
        "rules:\n  - {name: urgent, action: a, when: claims.urgency == 'high', deny: not now}\n"
        "  - {action: a, allow: true}\n"
    )
    (tmp_path / "policy.cases.yaml").write_text(
        "cases:\n  - {action: a, claims: {urgency: high}, expect: {rule: urgent}}\n  - {action: a, expect: allow}\n"
    )
    assert operator.ok("policy", "test", str(tmp_path / "policy.yaml")).out.splitlines()[-1] == "2 of 2 cases hold."


def test_a_case_that_does_not_hold_is_told_with_the_place_of_what_it_expects(operator: Operator, file: Path) -> None:
    (file.parent / "more.cases.yaml").write_text(
        "cases:\n  - action: pay.refund\n    params: {amount: 900}\n    claims: {summary: x}\n"
        "    expect: {rule: large, quorum: 1, timeout: 1h}\n  - {action: mail, expect: ask}\n"
    )
    ended = operator.run("policy", "test", str(file))
    assert ended.code == 1
    places = [line.rsplit("/", 1)[1] for line in ended.err.splitlines()]
    assert places == [
        'more.cases.yaml:5:35: In "pay.refund": quorum is 2, not 1.',
        'more.cases.yaml:5:47: In "pay.refund": timeout is 30m, not 1h.',
        'more.cases.yaml:6:28: In "mail": verdict is deny, not ask.',
    ]
    assert "5 of 7 cases hold." in ended.out
    told = operator.run("policy", "test", str(file), "--json")
    assert (told.code, told.json["ok"]) == (1, False)
    assert [case["ok"] for case in told.json["cases"]] == [False, False, *[True] * 5]
    assert told.json["cases"][0]["problems"][0]["column"] == 35


def test_rules_that_no_case_reaches_are_named(operator: Operator, file: Path) -> None:
    only = file.parent / "only.yaml"
    only.write_text("cases: [{action: read.log, agent: shop, expect: allow}]\n")
    ended = operator.ok("policy", "test", str(file), str(only))
    assert ended.out.splitlines()[-1] == "No case reaches: large (line 3), small (line 9)"


BAD = [
    ("", "1:1", "The file of cases is empty"),
    ("cases: []\n", "1:8", "cases must not be empty"),
    ("tests: []\n", "1:1", '"tests" is unknown'),
    ("cases: [{expect: ask}]\n", "1:9", "A case needs an action"),
    ("cases: [{action: a}]\n", "1:9", "A case says what it expects"),
    ("cases: [{action: 'a.*', expect: ask}]\n", "1:18", "one exact action type"),
    ("cases: [{action: a, expect: maybe}]\n", "1:29", "expect is one of ask, allow, deny"),
    ("cases: [{action: a, expect: {}}]\n", "1:29", "expect says at least one thing"),
    ("cases: [{action: a, expect: {quorum: two}}]\n", "1:38", "a whole number"),
    ("cases: [{action: a, expect: ask, agent: Shop}]\n", "1:41", "An agent's name"),
    ("cases: [{action: a, expect: ask, claims: {sumary: x}}]\n", "1:43", '"sumary" is unknown'),
    ("cases: [{action: a, expect: ask, claims: {urgency: HIGH}}]\n", "1:52", "low, medium, high"),
    ("cases: [{action: a, expect: ask, params: {n: .inf}}]\n", "1:46", "No agent can send this number"),
    ("cases: [{action: a, expect: ask, params: {n: 9007199254740992}}]\n", "1:46", "No agent can send this number"),
    ('cases: [{action: a, expect: ask, params: {n: "\\0"}}]\n', "1:46", "No agent can send the character NUL"),
    ("cases: &x []\n", "1:8", "anchors are not accepted"),
]


@pytest.mark.parametrize(("text", "place", "words"), BAD)
def test_a_file_of_cases_that_is_none_is_told_with_line_and_column(
    operator: Operator, file: Path, text: str, place: str, words: str
) -> None:
    (file.parent / "policy.cases.yaml").write_text(text)
    ended = operator.run("policy", "test", str(file))
    assert (ended.code, ended.out) == (1, "")
    assert any(f"policy.cases.yaml:{place}: " in line and words in line for line in ended.err.splitlines()), ended.err


def test_without_cases_or_without_a_valid_policy_nothing_is_tried(operator: Operator, file: Path) -> None:
    (file.parent / "policy.cases.yaml").rename(file.parent / "cases.txt")
    ended = operator.run("policy", "test", str(file))
    assert ended.code == 2
    assert "No cases lie beside" in ended.err
    assert operator.run("policy", "test", str(file), str(file.parent / "none.cases.yaml")).code == 2
    file.write_text("rules: []\n")
    assert operator.run("policy", "test", str(file)).code == 1


def test_the_schema_is_printed(operator: Operator) -> None:
    assert operator.ok("policy", "schema").json["title"] == "A policy of Sayso"
    assert "expect" in operator.ok("policy", "schema", "--cases").json["properties"]["cases"]["items"]["properties"]
