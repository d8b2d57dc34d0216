"""`sayso requests list|show` and `sayso decide`: what waits, in full, and the local operator's answer to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sayso_bot.cli.operator import Book
from sayso_bot.domain.files import MAX_FILE_BYTES
from sayso_bot.domain.form import Field, Form
from sayso_bot.domain.request import Request
from service import ANA
from unit.cli.office import Operator

UNKNOWN = "req_01a209e0-ee3a-73c5-95c9-98ba99aa895a"
TWO = """
people: {owner: [operator, "email:owner@example.com"]}
rules:
  - action: pay
    ask: {channel: inbox, approvers: [operator, "email:ana@example.com"], quorum: 2}
  - action: explain
    ask: {channel: inbox, approvers: [operator], reason: deny}
  - action: others
    ask: {channel: inbox, approvers: ["email:ana@example.com"]}
  - action: drop
    deny: Nothing is ever dropped.
"""
DEMANDING = """
rules:
  - action: hire
    ask: {channel: inbox, approvers: [operator], confirm: type, forms: true}
"""
IN_SLACK = """
channels: {payments: "slack:C0PAYMENTS"}
rules:
  - action: pay
    ask: {channel: payments, approvers: [operator, "slack:S0FINANCE"], quorum: 2}
  - action: refund
    ask: {channel: payments, approvers: [operator]}
