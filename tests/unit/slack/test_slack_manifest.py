"""The app's manifest asks for the least that the code's calls need, and names the addresses that they come to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fakes.slack import SCOPES as OF_THE_STAND_IN
from sayso_adapters.slack.manifest import BOT_SCOPES, EVENTS_PATH, manifest
from sayso_adapters.slack.shortcuts import PENDING, SHOW
from sayso_adapters.slack.wire import METHODS, SCOPES

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = "https://sayso.example.com"


def read(text: str) -> Any:
    return yaml.safe_load(text)


@pytest.fixture(scope="module")
def over_http() -> Any:
    return read(manifest(EXAMPLE))


@pytest.fixture(scope="module")
def over_socket() -> Any:
    return read(manifest(EXAMPLE, socket=True))


@pytest.fixture(params=[False, True], ids=["http", "socket"])
def either(request: pytest.FixtureRequest) -> Any:
    return read(manifest(EXAMPLE, socket=request.param))


def test_the_file_is_what_the_command_prints_for_the_example_address() -> None:
    assert (ROOT / "manifest.yml").read_text(encoding="utf-8") == manifest(EXAMPLE)


def test_scopes_are_exactly_those_that_the_called_methods_and_the_command_need(either: Any) -> None:
    asked = set(either["oauth_config"]["scopes"]["bot"])
    assert asked == SCOPES | {"commands"} == set(BOT_SCOPES)
    assert asked == set(OF_THE_STAND_IN.split(","))
    assert "user" not in either["oauth_config"]["scopes"]


def test_every_method_that_the_code_names_is_in_the_table() -> None:
    """`Wire.call` refuses others at run time; this finds them in the sources."""
    sources = "".join(path.read_text() for path in (ROOT / "adapters/sayso_adapters/slack").glob("*.py"))
    for method in METHODS:
        assert sources.count(f'"{method}"') > 1, f"{method} has a scope but no caller"


def test_all_that_slack_sends_comes_to_the_route_that_the_adapter_mounts(over_http: Any) -> None:
    here, settings = f"{EXAMPLE}{EVENTS_PATH}", over_http["settings"]
    assert settings["interactivity"] == {"is_enabled": True, "request_url": here}
    assert settings["event_subscriptions"]["request_url"] == here
    assert [command["url"] for command in over_http["features"]["slash_commands"]] == [here]
    assert over_http["oauth_config"]["redirect_urls"] == [f"{EXAMPLE}/slack/oauth_redirect"]
    assert not settings["socket_mode_enabled"]


def test_over_a_socket_no_address_is_named(over_socket: Any) -> None:
    assert over_socket["settings"]["socket_mode_enabled"]
    assert "example.com" not in manifest(EXAMPLE, socket=True)
    assert over_socket["settings"]["interactivity"] == {"is_enabled": True}


def test_both_offer_the_same(over_http: Any, over_socket: Any) -> None:
    for app in (over_http, over_socket):
        features = app["features"]
        assert [command["command"] for command in features["slash_commands"]] == ["/sayso"]
        assert {one["callback_id"]: one["type"] for one in features["shortcuts"]} == {
            PENDING: "global",
            SHOW: "message",
        }
        assert features["app_home"]["home_tab_enabled"]
        heard = app["settings"]["event_subscriptions"]["bot_events"]
        assert heard == ["app_home_opened", "app_uninstalled", "tokens_revoked"]


def test_nothing_is_on_that_is_not_needed(either: Any) -> None:
    assert not either["settings"]["token_rotation_enabled"]
    assert not either["settings"]["org_deploy_enabled"]
    assert set(either["settings"]) == {
        "event_subscriptions", "interactivity", "org_deploy_enabled", "socket_mode_enabled", "token_rotation_enabled",
    }  # fmt: skip


def test_its_texts_are_within_slacks_lengths(either: Any) -> None:
    shown = either["display_information"]
    assert set(either) == {"_metadata", "display_information", "features", "oauth_config", "settings"}
    assert 1 <= len(shown["name"]) <= 35
    assert 1 <= len(shown["description"]) <= 140
    assert 1 <= len(either["features"]["bot_user"]["display_name"]) <= 80
    for shortcut in either["features"]["shortcuts"]:
        assert 1 <= len(shortcut["name"]) <= 24
        assert 1 <= len(shortcut["description"]) <= 150


def test_an_address_with_a_slash_at_its_end_is_the_same() -> None:
    assert manifest(f"{EXAMPLE}/") == manifest(EXAMPLE)
