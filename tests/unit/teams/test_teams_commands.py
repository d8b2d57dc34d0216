"""`sayso teams`: the package that Teams installs, and the places that the bot is in."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from sayso_adapters.teams.commands import _places, commands
from sayso_adapters.teams.manifest import manifest, package
from unit.teams.teams_office import CHANNEL, Office

BOT = "5ed1a8d2-90c0-4f1e-9d6b-7f1f6b1c0a11"
URL = "https://sayso.example.com"


class Door:
    """The operator's door, without a book."""

    url = URL

    def public_url(self) -> str:
        return self.url


def run(*words: str, door: Any = None) -> Result:
    return CliRunner().invoke(commands, list(words), obj=door or Door())


def test_the_package_has_the_manifest_and_both_icons_in_their_sizes(tmp_path: Path) -> None:
    file = tmp_path / "app.zip"
    done = run("package", "--bot-id", BOT, "-o", str(file))
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(file) as archive:
        assert sorted(archive.namelist()) == ["color.png", "manifest.json", "outline.png"]
        asked = json.loads(archive.read("manifest.json"))
        sizes = {name: struct.unpack(">II", archive.read(name)[16:24]) for name in ("color.png", "outline.png")}
    assert sizes == {"color.png": (192, 192), "outline.png": (32, 32)}
    assert asked["bots"][0]["botId"] == BOT
    assert asked["bots"][0]["scopes"] == ["team", "groupChat", "personal"]
    assert "webApplicationInfo" not in asked


def test_the_same_bot_gives_the_same_package_and_another_bot_another_app() -> None:
    assert package(BOT, URL, "0.1.0") == package(BOT, URL, "0.1.0")
    other = manifest("11111111-2222-3333-4444-555555555555", URL, "0.1.0")
    assert manifest(BOT, URL, "0.1.0")["id"] != other["id"] != BOT


@pytest.mark.parametrize(("version", "shown"), [("0.1.0", "0.1.0"), ("1.2.3.dev4+g1", "1.2.3"), ("unknown", "1.0.0")])
def test_the_version_is_one_that_teams_takes(version: str, shown: str) -> None:
    assert manifest(BOT, URL, version)["version"] == shown


def test_the_words_of_the_manifest_are_within_what_teams_takes() -> None:
    asked = manifest(BOT, URL, "0.1.0")
    assert len(asked["name"]["short"]) <= 30
    assert len(asked["name"]["full"]) <= 100
    assert len(asked["description"]["short"]) <= 80
    for command in asked["bots"][0]["commandLists"][0]["commands"]:
        assert len(command["title"]) <= 32
        assert len(command["description"]) <= 128


def test_the_icons_can_be_read_as_pictures() -> None:
    with zipfile.ZipFile(io.BytesIO(package(BOT, URL, "0.1.0"))) as archive:
        assert all(archive.read(name).startswith(b"\x89PNG\r\n\x1a\n") for name in ("color.png", "outline.png"))


def test_the_bot_is_that_of_the_settings_where_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAMS_APP_ID", BOT)
    assert run("package", "-o", str(tmp_path / "a.zip")).exit_code == 0
    monkeypatch.delenv("TEAMS_APP_ID")
    done = run("package", "-o", str(tmp_path / "b.zip"))
    assert done.exit_code == 2
    assert "Application (client) ID" in done.output
    assert not (tmp_path / "b.zip").exists()


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "app.zip"
    file.write_text("mine")
    assert run("package", "--bot-id", BOT, "-o", str(file)).exit_code == 2
    assert file.read_text() == "mine"
    assert run("package", "--bot-id", BOT, "-o", str(tmp_path / "no" / "app.zip")).exit_code == 2


def test_an_address_that_teams_does_not_call_is_warned_of(tmp_path: Path) -> None:
    door = Door()
    door.url = "http://127.0.0.1:8080"
    done = run("package", "--bot-id", BOT, "-o", str(tmp_path / "a.zip"), door=door)
    assert done.exit_code == 0
    assert "https addresses only" in done.output


async def test_places_are_listed_as_a_policy_names_them(office: Office) -> None:
    class Tools:
        def shelf(self, name: str) -> Any:
            assert name == "teams"
            return office.around.shelf

    found = await _places(Tools())  # type: ignore[arg-type]

    class Listing(Door):
        def run(self, work: Any) -> Any:
            return found

    done = run("places", door=Listing())
    assert done.output == f"teams:{CHANNEL}  Finance / Payments\n"
    assert json.loads(run("places", "--json", door=Listing()).output)[0]["kind"] == "channel"
    found.clear()
    assert "nowhere yet" in run("places", door=Listing()).output
