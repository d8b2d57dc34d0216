"""What an operator does at a shell: `sayso routes`, `channels`, `pause`, `resume`, `pauses`, `move`, `keys rotate`."""

from __future__ import annotations

import getpass
import json
import socket
from datetime import datetime
from pathlib import Path

import pytest

from sayso_bot.cli.operator import Book
from sayso_bot.domain.key import Key, secret_digest
from unit.cli.office import Operator

POLICY = """
channels: {payments: "slack:C0PAYMENTS"}
rules:
  - {name: refunds, action: payments.refund, ask: {channel: payments, approvers: [operator]}}
  - {name: deploys, action: deploy.*, ask: {channel: payments, approvers: [operator]}}
"""


@pytest.fixture
def policy(operator: Operator, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY)
    operator.ok("policy", "activate", str(file))


@pytest.mark.usefixtures("policy")
class TestRoutes:
    def test_one_is_set_listed_and_undone(self, operator: Operator) -> None:
        told = operator.ok("routes", "set", "payments.*", "inbox", "--for", "2h", "--reason", "a fire drill")
        assert told.out.startswith("payments.* is asked in inbox until ")
        [listed] = operator.ok("routes", "list", "--json").json
        assert (listed["action"], listed["reason"], listed["rules"]) == ("payments.*", "a fire drill", ["refunds"])
        assert listed["set_by"] == {"id": "operator", "name": "Operator", "surface": "cli"}
        [entry] = [entry for entry in operator.journal() if entry["kind"] == "route_set"]
        assert json.loads(entry["data"])["by"]["place"] == f"{getpass.getuser()}@{socket.gethostname()}"
        shown = operator.ok("routes", "list").out
        assert "refunds" in shown
        assert f"{datetime.fromisoformat(listed['set_at']):%Y-%m-%d %H:%M:%S} UTC" in shown
        assert operator.asked("payments.refund").asked_in == "inbox"
        assert operator.ok("routes", "undo", "payments.*", "--json").json["id"] == listed["id"]
        assert operator.ok("routes", "list").err.startswith("There are no live routes")
        assert operator.asked("payments.refund").asked_in == "payments"

    def test_what_would_do_nothing_or_everything_is_asked_again(self, operator: Operator) -> None:
        for action in ("rockets.*", "*"):
            ended = operator.run("routes", "set", action, "inbox")
            assert ended.code == 1
            assert "Nothing was changed; add --yes if you mean it." in ended.err
            assert "is asked in inbox for good" in ended.err
        assert operator.ok("routes", "list", "--json").json == []
        operator.ok("routes", "set", "*", "inbox", "--yes")

    @pytest.mark.parametrize(
        ("arguments", "code", "said"),
        [
            (["payments.*", "elsewhere"], 1, "has no channel called elsewhere"),
            (["payments.*", "payments"], 1, "Nothing was changed"),
            (["payments.*", "slack:C0OTHER"], 1, "slack is not set up here"),
            (["payments.*", "inbox", "--for", "soon"], 2, "90s, 15m, 2h or 3d"),
            (["payments.*", "inbox", "--until", "later"], 2, "18:00"),
            (["payments.*", "inbox", "--for", "2h", "--until", "18:00"], 2, "one of the two"),
        ],
    )
    def test_what_no_route_can_be(self, operator: Operator, arguments: list[str], code: int, said: str) -> None:
        ended = operator.run("routes", "set", *arguments)
        assert (ended.code, ended.out) == (code, "")
        assert said in ended.err
        assert operator.ok("routes", "list", "--json").json == []

    def test_one_that_is_not_there_cannot_be_undone(self, operator: Operator) -> None:
        ended = operator.run("routes", "undo", "payments.*")
        assert (ended.code, "There is no live route payments.*" in ended.err) == (1, True)