"""


@pytest.fixture
def policy(operator: Operator, tmp_path: Path) -> None:
    _activate(operator, tmp_path, TWO)


def _activate(operator: Operator, folder: Path, text: str) -> None:
    (folder / "policy.yaml").write_text(text)
    operator.ok("policy", "activate", str(folder / "policy.yaml"))


# --------------------------------------------------------------------------- list


def test_requests_are_listed_newest_first_in_the_shape_of_the_api(operator: Operator) -> None:
    older, newer = operator.asked("a.one"), operator.asked("a.two", {"n": 1})
    page = operator.ok("requests", "list", "--json").json
    assert [item["id"] for item in page["items"]] == [newer.id, older.id]
    assert page["next_cursor"] is None
    assert page["items"][0]["params"] == {"n": 1}
    assert page["items"][0]["review_url"] == f"http://127.0.0.1:8080/inbox/requests/{newer.id}"


def test_the_table_says_what_each_still_needs_or_how_it_ended(operator: Operator, policy: None) -> None:
    waiting, ended = operator.asked("pay"), operator.asked("drop")
    head, *lines = operator.ok("requests", "list").out.splitlines()
    assert head.split() == ["id", "status", "action", "agent", "age", "stands"]
    assert lines[0].split()[:4] == [ended.id, "denied", "drop", "shop"]
    assert lines[0].endswith("Denied by the policy")
    assert lines[1].split()[:4] == [waiting.id, "pending", "pay", "shop"]
    assert lines[1].endswith("0 of 2 approvals, from operator, email:ana@example.com")


def test_filters_are_exact(operator: Operator, policy: None) -> None:
    pay, _ = operator.asked("pay"), operator.asked("drop", agent="other")
    for options in (["--status", "pending"], ["--action", "pay"], ["--agent", "shop"]):
        found = operator.ok("requests", "list", "--json", *options).json["items"]
        assert [item["id"] for item in found] == [pay.id]


def test_pages_follow_one_another_by_cursor(operator: Operator) -> None:
    made = [operator.asked("a.b").id for _ in range(3)]
    first = operator.ok("requests", "list", "--limit", "2", "--json").json
    rest = operator.ok("requests", "list", "--limit", "2", "--cursor", first["next_cursor"], "--json").json
    assert [item["id"] for page in (first, rest) for item in page["items"]] == made[::-1]
    assert f"--cursor {first['next_cursor']}" in operator.ok("requests", "list", "--limit", "2").err


@pytest.mark.parametrize("options", [["--cursor", "x"], ["--limit", "101"], ["--action", "a b"], ["--agent", "A"]])
def test_a_filter_that_makes_no_sense_is_wrong_usage(operator: Operator, options: list[str]) -> None:
    assert operator.run("requests", "list", *options).code == 2


def test_an_empty_list_says_so_beside_the_result(operator: Operator) -> None:
    ended = operator.ok("requests", "list")
    assert (ended.out, ended.err) == ("", "There are no such requests.\n")


# --------------------------------------------------------------------------- show


def test_a_request_is_shown_in_full_with_the_claims_last_and_marked(operator: Operator, policy: None) -> None:
    request = operator.asked("pay", {"amount": 900, "to": {"name": "Ben"}}, summary="It is due")
    operator.answered(request, "approve", ANA, reason="I know Ben")
    lines = operator.ok("requests", "show", request.id).out.splitlines()
    assert lines[0] == "pay: pending"
    assert "  needs     1 of 2 approvals, from operator, email:ana@example.com" in lines
    assert lines[lines.index("What will be done") + 1 :][:2] == ["  amount = 900", "  to.name = Ben"]
    answers = lines.index("Answers")
    assert lines[answers + 1].startswith("  Ana approved in inbox, 20")
    assert lines[answers + 2] == "    | I know Ben"
    assert lines[-3:] == ["What the agent says (nobody has checked it)", "  Summary", "    | It is due"]


def test_no_text_of_an_agent_passes_for_a_line_of_ours_or_commands_the_terminal(operator: Operator) -> None:
    forged = "x\nHow it ended\n  Approved by Ana\x1b[2J\u202e"
    request = operator.asked("pay", {"note": forged}, summary=forged)
    out = operator.ok("requests", "show", request.id).out
    assert "How it ended" not in [line.strip() for line in out.splitlines()]
    assert out.count("    |   Approved by Ana⟨U+001B⟩[2J⟨U+202E⟩") == 2
    assert "\x1b" not in out


def test_what_is_hidden_in_a_list_is_named_once(operator: Operator, policy: None) -> None:
    request = operator.asked("explain")
    operator.ok("decide", request.id, "deny", "--reason", "no")
    assert operator.ok("requests", "list").out.splitlines()[1].endswith("Denied by Operator")


def test_a_card_that_cannot_be_shown_is_told(operator: Operator, tmp_path: Path) -> None:
    _activate(operator, tmp_path, IN_SLACK)
    request = operator.asked("pay")
    assert "Where it cannot be shown" not in operator.ok("requests", "show", request.id).out
    undeliverable(operator, request)
    assert "  Its card cannot be brought to slack:C0PAYMENTS since" in operator.ok("requests", "show", request.id).out


def undeliverable(operator: Operator, request: Request) -> None:
    async def fail(book: Book) -> None:
        work = await book.store.begin(request, "slack:C0PAYMENTS", 30)
        assert work is not None
        await book.store.failed(work, "not_in_channel", after_seconds=60, lost=False, alarm=True, whole_place=False)

    operator.on_book(fail)


def test_json_of_one_request_is_what_the_api_tells(operator: Operator) -> None:
    request = operator.asked("pay", {"a": [1, None]}, summary="S\x1b")
    ended = operator.ok("requests", "show", request.id, "--json")
    assert ended.out.isascii()
    assert (ended.json["params"], ended.json["claims"]) == ({"a": [1, None]}, {"summary": "S\x1b"})


@pytest.mark.parametrize("command", [["requests", "show", "{}"], ["decide", "{}", "approve"]])
@pytest.mark.parametrize("request_id", [UNKNOWN, "nonsense", "req_\x1b[2J", ""])
def test_an_unknown_request_is_said_to_be_unknown(operator: Operator, command: list[str], request_id: str) -> None:
    ended = operator.run(*(word.format(request_id) for word in command))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("There is no request with this id.")


# --------------------------------------------------------------------------- decide


@pytest.mark.parametrize(("answer", "status"), [("approve", "approved"), ("deny", "denied")])
def test_the_operator_decides_where_no_policy_is_set(operator: Operator, answer: str, status: str) -> None:
    request = operator.asked("pay")
    ended = operator.ok("decide", request.id, answer, "--reason", "because")
    assert ended.out == f"{status.capitalize()}: pay ({request.id}).\n"
    told = operator.ok("requests", "show", request.id, "--json").json
    assert told["status"] == status
    [vote] = told["decision"]["votes"]
    assert (vote["person"], vote["surface"], vote["reason"]) == ("operator", "cli", "because")


def test_an_answer_that_does_not_end_it_says_what_is_still_needed(operator: Operator, policy: None) -> None:
    request = operator.asked("pay")
    assert "It is still pending: 1 of 2 approvals" in operator.ok("decide", request.id, "approve").out
    again = operator.run("decide", request.id, "approve")
    assert (again.code, again.out) == (1, "")
    assert "already approved" in again.err
    operator.answered(request, "approve", ANA)
    late = operator.run("decide", request.id, "deny")
    already = "You have already approved this request. Each person has one vote; nothing changed."
    assert (late.code, late.err) == (1, f"Approved by Operator and Ana. {already}\n")


def test_an_earlier_approval_still_counts_when_the_operator_gives_the_last(operator: Operator, policy: None) -> None:
    request = operator.asked("pay")
    operator.answered(request, "approve", ANA)
    assert operator.ok("decide", request.id, "approve", "--json").json["status"] == "approved"


def test_an_operator_who_could_be_one_of_the_others_is_told_that_it_adds_nothing(
    operator: Operator, tmp_path: Path
) -> None:
    _activate(operator, tmp_path, TWO.replace("people:", "# people:"))
    request = operator.asked("pay")
    operator.answered(request, "approve", ANA)
    ended = operator.ok("decide", request.id, "approve")
    assert "It is still pending: 1 of 2 approvals" in ended.out
    assert "under people: in the policy" in ended.err


def test_the_operator_is_told_which_line_would_admit_them(operator: Operator, policy: None) -> None:
    request = operator.asked("others")
    ended = operator.run("decide", request.id, "approve")
    assert (ended.code, ended.out) == (1, "")
    assert "approvers: [operator, email:ana@example.com]" in ended.err
    assert operator.journal()[-1]["kind"] == "vote_refused"
    assert operator.ok("requests", "show", request.id, "--json").json["status"] == "pending"


def test_a_rule_that_wants_a_reason_gets_one(operator: Operator, policy: None) -> None:
    request = operator.asked("explain")
    refused = operator.run("decide", request.id, "deny")
    assert (refused.code, "wants a reason" in refused.err) == (1, True)
    assert operator.ok("decide", request.id, "deny", "--reason", "no").out.startswith("Denied: explain")


def test_what_the_rule_demands_is_shown_and_given_on_the_command_line(operator: Operator, tmp_path: Path) -> None:
    _activate(operator, tmp_path, DEMANDING)
    level = Field("level", "choose", "Which?", options=("junior", "senior"))
    request = operator.asked("hire", form=Form((level, Field("note", "text", "Why?", required=False))))
    lines = operator.ok("requests", "show", request.id).out.splitlines()
    assert "  needs     0 of 1 approval, from operator, confirmed by typing hire" in lines
    asks = lines.index("What the agent asks to fill in (its words)")
    assert lines[asks + 1 : asks + 3] == [
        "  level: Which? (one of junior, senior)",
        "  note: Why? (text, may be left out)",
    ]
    assert "type hire exactly" in operator.run("decide", request.id, "approve").err
    assert operator.run("decide", request.id, "approve", "--response", "[]").code == 2
    unfilled = operator.run("decide", request.id, "approve", "--confirm", "hire", "--response", '{"level": "boss"}')
    assert (unfilled.code, "level: Choose from the options." in unfilled.err) == (1, True)
    filled = ("--confirm", "hire", "--response", '{"level": "senior"}')
    assert operator.ok("decide", request.id, "approve", *filled).out.startswith("Approved: hire")
    assert "    Which? = senior" in operator.ok("requests", "show", request.id).out.splitlines()


def test_files_that_a_form_asks_for_are_given_by_their_paths(operator: Operator, tmp_path: Path) -> None:
    _activate(operator, tmp_path, DEMANDING)
    request = operator.asked("hire", form=Form((Field("papers", "files", "The papers", most_files=2),)))
    assert "at most 2 files, given with --file papers=@PATH" in operator.ok("requests", "show", request.id).out
    paper, huge = tmp_path / "cv.pdf", tmp_path / "huge.bin"
    paper.write_bytes(b"x" * 2048)
    huge.write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    approve = ("decide", request.id, "approve", "--confirm", "hire")
    assert "papers: This is needed." in operator.run(*approve).err
    for wrong in ("papers", "papers=cv.pdf", f"papers=@{tmp_path}/none", "=@x"):
        assert operator.run(*approve, "--file", wrong).code == 2
    assert "at most 10 MiB" in operator.run(*approve, "--file", f"papers=@{huge}").err
    assert "asks for no file there" in operator.run(*approve, "--file", f"other=@{paper}").err
    done = operator.ok(*approve, "--file", f"papers=@{paper}", "--file", f"papers=@{paper}", "--json").json
    assert [file["name"] for file in done["decision"]["response"]["papers"]] == ["cv.pdf", "cv.pdf"]
    lines = operator.ok("requests", "show", request.id).out
    assert "cv.pdf (2 KiB, Operator for The papers) sha256:" in lines
    assert "The papers = cv.pdf (2 KiB), cv.pdf (2 KiB)" in lines


def test_a_reason_that_is_no_text_is_wrong_usage(operator: Operator) -> None:
    request = operator.asked("pay")
    assert operator.run("decide", request.id, "deny", "--reason", "\udcff").code == 2
    assert operator.ok("requests", "show", request.id, "--json").json["status"] == "pending"


def test_no_approval_is_voided_because_this_shell_cannot_check_it(operator: Operator, tmp_path: Path) -> None:
    """Without Slack's settings nobody here knows the group, and an approval that is not checked again would be void."""
    _activate(operator, tmp_path, IN_SLACK)
    request = operator.asked("pay")
    refused = operator.run("decide", request.id, "approve")
    assert refused.code == 1
    assert "can only be checked again with the settings of slack" in refused.err
    assert operator.ok("decide", request.id, "deny").out.startswith("Denied")
    alone = operator.asked("refund")
    assert operator.ok("decide", alone.id, "approve").out.startswith("Approved")
