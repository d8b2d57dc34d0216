"""`sayso doctor`: each thing that is wrong has a line that says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from unit.cli.office import Ended, Operator
from unit.cli.test_requests_commands import IN_SLACK, undeliverable

INBOX_ONLY = "rules:\n  - action: pay\n    ask: {channel: inbox, approvers: [operator]}\n"


def _states(ended: Ended) -> Sequence[tuple[str, str]]:
    return [(check["name"], check["state"]) for check in ended.json["checks"]]


def _details(ended: Ended, name: str) -> str:
    return " ".join(check["detail"] for check in ended.json["checks"] if check["name"] == name)


def _activate(operator: Operator, folder: Path, text: str) -> Path:
    file = folder / "policy.yaml"
    file.write_text(text)
    operator.ok("policy", "activate", str(file))
    return file


def test_a_healthy_book_is_ok_and_ends_with_0(operator: Operator) -> None:
    operator.ok("keys", "create", "shop")
    ended = operator.ok("doctor", "--json")
    assert ended.json["ok"] is True
    names = ["settings", "redis", "clock", "policy", "keys", "cards", "inbox"]
    assert _states(ended) == [(name, "ok") for name in names]


def test_the_table_has_words_and_not_colours_alone(operator: Operator) -> None:
    head, *lines = operator.ok("doctor").out.splitlines()
    assert head.startswith("check")
    assert [line.split()[1] for line in lines if line.startswith("keys")] == ["warning"]
    assert "sayso keys create NAME" in "\n".join(lines)


def test_every_wrong_setting_is_a_line(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAYSO_PORT", "x")
    monkeypatch.setenv("SAYSO_WRONG", "1")
    ended = operator.run("doctor", "--json")
    assert ended.code == 1
    assert _states(ended) == [("settings", "not ok")] * 2


def test_a_redis_that_is_not_there_is_a_finding(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAYSO_REDIS_URL", "unix:///nowhere.sock")
    ended = operator.run("doctor", "--json")
    assert ended.code == 1
    assert _states(ended) == [("settings", "ok"), ("store", "not ok")]


def test_what_was_accepted_openly_is_a_warning(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAYSO_DURABILITY", "none")
    ended = operator.ok("doctor", "--json")
    assert ("redis", "warning") in _states(ended)
    assert "may be lost" in _details(ended, "redis")


def test_half_a_platforms_settings_name_what_is_missing(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    ended = operator.run("doctor", "--json")
    assert ended.code == 1
    assert "SLACK_SIGNING_SECRET" in _details(ended, "platforms")
    assert "xoxb-1" not in ended.out + ended.err


def test_rules_that_ask_on_a_platform_that_is_off_are_told(operator: Operator, tmp_path: Path) -> None:
    _activate(operator, tmp_path, IN_SLACK)
    ended = operator.run("doctor", "--json")
    assert ended.code == 1
    assert 'the rule "pay" (line 4) asks there' in _details(ended, "policy")


def test_a_file_that_is_not_in_force_says_how_to_put_it(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _activate(operator, tmp_path, INBOX_ONLY)
    monkeypatch.setenv("SAYSO_POLICY", str(file))
    assert ("policy", "ok") in _states(operator.ok("doctor", "--json"))
    file.write_text(INBOX_ONLY.replace("pay", "paid"))
    ended = operator.run("doctor", "--json")
    assert ended.code == 1
    assert f"sayso policy activate {file}" in _details(ended, "policy")
    file.write_text("rules: 1\n")
    assert ("policy file", "not ok") in _states(operator.run("doctor", "--json"))


def test_a_file_that_waits_for_the_service_is_a_warning(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "policy.yaml").write_text(INBOX_ONLY)
    monkeypatch.setenv("SAYSO_POLICY", str(tmp_path / "policy.yaml"))
    ended = operator.ok("doctor", "--json")
    assert ("policy", "warning") in _states(ended)


def test_a_card_that_cannot_be_delivered_is_named(operator: Operator, tmp_path: Path) -> None:
    _activate(operator, tmp_path, IN_SLACK)
    request = operator.asked("pay")
    undeliverable(operator, request)
    ended = operator.run("doctor", "--json")
    assert ended.code == 1
    assert f"The card of {request.id} cannot be brought to slack:C0PAYMENTS" in _details(ended, "cards")


def test_a_clock_that_is_off_is_told(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ahead(_: Any) -> float:
        return 95.0

    monkeypatch.setattr("sayso_bot.cli.checkup.server_time_skew", ahead)
    ended = operator.run("doctor", "--json")
    assert ended.code == 1
    assert "95 s ahead of Redis's" in _details(ended, "clock")


def test_one_platform_can_be_looked_at_alone(operator: Operator, tmp_path: Path) -> None:
    _activate(operator, tmp_path, IN_SLACK)
    undeliverable(operator, operator.asked("pay"))
    ended = operator.run("doctor", "slack", "--json")
    assert ended.code == 1
    assert _states(ended) == [("slack", "not ok")]
    assert "not set up" in _details(ended, "slack")
    assert _states(operator.ok("doctor", "inbox", "--json")) == [("clock", "ok"), ("inbox", "ok")]


def test_a_platform_that_does_not_exist_is_a_usage_error(operator: Operator) -> None:
    ended = operator.run("doctor", "slak")
    assert ended.code == 2
    assert "There is no platform slak" in ended.err
