"""Both clients behind one face, so that every fact is shown for each of them against a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fakes.http_api import KEY, HttpApi
from sayso import AsyncSayso, Sayso
from unit.client.either import Either


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SAYSO_URL", "SAYSO_KEY", "SAYSO_URL_FILE", "SAYSO_KEY_FILE", "SAYSO_INSECURE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def api() -> AsyncIterator[HttpApi]:
    server = await HttpApi().start()
    yield server
    await server.stop()


@pytest.fixture(params=[Sayso, AsyncSayso], ids=["sync", "async"])
async def client(request: pytest.FixtureRequest, api: HttpApi) -> AsyncIterator[Either]:
    either = Either(request.param(api.url, KEY, connect_within=0.8, reconnect_within=5))
    yield either
    await either.close()
