"""Calls sent ahead of an answer, as a proxy that shares a connection sends them: none of them harms the one before."""

from __future__ import annotations

import asyncio
import json

import pytest

from fuzz.case import http_head
from sayso_bot.http.limits import Limits
from service import serving, until

ASK = {"action": "a.b", "params": {}}


class Wire:
    """One connection that carries an agent's key. ``is_last`` is whether the last answer said that it ends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secret: str) -> None:
        self._reader = reader
        self._writer = writer
        self._secret = secret
        self.is_last = False

    def call(self, method: str, path: str, body: bytes = b"", *, secret: str = "") -> bytes:
        bearer = f"Bearer {secret or self._secret}"
        headers = {"Host": "localhost", "Authorization": bearer, "Content-Type": "application/json"}
        sent = {**headers, "Content-Length": str(len(body))}
        return http_head(f"{method} {path} HTTP/1.1", *sent.items()) + body

    def send(self, method: str, path: str, body: bytes = b"") -> None:
        self._writer.write(self.call(method, path, body))

    def more(self, data: bytes) -> None:
        self._writer.write(data)

    async def answer(self) -> tuple[int, str]:
        head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 15)
        self.is_last = b"connection: close" in head.lower()
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        return int(head.split()[1]), (await self._reader.readexactly(length)).decode()

    async def goes_on(self) -> None:
        """The service has read a head and waits for its body."""
        assert (await self._reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")

    async def end(self) -> bytes:
        """Send nothing more; what is still said."""
        self._writer.write_eof()
        said = await asyncio.wait_for(self._reader.read(), 15)
        self._writer.close()
        return said

    def close(self) -> None:
        self._writer.close()


async def _wire(url: str, secret: str) -> Wire:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    return Wire(reader, writer, secret)


async def test_a_held_call_is_not_closed_for_the_unfinished_body_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two connections may be open. The third makes room of the one that is idle, never of the one that is held."""
    monkeypatch.setattr("sayso_bot.wiring.descriptors", lambda: 4)
    async with serving() as sayso:
        _, secret = await sayso.key()
        held, idle = await _wire(sayso.url, secret), await _wire(sayso.url, secret)
        held.send("POST", "/v1/requests", json.dumps(ASK).encode())
        request = json.loads((await held.answer())[1])["id"]
        held.send("GET", f"/v1/requests/{request}?wait=30")
        await until(lambda: sayso.service.desk.held == 1)
        behind = held.call("POST", "/v1/requests", json.dumps(ASK).encode())
        held.more(behind[:-5])
        idle.send("GET", "/v1/requests")
        assert (await idle.answer())[0] == 200
        for _ in range(2):
            another = await _wire(sayso.url, secret)
            another.send("GET", "/v1/requests")
            assert (await another.answer())[0] == 200
            another.close()
        await sayso.vote(request, "deny")
        assert json.loads((await held.answer())[1])["status"] == "denied"
        held.more(behind[-5:])
        assert (await held.answer())[0] == 201
        held.close()
        idle.close()


async def test_the_end_of_a_large_body_does_not_count_against_the_call_behind_it() -> None:
    async with serving() as sayso:
        _, secret = await sayso.key()
        wire = await _wire(sayso.url, secret)
        large = json.dumps({"action": "a.b", "params": {"text": "x" * 45_000}}).encode()
        head, _, body = wire.call("POST", "/v1/requests", large).partition(b"\r\n\r\n")
        wire.more(head + b"\r\nExpect: 100-continue\r\n\r\n")
        await wire.goes_on()
        wire.more(body + wire.call("POST", "/v1/requests", json.dumps(ASK).encode()))
        assert [(await wire.answer())[0], (await wire.answer())[0]] == [201, 201]
        wire.close()


async def test_an_empty_line_after_a_body_begins_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that really began one is told that it is late; by then the other would have been, too."""
    monkeypatch.setattr(Limits, "within", classmethod(lambda cls, _: cls(head_seconds=0.2)))
    monkeypatch.setattr("sayso_bot.http.connection.LOOK_SECONDS", 0.05)
    async with serving() as sayso:
        _, secret = await sayso.key()
        wire, late = await _wire(sayso.url, secret), await _wire(sayso.url, secret)
        for each, after in ((wire, b"\r\n"), (late, b"GET /v1/req")):
            each.send("POST", "/v1/requests", json.dumps(ASK).encode())
            assert (await each.answer())[0] == 201
            each.more(after)
        assert (await late.answer())[0] == 400
        wire.send("GET", "/v1/requests")
        assert (await wire.answer())[0] == 200
        wire.close()
        late.close()


async def test_what_follows_a_body_that_nobody_wants_is_no_call() -> None:
    """The connection's last answer says so; its sender can go on sending, and none of it is looked at."""
    async with serving() as sayso:
        key, secret = await sayso.key()
        await sayso.revoke(key)
        _, other = await sayso.key()
        agent, wire = sayso.client(other), await _wire(sayso.url, secret)
        head = wire.call("POST", "/v1/requests").replace(b"Content-Length: 0", b"Content-Length: 40000")
        wire.more(head + b"x" * 10_000)
        assert (await wire.answer())[0] == 401
        assert wire.is_last
        good = wire.call("POST", "/v1/requests", json.dumps(ASK).encode(), secret=other)
        wire.more(b"x" * 30_000 + good)
        assert await wire.end() == b""
        assert (await agent.get("/v1/requests")).json()["items"] == []


async def test_the_short_rest_of_a_body_that_nobody_wants_costs_no_connection() -> None:
    async with serving() as sayso:
        _, secret = await sayso.key()
        wire = await _wire(sayso.url, secret)
        head = wire.call("GET", "/livez").replace(b"Content-Length: 0", b"Content-Length: 10000")
        wire.more(head)
        assert (await wire.answer())[0] == 200
        assert not wire.is_last
        wire.more(b"x" * 10_000)
        wire.send("GET", "/v1/requests")
        assert (await wire.answer())[0] == 200
        wire.close()
