"""`sayso inbox link` and `sayso inbox sessions`, run as an operator runs them."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sayso_adapters.inbox.commands import commands
from sayso_adapters.inbox.sessions import Sessions
from sayso_bot.errors import Unavailable
from sayso_bot.ports import OperatorTools, Shelf
from sayso_bot.testing.clock import Clock
from sayso_bot.testing.context import MemoryShelf


class Door:
    """An operator's door to a book that lies in memory."""

    def __init__(self, clock: Clock) -> None:
        self.shelf = MemoryShelf(clock)
        self.journal: list[tuple[str, Mapping[str, Any]]] = []

    def run(self, work: Callable[[OperatorTools], Awaitable[Any]]) -> Any:
        async def ran() -> Any:
            return await work(OperatorTools(self._of, "https://sayso.example", {}, self._write))

        return asyncio.run(ran())

    def _of(self, adapter: str) -> Shelf:
        assert adapter == "inbox"
        return self.shelf

    async def _write(self, kind: str, data: Mapping[str, Any]) -> None:
        self.journal.append((kind, data))

    def signed_in(self, link: str) -> str:
        """The cookie that a link is good for."""
        signed_in = asyncio.run(Sessions(self.shelf).sign_in(link.strip().partition("#")[2]))
        assert signed_in
        return signed_in[0]


@pytest.fixture
def door(clock: Clock) -> Door:
    return Door(clock)


def _run(door: Door, *arguments: str) -> Result:
    return CliRunner().invoke(commands, arguments, obj=door)


def _link(door: Door, folder: Path, person: str = "Ana@example.com") -> str:
    out = folder / f"link-{person}"
    result = _run(door, "link", "--person", person, "--out", str(out))
    assert result.exit_code == 0, result.output
    return out.read_text()


def test_a_link_goes_to_a_file_that_only_its_owner_can_read(door: Door, tmp_path: Path) -> None:
    link = _link(door, tmp_path)
    assert link.startswith("https://sayso.example/inbox/sign-in#")
    assert stat.S_IMODE((tmp_path / "link-Ana@example.com").stat().st_mode) == 0o600
    assert door.signed_in(link)


def test_a_link_is_never_written_into_a_pipe(door: Door) -> None:
    result = _run(door, "link", "--person", "ana@example.com")
    assert result.exit_code == 2
    assert "#" not in result.output
    assert door.shelf.kept == {}


def test_a_file_that_exists_is_left_alone(door: Door, tmp_path: Path) -> None:
    out = tmp_path / "taken"
    out.write_text("mine")
    result = _run(door, "link", "--person", "ana@example.com", "--out", str(out))
    assert result.exit_code == 2
    assert out.read_text() == "mine"
    assert door.shelf.kept == {}


def test_the_journal_names_the_person_and_never_the_link(door: Door, tmp_path: Path) -> None:
    link = _link(door, tmp_path)
    assert door.journal == [("inbox_link_made", {"person": "email:ana@example.com"})]
    assert link.partition("#")[2].strip() not in repr(door.journal)


@pytest.mark.parametrize("person", ["ana", "@", "a b@example.com", "ana@", "ana@example.com\nx"])
def test_what_is_no_address_gets_no_link(door: Door, tmp_path: Path, person: str) -> None:
    result = _run(door, "link", "--person", person, "--out", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_sessions_are_listed_without_anything_that_opens_one(door: Door, tmp_path: Path) -> None:
    assert "Nobody is signed in" in _run(door, "sessions").output
    cookie = door.signed_in(_link(door, tmp_path))
    for arguments in (("sessions",), ("sessions", "list")):
        output = _run(door, *arguments).output
        assert "ana@example.com" in output
        assert cookie not in output
    listed = json.loads(_run(door, "sessions", "list", "--json").output)
    assert [session["aliases"] for session in listed] == [["email:ana@example.com"]]


def test_one_session_is_ended_and_the_others_stay(door: Door, tmp_path: Path) -> None:
    ana = door.signed_in(_link(door, tmp_path, "ana@example.com"))
    ben = door.signed_in(_link(door, tmp_path, "ben@example.com"))
    listed = json.loads(_run(door, "sessions", "list", "--json").output)
    anas = next(session["id"] for session in listed if "email:ana@example.com" in session["aliases"])
    assert _run(door, "sessions", "end", anas).exit_code == 0
    assert asyncio.run(Sessions(door.shelf).find(ana, use=True)) is None
    assert asyncio.run(Sessions(door.shelf).find(ben, use=True))
    assert ("inbox_session_ended", {"person": "email:ana@example.com", "session": anas}) in door.journal


def test_a_session_that_ended_is_on_the_record_also_where_the_store_fails_then(
    door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = door.signed_in(_link(door, tmp_path))
    delete = door.shelf.delete

    async def lost(name: str) -> bool:
        await delete(name)
        raise Unavailable("The store cannot be reached.")

    monkeypatch.setattr(door.shelf, "delete", lost)
    assert isinstance(_run(door, "sessions", "end-all").exception, Unavailable)
    assert asyncio.run(Sessions(door.shelf).find(cookie, use=True)) is None
    assert [kind for kind, _ in door.journal] == ["inbox_link_made", "inbox_session_ended"]


def test_an_unknown_session_is_said_to_be_unknown(door: Door) -> None:
    for session_id in ("0" * 12, "not-an-id", ""):
        result = _run(door, "sessions", "end", session_id)
        assert result.exit_code == 1
        assert "Nothing was ended" in result.output


def test_all_sessions_are_ended(door: Door, tmp_path: Path) -> None:
    cookies = [door.signed_in(_link(door, tmp_path, f"p{number}@example.com")) for number in range(3)]
    assert len(json.loads(_run(door, "sessions", "end-all", "--json").output)["ended"]) == 3
    assert all(asyncio.run(Sessions(door.shelf).find(cookie, use=True)) is None for cookie in cookies)
