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


@pytest.mark.parametrize("name", ["SLACK_APP_TOKEN", "SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET"])
def test_socket_mode_and_oauth_are_refused_in_a_sentence(name: str) -> None:
    answer = configured({**WHOLE, name: "x-secret-x"})
    assert isinstance(answer, str)
    assert name in answer
    assert "single bot token only" in answer
    assert "x-secret-x" not in answer


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
