"""`sayso policy list|show|diff|rollback`: what was in force, what changed, and the way back."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from sayso_bot.policy import digest
from unit.cli.office import Operator

FIRST = """\
approvers: {finance: ["email:ana@example.com", "email:ben@example.com"]}
rules:
  - name: payments
    action: pay.*
    ask: {channel: inbox, approvers: finance, quorum: 2}
  - action: read.*
    allow: true
"""
SECOND = FIRST.replace("quorum: 2", "quorum: 1").replace("read.*", "look.*")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(FIRST)
    return path


@pytest.fixture
def twice(operator: Operator, file: Path) -> Path:
    """Two versions: one of the first document, then one of the second."""
    operator.ok("policy", "activate", str(file), "--comment", "The beginning")
    file.write_text(SECOND)
    operator.ok("policy", "activate", str(file), "--comment", "Fewer asks")
    return file


def test_versions_are_listed_newest_first_with_who_when_and_from_where(operator: Operator, twice: Path) -> None:
    lines = operator.ok("policy", "list").out.splitlines()
    assert lines[0].split() == ["version", "document", "put", "in", "force", "by", "how", "from", "comment"]
    assert [line.split()[0] for line in lines[1:]] == ["2", "1"]
    assert lines[1].endswith("in force")
    assert "Fewer asks" in lines[1]
    assert f"{socket.gethostname()}:{twice}" in lines[1]
    told = operator.ok("policy", "list", "--json").json
    assert told["active"] == digest(SECOND)
    assert [(each["number"], each["digest"], each["replaces"]) for each in told["items"]] == [
        (2, digest(SECOND), digest(FIRST)),
        (1, digest(FIRST), None),
    ]
    assert told["items"][0]["by"].startswith("operator")
    assert told["items"][0]["via"] == "command"
    assert told["items"][0]["at"].endswith("Z")


def test_a_list_goes_on_where_a_page_ended(operator: Operator, twice: Path) -> None:
    ended = operator.ok("policy", "list", "--limit", "1")
    assert ended.err == "Older ones: sayso policy list --before 2\n"
    assert "in force" not in operator.ok("policy", "list", "--before", "2").out.splitlines()[1]


def test_before_the_first_document_there_is_nothing_to_list_or_show(operator: Operator) -> None:
    assert "No policy was put in force yet" in operator.ok("policy", "list").err
    assert operator.run("policy", "show").code == 1


def test_a_document_is_shown_as_it_was_by_number_digest_or_in_force(operator: Operator, twice: Path) -> None:
    assert operator.ok("policy", "show").out == SECOND
    assert operator.ok("policy", "show", "1").out == FIRST
    assert operator.ok("policy", "show", digest(FIRST)[:20]).out == FIRST
    assert operator.ok("policy", "show", "1", "--json").json["document"] == FIRST
    for unknown in ("3", "sha256:0123456789", "yesterday"):
        ended = operator.run("policy", "show", unknown)
        assert (ended.code, ended.out) == (1, "")


def test_a_weaker_document_is_not_refused_but_said_to_be_so(operator: Operator, file: Path) -> None:
    operator.ok("policy", "activate", str(file))
    file.write_text(SECOND)
    shown = operator.ok("policy", "activate", str(file)).out
    assert "This demands less than before, in 2 ways:" in shown
    assert '  weaker: pay.*: quorum 1 instead of 2 (rule "payments").' in shown
    assert "weaker: look.*: allows what no rule let happen" in shown
    (entry,) = [each for each in operator.journal() if '"number":2' in each["data"]]
    assert json.loads(entry["data"])["weakens"] == [
        'pay.*: quorum 1 instead of 2 (rule "payments").',
        'look.*: allows what no rule let happen (rule "look.*").',
    ]


def test_two_versions_or_files_are_compared_rule_by_rule(operator: Operator, twice: Path) -> None:
    shown = operator.ok("policy", "diff", "1", "2").out
    assert "changed  payments (line 3)" in shown
    assert "           quorum: 2 → 1" in shown
    assert "weaker: pay.*: quorum 1 instead of 2" in shown
    back = operator.ok("policy", "diff", "2", "1", "--json").json
    assert back["compared"] is True
    assert "+    ask: {channel: inbox, approvers: finance, quorum: 2}" in back["text"]
    assert operator.ok("policy", "diff", str(twice)).out == "Both say the same.\n"
    assert "-  - action: read.*" in operator.ok("policy", "diff", "1", "active", "--text").out.splitlines()


def test_check_says_what_changes_from_the_active_one(operator: Operator, twice: Path) -> None:
    twice.write_text(SECOND.replace("finance, quorum: 1", "['email:eve@example.com']"))
    shown = operator.ok("policy", "check", str(twice), "--against", "active").out
    assert "From active:" in shown
    assert "may be approved by email:eve@example.com too" in shown
    told = operator.ok("policy", "check", str(twice), "--against", "1", "--json").json
    assert told["against"]["weakened"][0]["told"].startswith("pay.*: ")


def test_a_rollback_brings_an_earlier_document_back_and_is_recorded_as_such(operator: Operator, twice: Path) -> None:
    shown = operator.ok("policy", "rollback", "1", "--comment", "Too few asks").out
    assert shown.startswith(f"In force: version 3, {digest(FIRST)}. It replaced {digest(SECOND)}.\n")
    newest, *_ = operator.ok("policy", "list", "--json").json["items"]
    assert (newest["number"], newest["restores"], newest["comment"]) == (3, 1, "Too few asks")
    assert "back to 1" in operator.ok("policy", "list").out.splitlines()[1]
    assert operator.asked("look.log").status == "denied"
    assert "In force already" in operator.ok("policy", "rollback", "1").out
    assert operator.run("policy", "rollback", "9").code == 1
    assert operator.run("policy", "rollback", "0").code == 2


def test_a_comment_is_one_line_of_some_length(operator: Operator, file: Path) -> None:
    assert operator.run("policy", "activate", str(file), "--comment", "x" * 501).code == 2
    operator.ok("policy", "activate", str(file), "--comment", "two\nlines")
    assert operator.ok("policy", "list", "--json").json["items"][0]["comment"] == "two⟨U+000A⟩lines"
