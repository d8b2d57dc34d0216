"""Bytes that no HTTP client would send, and what of secrets reaches the log: nothing."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from service import CALLERS_AT_ONCE, ServiceProcess

BODY = b'{"action":"a.b","params":{}}'


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str | None:
        """The code of a problem document; None for any other answer."""
        if self.headers.get("content-type") != "application/problem+json; charset=utf-8":
            return None
        return str(json.loads(self.body)["code"])


class Wire:
    """A running service, a key of it, and plain sockets."""

    def __init__(self, process: ServiceProcess, key: str) -> None:
        self.process = process
        self.key = key

    def post(self, body: bytes = BODY, *headers: str, length: int | None = None) -> bytes:
        """A submission; ``length`` is the Content-Length to tell, -1 for none."""
        told = [] if length == -1 else [f"Content-Length: {len(body) if length is None else length}"]
        lines = [*self.head("POST /v1/requests"), "Content-Type: application/json", *told, *headers, "", ""]
        return "\r\n".join(lines).encode("latin-1") + body

    def get(self, target: str, *headers: str, method: str = "GET") -> bytes:
        return "\r\n".join([*self.head(f"{method} {target}"), *headers, "", ""]).encode("latin-1")

    def head(self, line: str) -> list[str]:
        return [f"{line} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.key}", "Connection: close"]

    async def send(self, data: bytes) -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.process.port)
        try:
            async with asyncio.timeout(5):
                writer.write(data)
                first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers["content-length"]))
        finally:
            writer.close()
        return Answer(int(first.split()[1]), headers, body)

    async def code(self, data: bytes) -> tuple[int, str | None]:
        answer = await self.send(data)
        return answer.status, answer.code

    def log(self) -> str:
        return self.process.log.read_text()

    async def requests(self) -> int:
        answer = await self.send(self.get("/v1/requests?limit=100"))
        return len(json.loads(answer.body)["items"])


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    folder: Path = tmp_path_factory.mktemp("wire")
    with ServiceProcess(folder, {"SAYSO_LOG_FORMAT": "json", "SAYSO_LOG_LEVEL": "debug"}) as process:
        yield Wire(process, asyncio.run(process.key()))


async def test_hundreds_who_come_at_once_are_all_taken(wire: Wire) -> None:
    """As after a restart. Whom the system turns away would try again after a second."""
    async with asyncio.timeout(20):
        with wire.process.asleep():
            come = await asyncio.gather(
                *(asyncio.open_connection("127.0.0.1", wire.process.port) for _ in range(CALLERS_AT_ONCE))
            )
        for _, writer in come:
            writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        heads = await asyncio.gather(*(reader.readuntil(b"\r\n\r\n") for reader, _ in come))
    assert all(head.startswith(b"HTTP/1.1 200 OK\r\n") for head in heads)
    for _, writer in come:
        writer.close()


async def test_a_caller_of_http_1_0_keeps_its_connection_where_it_asks_to(wire: Wire) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.process.port)
    for said, told in (("keep-alive", "keep-alive"), ("close", "close")):
        writer.write(f"GET /livez HTTP/1.0\r\nHost: localhost\r\nConnection: {said}\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert head.startswith(b"HTTP/1.0 200 OK\r\n")
        assert f"\r\nConnection: {told}\r\n".encode() in head
        await reader.readexactly(int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0]))
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_what_is_no_http_is_answered_with_a_problem_document_and_not_logged(wire: Wire) -> None:
    """aiohttp's own words would name the offending line, which may hold a key."""
    before, made = wire.log(), await wire.requests()
    bad = {
        "a key and a NUL": wire.get("/v1/requests", f"X-Key: {wire.key}\0"),
        "a key without a colon": wire.get("/v1/requests", f"Authorization Bearer {wire.key}"),
        "a key in a name": wire.get("/v1/requests", f"{wire.key}\xff: x"),
        "an endless key": wire.get("/v1/requests", f"X-Key: {wire.key}{'a' * 9000}"),
        "a folded header": wire.get("/v1/requests", "X-A: b", " c"),
        "two hosts": wire.get("/v1/requests", "Host: evil.example"),
        "too many headers": wire.get("/v1/requests", *(f"X-{number}: a" for number in range(5000))),
        "an endless address": wire.get("/v1/requests?" + "a" * 20_000),
        "another alphabet": wire.get("/v1/requests?status=é"),
        "another method": wire.get("/v1/requests", method="FROB"),
        "another version": wire.get("/v1/requests").replace(b"HTTP/1.1", b"HTTP/9.9"),
        "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 5,
        "http 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "nothing of a line": b"GET\r\n\r\n",
        "two lengths": wire.post(BODY, "Content-Length: 3"),
        "a negative length": wire.post(length=-7),
        "length and chunks": wire.post(BODY, "Transfer-Encoding: chunked"),
        "a chunk of no size": wire.post(b"5\r\nhello\r\nzz\r\n", "Transfer-Encoding: chunked", length=-1),
        "an unknown expectation": wire.post(BODY, "Expect: the-unexpected"),
    }
    for name, data in bad.items():
        answer = await wire.send(data)
        assert (answer.status, answer.code) == (400, "bad_http"), name
        assert wire.key.encode() not in answer.body
        assert answer.headers["cache-control"] == "no-store"
    assert wire.log() == before
    assert await wire.requests() == made