@pytest.mark.usefixtures("policy")
def test_channels_are_listed_with_who_named_them(operator: Operator) -> None:
    rows = operator.ok("channels", "list").out
    assert "the policy" in rows
    assert [channel["name"] for channel in operator.ok("channels", "list", "--json").json] == ["inbox", "payments"]
    assert "the policy's names stand" in operator.run("channels", "name", "payments", "slack:C1").err
    assert "is the policy's" in operator.run("channels", "forget", "payments").err


@pytest.mark.usefixtures("policy")
def test_pauses_say_who_paused_and_why_when_they_end(operator: Operator) -> None:
    request = operator.asked("payments.refund")
    assert operator.ok("pause", "--action", "payments.*", "--reason", "a leak").out.startswith("payments.* is paused.")
    ended = operator.run("decide", request.id, "approve")
    assert "payments.* is paused by Operator (a leak)" in ended.err
    [pause] = operator.ok("pauses", "--json").json
    assert (pause["action"], pause["reason"]) == ("payments.*", "a leak")
    assert "a leak" in operator.ok("pauses").out
    assert operator.run("pause", "--action", "payments.*").code == 1
    told = operator.ok("resume", "--action", "payments.*").out
    assert told.startswith("payments.* goes on. Paused by Operator since ")
    assert told.endswith(": a leak.\n")
    assert operator.run("resume").code == 1
    assert operator.ok("pauses").err == "Nothing is paused.\n"
    operator.ok("pause")
    assert operator.ok("resume", "--json").json["everything"] is True
    unknown = operator.run("pause", "--agent", "nobody").err.splitlines()
    assert unknown == [
        "What it would do:",
        "  Nothing of the agent nobody is asked, approved or edited until somebody resumes it.",
        "  Denials, withdrawals and deadlines go on. Approvals given so far stay on the record.",
        "No valid key is called “nobody”, so no agent of that name can ask now. "
        "Nothing was changed; add --yes if you mean it.",
    ]
    assert operator.run("pause", "--agent", "a", "--action", "b").code == 2


@pytest.mark.usefixtures("policy")
def test_pending_requests_are_taken_along_one_by_one_or_all(operator: Operator) -> None:
    first, second = operator.asked("deploy.prod"), operator.asked("deploy.test")
    moved = operator.ok("move", first.id, "inbox", "--json").json
    assert moved == {"channel": "inbox", "moved": [first.id], "left": 0}
    told = operator.ok("move", "deploy.*", "inbox", "--reason", "they sleep")
    assert told.out == "1 request is asked in inbox now: they sleep.\n"
    assert "asked there already" in operator.run("move", second.id, "inbox").err
    assert "Write it" not in operator.run("move", "req_0", "nowhere").err


def _stored(operator: Operator) -> dict[str, Key]:
    async def read(book: Book) -> dict[str, Key]:
        return {key.id: key for key in (await book.store.configuration(None)).keys}

    return operator.on_book(read)


def test_a_key_is_rotated_with_an_overlap_and_both_work_meanwhile(operator: Operator) -> None:
    old = operator.ok("keys", "create", "shop", "--actions", "pay.*", "--json").json
    new = operator.ok("keys", "rotate", old["id"], "--overlap", "2h", "--json")
    assert "works until" in new.err
    keys = _stored(operator)
    assert keys[new.json["id"]].actions == ("pay.*",)
    assert keys[new.json["id"]].digest == secret_digest(new.json["key"])
    lapses = keys[old["id"]].lapses_at
    assert lapses is not None
    assert (lapses - keys[new.json["id"]].created_at).total_seconds() == 7200
    assert keys[old["id"]].revoked_at is None
    assert "lapses" in operator.ok("keys", "list").out
    ended = operator.ok("keys", "rotate", new.json["id"], "--overlap", "0s", "--json")
    assert _stored(operator)[new.json["id"]].revoked_at is not None
    assert operator.run("keys", "rotate", new.json["id"]).code == 1
    assert ended.json["key"] not in json.dumps(operator.journal())
    kinds = [entry["kind"] for entry in operator.journal()]
    assert kinds == ["key_created", "key_created", "key_rotated", "key_created", "key_rotated", "admin_refused"]
