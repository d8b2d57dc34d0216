"""What is set for Teams is right, or the service does not start and says in one sentence what is wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fakes.teams import FakeTeams
from sayso_bot.errors import Unusable
from service import ServiceProcess, serving

WHOLE = {
    "TEAMS_APP_ID": "5ed1a8d2-90c0-4f1e-9d6b-7f1f6b1c0a11",
    "TEAMS_TENANT_ID": "7a6c1c5e-0f3b-4b7e-8a34-1d2f3e4a5b6c",
    "TEAMS_APP_PASSWORD": "a-secret-that-is-told-nobody",
}


async def test_the_emulators_mode_does_not_start_where_others_could_connect() -> None:
    with pytest.raises(Unusable, match="TEAMS_LOCAL believes whoever calls"):
        async with serving(environ={"TEAMS_LOCAL": "1"}, host="0.0.0.0", insecure="1"):
            raise AssertionError("it runs")


@pytest.mark.parametrize("missing", list(WHOLE))
async def test_half_a_set_does_not_start(missing: str) -> None:
    with pytest.raises(Unusable, match=missing) as raised:
        async with serving(environ={name: value for name, value in WHOLE.items() if name != missing}):
            raise AssertionError("it runs")
    assert "a-secret" not in str(raised.value)


async def test_secrets_are_read_from_files_and_the_doctor_says_how_all_stands(tmp_path: Path) -> None:
    async with FakeTeams() as teams:
        secret = tmp_path / "secret"
        secret.write_text(f"{teams.password}\n")
        settings = teams.settings()
        del settings["TEAMS_APP_PASSWORD"]
        environ = {**settings, "TEAMS_APP_PASSWORD_FILE": str(secret), "SAYSO_PUBLIC_URL": "https://sayso.example.com"}
        with ServiceProcess(tmp_path, environ) as process:
            told = await asyncio.to_thread(process.run, "doctor", "teams")
    assert "Entra lets the app sign in." in told.stdout
    assert "https://sayso.example.com/api/messages" in told.stdout
    assert teams.password not in told.stdout + told.stderr + process.log.read_text()
