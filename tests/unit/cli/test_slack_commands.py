"""`sayso slack manifest` prints what Slack makes the app from, and nothing else on standard output."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sayso_adapters.slack.manifest import manifest
from unit.cli.office import Operator


def test_the_manifest_carries_the_public_address(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAYSO_PUBLIC_URL", "https://gate.example.org")
    ended = operator.ok("slack", "manifest")
    assert ended.out == manifest("https://gate.example.org")
    assert ended.err == ""
    asked = yaml.safe_load(ended.out)
    assert asked["settings"]["interactivity"]["request_url"] == "https://gate.example.org/slack/events"


def test_for_socket_mode_it_names_no_address(operator: Operator) -> None:
    ended = operator.ok("slack", "manifest", "--socket")
    assert ended.out == manifest("", socket=True)
    assert ended.err == ""


def test_an_address_that_slack_cannot_call_is_said(operator: Operator) -> None:
    ended = operator.ok("slack", "manifest")
    assert ended.out == manifest("http://127.0.0.1:8080")
    assert "https addresses only" in ended.err
    assert "--socket" in ended.err


def test_a_wrong_address_is_one_sentence(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAYSO_PUBLIC_URL", "nonsense")
    ended = operator.run("slack", "manifest")
    assert ended.code == 2
    assert ended.out == ""
    assert "SAYSO_PUBLIC_URL" in ended.err


def test_it_needs_no_book(operator: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SAYSO_REDIS_URL")
    monkeypatch.setenv("SAYSO_DATA_DIR", str(tmp_path / "book"))
    operator.ok("slack", "manifest", "--socket")
    assert not (tmp_path / "book").exists()
