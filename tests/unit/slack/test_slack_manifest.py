"""The app's manifest asks for the least that the code's calls need, and names the one address that they come to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fakes.slack import SCOPES as OF_THE_STAND_IN
from sayso_adapters.slack.adapter import PATH
from sayso_adapters.slack.wire import METHODS, SCOPES

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def manifest() -> Any:
    return YAML(typ="safe").load((ROOT / "manifest.yml").read_text())


def test_scopes_are_exactly_those_that_the_called_methods_need(manifest: Any) -> None:
    assert set(manifest["oauth_config"]["scopes"]["bot"]) == SCOPES == set(OF_THE_STAND_IN.split(","))
    assert "user" not in manifest["oauth_config"]["scopes"]


def test_every_method_that_the_code_names_is_in_the_table() -> None:
    """`Wire.call` refuses others at run time; this finds them in the sources."""
    sources = "".join(path.read_text() for path in (ROOT / "adapters/sayso_adapters/slack").glob("*.py"))
    for method in METHODS:
        assert sources.count(f'"{method}"') > 1, f"{method} has a scope but no caller"


def test_taps_come_to_the_route_that_the_adapter_mounts(manifest: Any) -> None:
    interactivity = manifest["settings"]["interactivity"]
    assert interactivity == {"is_enabled": True, "request_url": f"https://sayso.example.com{PATH}"}


def test_nothing_is_on_that_this_version_does_not_speak(manifest: Any) -> None:
    settings = manifest["settings"]
    assert not settings["socket_mode_enabled"]
    assert not settings["token_rotation_enabled"]
    assert not settings["org_deploy_enabled"]
    assert "event_subscriptions" not in settings
    assert "redirect_urls" not in manifest["oauth_config"]
    assert "slash_commands" not in manifest["features"]


def test_its_texts_are_within_slacks_lengths(manifest: Any) -> None:
    shown = manifest["display_information"]
    assert set(manifest) == {"_metadata", "display_information", "features", "oauth_config", "settings"}
    assert 1 <= len(shown["name"]) <= 35
    assert 1 <= len(shown["description"]) <= 140
    assert 1 <= len(manifest["features"]["bot_user"]["display_name"]) <= 80
