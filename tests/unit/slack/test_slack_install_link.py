"""`sayso slack install-link`, run as an operator runs it."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sayso_adapters.slack.commands import commands
from sayso_adapters.slack.links import digest
from sayso_bot.ports import OperatorTools, Shelf
from sayso_bot.testing.clock import Clock
from sayso_bot.testing.context import MemoryShelf


class Door:
    """An operator's door to a book that lies in memory."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.shelf = MemoryShelf(self.clock)
        self.journal: list[tuple[str, Mapping[str, Any]]] = []
        self.settings: dict[str, str] = {}

    def run(self, work: Callable[[OperatorTools], Awaitable[Any]]) -> Any:
        async def ran() -> Any:
            return await work(OperatorTools(self._of, "https://sayso.example", self.settings, self._write))

        return asyncio.run(ran())

    def public_url(self) -> str:
        return "https://sayso.example"

    def _of(self, adapter: str) -> Shelf:
        assert adapter == "slack"
        return self.shelf

    async def _write(self, kind: str, data: Mapping[str, Any]) -> None:
        self.journal.append((kind, data))

    def record(self, link: str) -> Any:
        kept = asyncio.run(self.shelf.get(f"link/{digest(link.strip().partition('?link=')[2])}"))
        return None if kept is None else json.loads(kept)


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture(autouse=True)
def client_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_CLIENT_ID", "1.2")


def _run(door: Door, *arguments: str) -> Result:
    return CliRunner().invoke(commands, ["install-link", *arguments], obj=door)


def test_a_link_is_written_for_its_owner_alone_and_lapses_after_ten_minutes(door: Door, tmp_path: Path) -> None:
    out = tmp_path / "link"
    result = _run(door, "--out", str(out))
    assert result.exit_code == 0, result.output
    link = out.read_text()
    assert link.startswith("https://sayso.example/slack/install?link=")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert link.strip() not in result.output
    assert door.record(link) == {"workspace": ""}
    door.clock.pass_by(minutes=10)
    assert door.record(link) is None


def test_that_a_link_was_made_is_on_the_record_and_the_link_is_not(door: Door, tmp_path: Path) -> None:
    _run(door, "--out", str(tmp_path / "link"), "--workspace", "T0TEAM")
    assert door.journal == [("slack_install_link_made", {"workspace": "T0TEAM"})]
    assert door.record((tmp_path / "link").read_text()) == {"workspace": "T0TEAM"}


@pytest.mark.parametrize("workspace", ["C0PAYMENTS", "t0team", "T0TEAM\n", "T0/T1"])
def test_what_is_no_workspace_is_refused(door: Door, tmp_path: Path, workspace: str) -> None:
    result = _run(door, "--out", str(tmp_path / "link"), "--workspace", workspace)
    assert result.exit_code == 2
    assert not (tmp_path / "link").exists()
    assert door.shelf.kept == {}


def test_a_link_goes_into_no_pipe_and_over_no_file(door: Door, tmp_path: Path) -> None:
    assert _run(door).exit_code == 2
    there = tmp_path / "there"
    there.write_text("kept")
    assert _run(door, "--out", str(there)).exit_code == 2
    assert there.read_text() == "kept"
    assert door.shelf.kept == {}


def test_where_no_client_is_set_no_link_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SLACK_CLIENT_ID")
    door = Door()
    ended = _run(door, "--out", str(tmp_path / "link"))
    assert (ended.exit_code, "SLACK_CLIENT_ID is not set here" in ended.output) == (1, True)
    assert not (tmp_path / "link").exists()