async def test_bodies_are_never_unpacked(wire: Wire) -> None:
    """A gzip of 300 MB of blanks fits in 300 kB."""
    for body, coding in (
        (gzip.compress(BODY), "gzip"),
        (b"no gzip at all", "gzip"),
        (b"no br at all", "br"),
        (gzip.compress(b" " * 100_000_000, 1)[:200_000], "gzip"),
        (BODY, "Gzip, chunked"),
    ):
        begun = time.monotonic()
        assert await wire.code(wire.post(body, f"Content-Encoding: {coding}")) == (415, "unsupported_media_type")
        assert time.monotonic() - begun < 1
    bomb = gzip.compress(b"x" * 10_000_000)
    assert await wire.code(wire.post(bomb, "Content-Encoding: gzip", "Transfer-Encoding: x", length=-1)) == (
        400,
        "bad_http",
    )


async def test_a_length_that_lies_makes_nothing(wire: Wire) -> None:
    made = await wire.requests()
    assert await wire.code(wire.post(BODY, length=300_000)) == (413, "body_too_large")
    assert await wire.code(wire.post(BODY, length=10**15)) == (413, "body_too_large")
    assert await wire.code(wire.post(BODY, length=5)) == (400, "bad_http")
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (400_000, b" " * 400_000)
    assert await wire.code(wire.post(chunked, "Transfer-Encoding: chunked", length=-1)) == (413, "body_too_large")
    assert await wire.requests() == made
    whole = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
    assert (await wire.send(wire.post(whole, "Transfer-Encoding: chunked", length=-1))).status == 201


async def test_an_agent_that_goes_away_in_the_middle_of_a_body_leaves_nothing(wire: Wire) -> None:
    before, made = wire.log(), await wire.requests()
    _, writer = await asyncio.open_connection("127.0.0.1", wire.process.port)
    writer.write(wire.post(BODY, length=len(BODY) + 5))
    await writer.drain()
    writer.transport.abort()
    assert await wire.requests() == made
    assert wire.log() == before


async def test_paths_are_taken_as_they_are_sent(wire: Wire) -> None:
    for target in ("/v1/../v1/requests", "/v1/./requests", "//v1/requests", "//evil.example/v1/requests",
                   "/v1/requests/%00",
                   "/v1/requests/%2e%2e%2f", "/v1/requests/%zz", "/v1/requests/%ff", "/v1%2frequests", "/v1/requests;x",
                   "/v1/requests/..%5c", "/v1\\requests"):  # fmt: skip
        assert await wire.code(wire.get(target)) == (404, "not_found"), target
    for target in ("/v1/requests?%ED%A0%80=1", "/v1/requests?%00", "/v1/requests?a=%zz", "/v1/requests?=&&;;"):
        assert await wire.code(wire.get(target)) == (422, "invalid_field"), target
    assert (await wire.send(wire.get("/v1/requests#fragment"))).status in (200, 400)


async def test_an_upgrade_is_not_taken_up(wire: Wire) -> None:
    answer = await wire.send(wire.get("/v1/requests", "Upgrade: websocket", "Sec-WebSocket-Version: 13"))
    assert answer.status == 200


async def test_pipelined_calls_are_answered_in_order(wire: Wire) -> None:
    alive = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.process.port)
    writer.write(alive * 3 + wire.get("/v1/requests/x"))
    raw = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    assert raw.count(b"200 OK") == 3
    assert raw.index(b"404 Not Found") > raw.rindex(b"200 OK")


async def test_a_key_is_never_in_the_log_whatever_is_sent(wire: Wire) -> None:
    headers = {"Authorization": f"Bearer {wire.key}"}
    async with httpx.AsyncClient(base_url=wire.process.url, headers=headers, trust_env=False) as agent:
        ask = {"action": "a.b", "params": {"key": wire.key}, "summary": wire.key, "intent": wire.key}
        made = await agent.post("/v1/requests", json=ask, headers={"Idempotency-Key": wire.key})
        assert made.status_code == 201
        await agent.post("/v1/requests", json={**ask, wire.key: 1})
        await agent.post("/v1/requests", json={**ask, "action": "b"}, headers={"Idempotency-Key": wire.key})
        for path in (
            f"/v1/requests/{wire.key}",
            f"/v1/requests?cursor={wire.key}",
            f"/v1/requests?{wire.key}=1",
            f"/{wire.key}",
        ):
            assert (await agent.get(path)).status_code in (404, 422)
        metrics = (await agent.get("/metrics", headers={"Authorization": ""})).text
    assert wire.key not in metrics
    assert wire.key[8:] not in wire.log()


def test_a_line_of_the_log_is_one_json_object(wire: Wire) -> None:
    lines = [line for line in wire.log().splitlines() if line.startswith("{")]
    assert lines
    assert {"event", "level", "timestamp"} <= set.intersection(*(set(json.loads(line)) for line in lines))
    assert "Traceback" not in wire.log()
