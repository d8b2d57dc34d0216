"""What is measured of each service: ask, wait, approve, over its own HTTP API and in its own way of waiting."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import aiohttp

from bench.load import call
from bench.peers.environments import Broken

CALL_SECONDS = 60
IDLE_SECONDS = 2  # less than any of the servers keeps an idle connection
Json: TypeAlias = dict[str, Any]

_ORDERS = itertools.count(1)


class Gate(Protocol):
    """A running service. Each call raises `Broken` at any answer but the one that its documentation promises.

    ``accepted`` is the status of a request that was taken, at ``port``.
    """

    port: int
    accepted: int

    def asking(self) -> bytes:
        """The bytes of the next request, each about another order."""

    async def ask(self) -> str:
        """A new request that waits for a person; its id."""

    async def wait(self, request_id: str) -> None:
        """Return when the agent that asked has been told that it was approved."""

    async def approve(self, request_id: str) -> None:
        """A person's approval."""


class Opens(Protocol):
    """How a service is started: in ``folder``, which is its own and empty."""

    def __call__(self, folder: Path) -> AbstractAsyncContextManager[Gate]: ...


class Http:
    """Calls over connections that are kept and not limited in number, for every service alike."""

    def __init__(self, session: aiohttp.ClientSession, port: int, headers: Mapping[str, str]) -> None:
        self.port = port
        self._session = session
        self._headers = {"Host": f"127.0.0.1:{port}", **headers, "Content-Type": "application/json"}

    def bytes_of(self, path: str, body: Json) -> bytes:
        """A POST as the load generator sends it."""
        return call("POST", path, self._headers, json.dumps(body).encode())

    async def json(self, method: str, path: str, status: int, **how: Any) -> Json:
        """The body of the answer, whose status must be ``status``."""
        try:
            async with self._session.request(method, path, allow_redirects=False, **how) as answer:
                if answer.status != status:
                    raise Broken(f"{method} {answer.url} answered {answer.status}: {(await answer.text())[:500]}")
                body: Json = await answer.json() if answer.content_type.endswith("json") else {}
                return body
        except aiohttp.ClientError as error:
            raise Broken(f"{method} {path} was not answered: {error!r}") from None

    async def text(self, path: str) -> str:
        async with self._session.get(path, allow_redirects=False) as answer:
            if answer.status != 200:
                raise Broken(f"GET {answer.url} answered {answer.status}")
            return await answer.text()


@asynccontextmanager
async def http(port: int, headers: Mapping[str, str]) -> AsyncIterator[Http]:
    limits = aiohttp.ClientTimeout(total=CALL_SECONDS)
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS)
    cookies = aiohttp.CookieJar(unsafe=True)  # the address is a number
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{port}", headers=headers, timeout=limits, connector=connector, cookie_jar=cookies
    ) as session:
        yield Http(session, port, headers)


def refund() -> Json:
    """What every service is asked about: a refund of an order that no earlier request named."""
    return {"order": f"A-{next(_ORDERS)}", "amount": 180.5, "currency": "EUR"}
