"""`sayso policy`: problems with their places, explanations, and a document put in force."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sayso_bot.policy import digest
from unit.cli.office import Operator

VALID = """
channels: {payments: "slack:C0PAYMENTS"}
approvers: {finance: ["email:ana@example.com", operator]}
rules:
  - name: large
    action: pay
    params: {amount: number}
    when: params.amount > 500 && agent == 'shop'
    ask: {channel: inbox, approvers: finance, quorum: 2, reason: always, timeout: 30m}
  - action: pay
    ask: {channel: payments}
  - action: read.*
    allow: true
  - action: drop
    deny: Nothing is dropped.
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(VALID)
    return path


# --------------------------------------------------------------------------- check


def test_a_valid_policy_lists_its_rules_and_warns_beside_them(operator: Operator, file: Path) -> None:
    ended = operator.ok("policy", "check", str(file))
    lines = ended.out.splitlines()
    assert lines[0].split() == ["line", "rule", "action", "when", "then"]
    assert lines[1].endswith(
        "ask in inbox: finance (email:ana@example.com, operator); 2 approvals within 30m, a reason always"
    )
    assert lines[3].split() == ["12", "read.*", "read.*", "always", "allow"]
    assert lines[-1] == f"The policy is valid: {digest(VALID)}"
    assert ended.err.startswith(f"{file}:10:5: warning: ")


def test_all_that_a_rule_demands_of_an_answer_is_listed(operator: Operator, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("""
channels: {ops: "slack:C0OPS"}
rules:
  - action: "db.*"
    risk: high
    ask: {channel: ops, approvers: [operator], confirm: type, editable: [table], forms: true, fallback: inbox,
          timeout: 2h}
  - action: "note.*"
    ask: {channel: ops, digest: true}
""")
    lines = operator.ok("policy", "check", str(path)).out.splitlines()
    assert lines[1].endswith(
        "ask in ops: operator; 1 approval within 2h, the action is typed to confirm, table may be edited, the agent may"
        " ask for a form, asked in inbox where it cannot be shown, high risk"
    )
    assert lines[2].endswith("1 approval within 1d, a burst is one list")


def test_problems_are_told_with_file_line_and_column_all_at_once(operator: Operator, file: Path) -> None:
    file.write_text("rules:\n  - action: pay\n    ask: {channel: nowhere}\n  - action: x\n    allow: maybe\n")
    ended = operator.run("policy", "check", str(file))
    assert (ended.code, ended.out) == (1, "")
    places = [line.rsplit("/", 1)[1].split(" ")[0] for line in ended.err.splitlines()]
    assert places == ["policy.yaml:3:20:", "policy.yaml:5:12:"]
    told = operator.run("policy", "check", str(file), "--json")
    assert told.code == 1
    assert told.json["valid"] is False
    assert [(problem["line"], problem["column"]) for problem in told.json["problems"]] == [(3, 20), (5, 12)]


def test_json_describes_rules_and_warnings(operator: Operator, file: Path) -> None:
    told = operator.ok("policy", "check", str(file), "--json").json
    assert (told["valid"], told["digest"], told["problems"]) == (True, digest(VALID), [])
    assert len(told["warnings"]) == 1
    assert [rule["verdict"]["kind"] for rule in told["rules"]] == ["ask", "ask", "allow", "deny"]
    assert told["rules"][0]["verdict"]["requirement"]["quorum"] == 2


def test_a_file_that_cannot_be_read_is_one_sentence_and_exit_2(operator: Operator, tmp_path: Path) -> None:
    for command in (["check"], ["activate"]):
        ended = operator.run("policy", *command, str(tmp_path / "none.yaml"))
        assert (ended.code, ended.out) == (2, "")
        assert "does not exist" in ended.err
        assert len(ended.err.splitlines()) == 1


@pytest.mark.parametrize("command", ["check", "activate", "diff", "test", "explain"])
def test_what_is_no_file_is_wrong_usage_and_what_is_no_text_is_not_valid(
    operator: Operator, tmp_path: Path, command: str
) -> None:
    more = ["pay"] if command == "explain" else []
    for make, words in ((Path.mkdir, "is a folder"), (os.mkfifo, "is a pipe")):
        path = tmp_path / f"{words[-4:]}.yaml"
        make(path)
        ended = operator.run("policy", command, str(path), *more)
        assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
        assert words in ended.err
    for body, place in ((b"rules:\n  \xff", ":2:3: "), (b"\xef\xbb\xbfrules: []", ":1:1: "), (b"r: \0", ":1:4: ")):
        (tmp_path / "p.yaml").write_bytes(body)
        ended = operator.run("policy", command, str(tmp_path / "p.yaml"), *more)
        assert (ended.code, ended.out) == (1, "")
        assert place in ended.err


def test_neither_check_nor_explain_needs_a_service(
    operator: Operator, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAYSO_REDIS_URL", "nonsense")
    operator.ok("policy", "check", str(file))
    operator.ok("policy", "explain", str(file), "drop")


# --------------------------------------------------------------------------- explain


def test_each_rule_says_what_became_of_it_and_who_would_answer(operator: Operator, file: Path) -> None:
    ended = operator.ok("policy", "explain", str(file), "pay", "--params", '{"amount": 900}', "--agent", "shop")
    lines = ended.out.splitlines()
    assert [line.split()[2] for line in lines[1:3]] == ["decides", "not"]
    assert lines[-3:] == [
        'Asked in inbox (inbox), by the rule "large".',
        "Who may answer: finance (email:ana@example.com, operator).",
        "What it takes: 2 approvals within 30m, a reason always.",
    ]


@pytest.mark.parametrize(
    ("asked", "last"),
    [
        (["pay", "--params", '{"amount": 9}'], "What it takes: 1 approval within 1d."),
        (["pay", "--params", '{"amount": "900"}'], "must be a number, and it is a text."),
        (["read.log"], 'Allowed without asking, by the rule "read.*".'),
        (["drop"], "Denied without asking: Nothing is dropped."),
        (["else"], "Denied without asking: No rule of the policy names this action."),
    ],
)
def test_the_verdict_stands_last(operator: Operator, file: Path, asked: list[str], last: str) -> None:
    assert operator.ok("policy", "explain", str(file), *asked).out.splitlines()[-1].endswith(last)


def test_params_come_from_text_file_or_standard_input(
    operator: Operator, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (file.parent / "p.json").write_text('{"amount": 900}')
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b'{"amount": 900}')))
    for source in ('{"amount": 900}', f"@{file.parent / 'p.json'}", "-"):
        told = operator.ok("policy", "explain", str(file), "pay", "--params", source, "--agent", "shop", "--json").json
        assert told["verdict"]["rule"] == "large"
        assert [step["outcome"] for step in told["steps"]] == ["matched", *["not_reached"] * 3]


