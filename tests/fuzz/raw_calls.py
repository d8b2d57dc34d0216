"""Bytes that are hardly HTTP: mangled lines, floods of headers, chunks that lie, calls within calls."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from fuzz.admin_calls import admin_call
from fuzz.agent_calls import agent_call
from fuzz.case import Case
from fuzz.handover_calls import handover_call
from fuzz.inbox_calls import inbox_call
from fuzz.mutation import mutated_bytes, text
from fuzz.oauth_calls import oauth_call
from fuzz.operator_calls import operator_call
from fuzz.slack_calls import slack_call
from fuzz.teams_calls import teams_call

LINES = (
    b"GET / HTTP/1.1", b"GET", b"GET  /v1/requests HTTP/1.1", b"get /livez http/1.1", b"GET /livez HTTP/1.0",
    b"GET /livez HTTP/2.0", b"GET http://localhost/livez HTTP/1.1", b"GET //evil.example/livez HTTP/1.1",
    b"CONNECT localhost:1 HTTP/1.1", b"OPTIONS * HTTP/1.1", b"GET /livez\tHTTP/1.1", b"\r\n\r\nGET /livez HTTP/1.1",
    b"PRI * HTTP/2.0", b"GET /%00 HTTP/1.1", b"GET \xff HTTP/1.1", b"GET http://[::1 HTTP/1.1",
    b"GET http://a:b@c:99999999/ HTTP/1.1", b"GET /livez HTTP/1.1 x", b"POST /v1/requests HTTP/1.1",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET ?x HTTP/1.1", b"GET # HTTP/1.1",
    b"G\xc3\x8bT / HTTP/1.1", b"",
)  # fmt: skip
HEADERS = (
    b"Host: localhost", b"Host: evil.example", b"Content-Length: 0", b"Content-Length: 5", b"Content-Length: -1",
    b"Content-Length: 1e3", b"Content-Length: 99999999999999999999", b"Content-Length: 5, 5",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding : chunked",
    b"Transfer-Encoding: x", b"Expect: 100-continue", b"Expect: x", b"Connection: upgrade", b"Upgrade: websocket",
    b"Upgrade: h2c", b"Authorization: Bearer __KEY__", b"X-A: b\r\n c", b"X\x00: a", b": a", b"no colon",
    b"X-A: \x00", b"X-\xff: a", b"Content-Type: application/json", b"Content-Encoding: deflate",
    b"Connection: keep-alive", b"Sec-WebSocket-Key: x", b"Accept: " + b"a," * 900, b"Cookie: " + b"a=b; " * 900,
)  # fmt: skip
SIZES = (
    b"0", b"5", b"5;ext=1", b"FFFFFFFF", b"-1", b"zz", b"00000000000000000005", b"", b"5 ", b"0x5",
    b"5;" + b"a" * 9000,
)  # fmt: skip
ENDS = (b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n")
MAKERS: tuple[Callable[[Random], Case], ...] = (
    agent_call, slack_call, teams_call, inbox_call, admin_call, handover_call, oauth_call, operator_call,
)  # fmt: skip


def raw_call(chance: Random) -> Case:
    make = chance.choice((_mangled, _mangled, _mangled, _assembled, _assembled, _chunked, _flood, _pipelined))
    return make(chance)


def _mangled(chance: Random) -> Case:
    """A call of another kind with some of its bytes changed."""
    case, other = (chance.choice(MAKERS)(chance) for _ in range(2))
    head = mutated_bytes(case.head, chance, other.head) if chance.random() < 0.8 else case.head
    body = mutated_bytes(case.body, chance, other.body) if case.body and chance.random() < 0.5 else case.body
    return Case("raw", head, body, whole=False)


def _assembled(chance: Random) -> Case:
    end = chance.choice(ENDS)
    headers = chance.choices(HEADERS, k=chance.randrange(8))
    return Case(
        "raw", end.join([chance.choice(LINES), *headers, b"", b""]), chance.choice((b"", b"hello", b"{}")), whole=False
    )


def _chunked(chance: Random) -> Case:
    """A submission in chunks, some of which say another size than they have."""
    body = b'{"action":"denied.x","params":{}}'
    pieces = []
    while body:
        size = chance.randrange(1, 20)
        told = b"%x" % len(body[:size]) if chance.random() < 0.8 else chance.choice(SIZES)
        pieces.append(told + b"\r\n" + body[:size] + b"\r\n")
        body = body[size:]
    trailer = chance.choice((b"", b"X-A: b\r\n", b"Content-Length: 3\r\n", b"\xff\r\n"))
    last = chance.choice((b"0\r\n", b"0\r\n", b"0;a=b\r\n", b"00\r\n", b""))
    head = b"POST /v1/requests HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer __KEY__\r\nConnection: close\r\n"
    framing = b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    return Case("raw", head + framing, b"".join(pieces) + last + trailer + b"\r\n", whole=False)


def _flood(chance: Random) -> Case:
    count, name = chance.choice(((50, b"X-%d: a"), (3000, b"X-%d: a"), (40, b"Cookie: a%d=b"), (900, b"Host: h%d")))
    flood = [name % number for number in range(count)]
    long = b"X-Long: " + b"a" * chance.choice((8000, 8190, 8192, 70_000)) if chance.random() < 0.5 else b"X-Short: a"
    lines = [
        b"GET /v1/requests HTTP/1.1",
        b"Host: localhost",
        b"Authorization: Bearer __KEY__",
        b"Connection: close",
        long,
        *flood,
    ]
    return Case("raw", b"\r\n".join([*lines, b"", b""]), whole=False)


def _pipelined(chance: Random) -> Case:
    """Several calls in one go, on one connection, and perhaps half of another."""
    calls = [chance.choice((operator_call, inbox_call))(chance) for _ in range(chance.randrange(2, 5))]
    head = b"".join(
        call.head.replace(b"Connection: close\r\n", b"").replace(b"__LENGTH__", b"%d" % len(call.body)) + call.body
        for call in calls
    )
    tail = text(chance).encode("utf-8", "surrogatepass") if chance.random() < 0.3 else b""
    return Case("raw", head, tail, whole=False)
