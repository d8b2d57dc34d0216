"""What may be set for Teams, and the one sentence that says what is wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sayso_adapters.teams.settings import LOCAL_TENANT, configured, read

APP, TENANT = "11111111-2222-3333-4444-555555555555", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
WHOLE = {"TEAMS_APP_ID": APP, "TEAMS_TENANT_ID": TENANT, "TEAMS_APP_PASSWORD": "s3cret-value"}
BY_CERTIFICATE = {"TEAMS_APP_ID": APP, "TEAMS_TENANT_ID": TENANT, "TEAMS_CERT_FILE": "/etc/sayso/teams.pem"}


def test_nothing_set_is_off() -> None:
    assert configured({}) is False
    assert configured({"TEAMS_APP_ID": " ", "SAYSO_PORT": "1"}) is False
    assert configured({"TEAMS_LOCAL": "0"}) is False


@pytest.mark.parametrize("whole", [WHOLE, BY_CERTIFICATE])
def test_an_app_of_one_tenant_with_a_secret_or_a_certificate_is_a_complete_set(whole: dict[str, str]) -> None:
    assert configured(whole) is True
    found = read(whole)
    assert (found.app_id, found.tenant_id, found.local) == (APP, TENANT, False)
    assert found.authority_url == "https://login.microsoftonline.com"
    assert found.audience == "https://api.botframework.com"


@pytest.mark.parametrize("kept", list(WHOLE))
def test_half_a_set_names_what_is_missing(kept: str) -> None:
    answer = configured({kept: WHOLE[kept]})
    assert isinstance(answer, str)
    missing = set(WHOLE) - {kept}
    said = answer.partition("), and ")[2]
    assert all(name in said for name in missing)
    assert kept not in said


def test_a_secret_and_a_certificate_are_one_too_many() -> None:
    answer = configured({**WHOLE, **BY_CERTIFICATE})
    assert isinstance(answer, str)
    assert "both set" in answer


def test_the_emulator_needs_nothing_else() -> None:
    assert configured({"TEAMS_LOCAL": "1"}) is True
    found = read({"TEAMS_LOCAL": "1"})
    assert found.local
    assert found.tenant_id == LOCAL_TENANT


def test_the_emulator_and_a_secret_of_an_app_do_not_go_together() -> None:
    answer = configured({**WHOLE, "TEAMS_LOCAL": "1"})
    assert isinstance(answer, str)
    assert "TEAMS_LOCAL" in answer
    assert "s3cret" not in answer


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"TEAMS_APP_ID": "my-bot"}, "TEAMS_APP_ID"),
        ({"TEAMS_TENANT_ID": "contoso.com"}, "TEAMS_TENANT_ID"),
        ({"TEAMS_LOCAL": "perhaps"}, "TEAMS_LOCAL"),
        ({"TEAMS_AUTHORITY_URL": "http://login.example.com"}, "TEAMS_AUTHORITY_URL must be https"),
        ({"TEAMS_AUTHORITY_URL": "https://user@login.example.com"}, "TEAMS_AUTHORITY_URL"),
        ({"TEAMS_OPENID_URL": "ftp://keys.example.com"}, "TEAMS_OPENID_URL"),
        ({"TEAMS_OPENID_URL": "http://[oops"}, "TEAMS_OPENID_URL"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_it(wrong: dict[str, str], named: str) -> None:
    whole = {} if "TEAMS_LOCAL" in wrong else WHOLE
    answer = configured({**whole, **wrong})
    assert isinstance(answer, str)
    assert named in answer
    assert "s3cret" not in answer


def test_a_stand_in_on_this_machine_may_be_plain_http() -> None:
    assert configured({**WHOLE, "TEAMS_AUTHORITY_URL": "http://127.0.0.1:9/", "TEAMS_OPENID_URL": "http://[::1]:9/k"})


def test_us_government_tokens_come_from_there() -> None:
    found = read(
        {**WHOLE, "TEAMS_OPENID_URL": "https://login.botframework.azure.us/v1/.well-known/openidconfiguration"}
    )
    assert found.audience == "https://api.botframework.us"


def test_the_secret_is_not_in_the_repr() -> None:
    assert "s3cret" not in repr(read(WHOLE))


def test_reading_settings_imports_nothing_of_microsofts() -> None:
    code = "import sys, sayso_adapters.teams.settings; print([n for n in sys.modules if n.startswith('microsoft')])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