def test_the_action_is_an_argument_or_an_option_and_claims_are_what_the_agent_would_say(
    operator: Operator, file: Path
) -> None:
    file.write_text(VALID.replace("agent == 'shop'", "claims.summary == 'urgent'"))
    asked = ["--params", '{"amount": 900}', "--claims", '{"summary": "urgent", "links": ["x"]}', "--json"]
    told = [operator.ok("policy", "explain", str(file), *how, *asked).json for how in (["pay"], ["--action", "pay"])]
    assert told[0] == told[1]
    assert told[0]["verdict"]["rule"] == "large"
    assert told[0]["placed"] == {"channel": "inbox", "place": "inbox", "why": ""}
    for wrong in ([], ["pay", "--action", "pay"], ["--action", "pa y"], ["pay", "--claims", '{"summary": 5}'],
                  ["pay", "--claims", '{"no": ""}']):  # fmt: skip
        assert operator.run("policy", "explain", str(file), *wrong).code == 2


def test_an_earlier_rule_that_did_not_match_says_what_was_false(operator: Operator, file: Path) -> None:
    told = operator.ok("policy", "explain", str(file), "pay", "--params", '{"amount": 12}', "--json").json
    assert told["steps"][0]["why"] == (
        "Its condition is not true: params.amount > 500 && agent == 'shop', where params.amount is 12 and "
        "agent is agent."
    )


def test_without_a_file_the_policy_in_force_is_explained(operator: Operator, file: Path) -> None:
    told = operator.ok("policy", "explain", "--action", "anything").out
    assert told.splitlines()[-3] == 'Asked in inbox (inbox), by the rule "built-in default".'
    operator.ok("policy", "activate", str(file))
    assert 'by the rule "pay"' in operator.ok("policy", "explain", "--action", "pay", "--params", '{"amount": 1}').out


def test_what_a_live_route_and_a_pause_make_of_it_is_told_and_who_may_answer_stays_who_it_was(
    operator: Operator, file: Path
) -> None:
    file.write_text("channels: {payments: slack:C0PAYMENTS}\nrules:\n  - {action: pay, ask: {channel: payments}}\n")
    operator.ok("policy", "activate", str(file))
    operator.ok("routes", "set", "pay", "inbox", "--yes")
    operator.ok("pause", "--action", "pay", "--reason", "it loops", "--yes")
    told = operator.ok("policy", "explain", "--action", "pay")
    paused, asked, who, _ = told.out.splitlines()[-4:]
    assert paused.startswith("pay is paused by Operator since")
    assert paused.endswith(": it loops. Until somebody resumes it, nothing of it is asked or allowed.")
    assert asked.startswith('Asked in inbox (inbox), by the rule "pay". Operator has it so since')
    assert who == "Who may answer: whoever is in payments, and nobody by being in inbox."
    found = operator.ok("policy", "explain", "--action", "pay", "--json").json
    assert (found["paused"]["action"], found["paused"]["reason"]) == ("pay", "it loops")
    of_a_file = operator.ok("policy", "explain", str(file), "pay").out.splitlines()
    assert of_a_file[-2] == "Who may answer: whoever is in payments."


@pytest.mark.parametrize("params", ["{", "[]", '{"a": 1, "a": 2}', '{"a": 1e400}', "@/none", "\udcff"])
def test_params_that_no_agent_could_send_are_wrong_usage(operator: Operator, file: Path, params: str) -> None:
    assert operator.run("policy", "explain", str(file), "pay", "--params", params).code == 2


# --------------------------------------------------------------------------- activate


def test_a_policy_is_put_in_force_and_says_what_it_replaced(operator: Operator, file: Path) -> None:
    first = operator.ok("policy", "activate", str(file)).out
    assert first.startswith(f"In force: version 1, {digest(VALID)}. It replaced the built-in default, which asks")
    assert "Nothing was changed" in operator.ok("policy", "activate", str(file)).out
    other = VALID.replace("500", "600")
    file.write_text(other)
    told = operator.ok("policy", "activate", str(file), "--json").json
    assert told["active"] == digest(other)
    assert (told["activated"], told["changed"], told["version"], told["replaced"]) == (True, True, 2, digest(VALID))
    assert operator.asked("drop").status == "denied"
    kinds = [entry["kind"] for entry in operator.journal()]
    assert kinds.count("policy_activated") == 2


def test_an_invalid_policy_changes_nothing(operator: Operator, file: Path) -> None:
    operator.ok("policy", "activate", str(file))
    file.write_text("rules: []\nmore: 1\n")
    ended = operator.run("policy", "activate", str(file))
    assert (ended.code, ended.out) == (1, "")
    file.write_text(VALID)
    assert "In force already" in operator.ok("policy", "activate", str(file)).out
