"""What may be set for Slack, and the one sentence that says what is wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sayso_adapters.slack.settings import configured, read

WHOLE = {"SLACK_BOT_TOKEN": "xoxb-1-2", "SLACK_SIGNING_SECRET": "abc"}


def test_nothing_set_is_off() -> None:
    assert configured({}) is False
    assert configured({"SLACK_BOT_TOKEN": "", "SAYSO_PORT": "1"}) is False


def test_token_and_secret_are_a_complete_set() -> None:
    assert configured(WHOLE) is True
    assert read(WHOLE).api_url == "https://slack.com/api/"


@pytest.mark.parametrize("kept", list(WHOLE))
def test_half_a_set_names_what_is_missing(kept: str) -> None:
    (missing,) = set(WHOLE) - {kept}
    answer = configured({kept: WHOLE[kept]})
    assert isinstance(answer, str)
    assert f"{missing} is not set" in answer


def test_an_empty_signing_secret_is_a_missing_one() -> None:
    answer = configured({**WHOLE, "SLACK_SIGNING_SECRET": "  "})
    assert isinstance(answer, str)
    assert "SLACK_SIGNING_SECRET is not set" in answer


SOCKET = {"SLACK_BOT_TOKEN": "xoxb-1-2", "SLACK_APP_TOKEN": "xapp-1"}
MANY = {"SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": "def", "SLACK_SIGNING_SECRET": "abc"}


@pytest.mark.parametrize(
    ("given", "is_"),
    [
        (WHOLE, (True, False, False)),
        (SOCKET, (False, True, False)),
        ({**SOCKET, **WHOLE}, (True, True, False)),
        (MANY, (True, False, True)),
    ],
)
def test_a_complete_set_says_how_slack_is_spoken_to(given: dict[str, str], is_: tuple[bool, bool, bool]) -> None:
    assert configured(given) is True
    found = read(given)
    assert (found.over_http, found.over_socket, found.many_workspaces) == is_


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (SOCKET, "SLACK_BOT_TOKEN"),
        (MANY, "SLACK_CLIENT_ID"),
        (MANY, "SLACK_CLIENT_SECRET"),
        (MANY, "SLACK_SIGNING_SECRET"),
    ],
)
def test_half_of_another_set_names_what_is_missing(given: dict[str, str], missing: str) -> None:
    answer = configured({name: value for name, value in given.items() if name != missing})
    assert isinstance(answer, str)
    assert f"and {missing} is not set" in answer


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"])
def test_sets_that_do_not_go_together_are_refused_in_a_sentence(name: str) -> None:
    answer = configured({**MANY, name: {**WHOLE, **SOCKET}[name]})
    assert isinstance(answer, str)
    assert f"{name} and SLACK_CLIENT_ID do not go together" in answer
    assert {**WHOLE, **SOCKET}[name] not in answer


def test_an_api_address_alone_is_half_a_set() -> None:
    answer = configured({"SLACK_API_URL": "https://slack-gov.com/api/"})
    assert isinstance(answer, str)
    assert "SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET are not set" in answer


@pytest.mark.parametrize("token", ["xoxb-1", "hello"])
def test_another_kind_of_app_token_is_refused_and_not_repeated(token: str) -> None:
    answer = configured({**SOCKET, "SLACK_APP_TOKEN": token})
    assert isinstance(answer, str)
    assert "xapp-" in answer
    assert token not in answer


@pytest.mark.parametrize("token", ["xoxp-1", "xapp-1", "hello"])
def test_another_kind_of_token_is_refused_and_not_repeated(token: str) -> None:
    answer = configured({**WHOLE, "SLACK_BOT_TOKEN": token})
    assert isinstance(answer, str)
    assert "xoxb-" in answer
    assert token not in answer


@pytest.mark.parametrize(
    "url", ["http://slack.internal/api/", "slack-gov.com", "ftp://slack-gov.com/", "http://[", "https://"]
)
def test_an_api_address_that_would_leak_the_token_or_is_none_is_refused(url: str) -> None:
    answer = configured({**WHOLE, "SLACK_API_URL": url})
    assert isinstance(answer, str)
    assert "SLACK_API_URL" in answer


@pytest.mark.parametrize(
    "url", ["https://slack-gov.com/api", "http://127.0.0.1:9/api/", "http://[::1]:9", "http://localhost/"]
)
def test_govslack_and_a_stand_in_on_loopback_are_accepted(url: str) -> None:
    assert configured({**WHOLE, "SLACK_API_URL": url}) is True
    assert read({**WHOLE, "SLACK_API_URL": url}).api_url.endswith("/")


def test_the_secrets_are_not_in_the_settings_repr() -> None:
    assert "xoxb-1-2" not in repr(read(WHOLE))
    assert "abc" not in repr(read(WHOLE))


def test_reading_settings_does_not_import_slacks_libraries() -> None:
    script = "import sys, sayso_adapters.slack.settings; sys.exit(any(m.startswith('slack_') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
