"""Calls of agents: submissions, reads, lists, cancellations and files, each with an odd body, header, path or query."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from fuzz.case import Case, http_head
from fuzz.mutation import in_address, mutated_bytes, mutated_json, text, written

SUBMISSIONS: tuple[dict[str, Any], ...] = (
    {"action": "payments.refund", "params": {"order": "A-1", "amount": 12.5}},
    {"action": "denied.at.once", "params": {}},
    {"action": "slack.deploy", "params": {"service": "web", "replicas": 3}, "summary": "Deploy"},
    {
        "action": "checked.refund",
        "params": {"amount": 700, "order": "A-2", "tags": ["a", "b"], "note": None},
        "summary": "Refund of a late order",
        "reasoning": "The parcel never arrived.\nThe customer asked twice.",
        "diff": "- 0\n+ 700",
        "links": ["https://example.com/orders/A-2"],
        "metadata": {"model": "m", "step": 3, "nested": {"a": [1, 2.5, True]}},
        "on_behalf_of": "ana@example.com",
        "intent": "refund-A-2",
        "timeout": "15m",
    },
)
AUTHORIZATION = ("Authorization", "Bearer __KEY__")
CLOSE = ("Connection", "close")
HOST = ("Host", "localhost:__PORT__")
LENGTH = ("Content-Length", "__LENGTH__")
ODD_HEADERS = (
    "Accept", "Accept-Encoding", "Cookie", "If-None-Match", "Range", "Origin", "X-Forwarded-For", "Forwarded", "TE",
    "X-Forwarded-Host", "X-HTTP-Method-Override", "Referer", "User-Agent", "Idempotency-Key", "Prefer", "Via",
)  # fmt: skip
TYPES = (
    "application/json", "application/json; charset=utf-16", "text/json", "application/problem+json", "a", "",
    "application/json;charset=\"", "multipart/form-data; boundary=x", "application/json; charset=zlib",
    "application/JSON ; =",
)  # fmt: skip
CODINGS = ("identity", "gzip", "br", "deflate", "gzip, identity", "zstd", "", "x")
PREFERENCES = ("wait=0", "wait=0; a=b", 'wait="0"', "respond-async, wait=0", "WAIT = 0", "return=minimal", ", ,", "=")
RANGES = (
    "bytes=0-", "bytes=0-0", "bytes=-1", "bytes=9999-", "bytes=5-1", "bytes=0-1,2-3", "bytes=" + "0-0," * 900,
    "bytes=a-b", "bytes=-0", "lines=1-2", "bytes", "bytes=99999999999999999999-",
)  # fmt: skip
NO_FILE = "file_" + "0" * 32
QUERIES: Mapping[str, tuple[str, ...]] = {
    "status": ("pending", "denied", "approved", "PENDING", "redeemed"),
    "action": ("payments.refund", "*", "a" * 129),
    "agent": ("refunder", "x", ""),
    "cursor": ("0", "1", "999999999999999", "9999999999999999", "-1"),
    "limit": ("0", "1", "100", "101", "-1", "1e2"),
}


def agent_call(chance: Random) -> Case:
    make = chance.choices((_submit, _list, _read, _cancel, _file), weights=(5, 2, 2, 1, 1))[0]
    return make(chance)


def _submit(chance: Random) -> Case:
    body = written(mutated_json(chance.choice(SUBMISSIONS), chance, chance.choice((0.02, 0.1, 0.4))))
    data = body.encode("utf-8", "surrogatepass")
    if chance.random() < 0.15:
        data = mutated_bytes(data, chance)
    headers = [("Content-Type", "application/json" if chance.random() < 0.9 else chance.choice(TYPES))]
    if chance.random() < 0.3:
        headers.append(("Idempotency-Key", f"key-{chance.randrange(50)}" if chance.random() < 0.6 else text(chance)))
    if chance.random() < 0.1:
        headers.append(("Prefer", chance.choice(PREFERENCES)))
    if chance.random() < 0.1:
        headers.append(("Content-Encoding", chance.choice(CODINGS)))
    query = _query(chance, {}) if chance.random() < 0.05 else ""
    return _case(chance, f"POST /v1/requests{query}", headers, data)


def _list(chance: Random) -> Case:
    return _case(chance, f"GET /v1/requests{_query(chance, QUERIES)}", [], None)


def _read(chance: Random) -> Case:
    query = f"?wait={in_address(chance)}" if chance.random() < 0.1 else _query(chance, {})
    return _case(chance, f"GET /v1/requests/{_id(chance)}{query}", [], None)


def _cancel(chance: Random) -> Case:
    body = written(mutated_json({}, chance, 1.0)).encode("utf-8", "surrogatepass") if chance.random() < 0.6 else None
    headers = [] if body is None else [("Content-Type", "application/json")]
    return _case(chance, f"POST /v1/requests/{_id(chance)}/cancel{_query(chance, {})}", headers, body)


def _file(chance: Random) -> Case:
    request = "__DECISION__" if chance.random() < 0.8 else _id(chance)
    file = "__FILE__" if chance.random() < 0.65 else chance.choice(("__FILE__x", NO_FILE, in_address(chance, 300)))
    headers = []
    if chance.random() < 0.6:
        headers.append(("Range", chance.choice(RANGES) if chance.random() < 0.8 else text(chance)[:300]))
    query = _query(chance, {}) if chance.random() < 0.1 else ""
    return _case(chance, f"GET /v1/requests/{request}/files/{file}{query}", headers, None)


def _id(chance: Random) -> str:
    known = chance.choice(("__SETTLED__", "__PENDING__", "__SETTLED__x", "req_00000000-0000-7000-8000-000000000000"))
    return known if chance.random() < 0.7 else in_address(chance, 300, safe="")


def _query(chance: Random, known: Mapping[str, tuple[str, ...]]) -> str:
    if chance.random() < 0.3:
        return ""
    parts = []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        name = chance.choice([*known]) if known and chance.random() < 0.85 else in_address(chance, 100)
        likely = known.get(name, ())
        value = chance.choice(likely) if likely and chance.random() < 0.6 else in_address(chance)
        parts.append(f"{name}={value}")
    return "?" + chance.choice(("&", "&", "&", ";", "&&")).join(parts)


def _case(chance: Random, line: str, headers: list[tuple[str, str]], body: bytes | None) -> Case:
    """With a good key but for a few, and now and then a header that has no business there."""
    sent = [HOST, CLOSE, *headers]
    if chance.random() < 0.95:
        sent.append(AUTHORIZATION)
    else:
        sent.append(
            ("Authorization", chance.choice(("Bearer ", "Basic __KEY__", "bearer  __KEY__", text(chance)[:1000])))
        )
    if chance.random() < 0.15:
        sent.append((chance.choice(ODD_HEADERS), text(chance)[:2000]))
    if body is not None:
        sent.append(LENGTH)
    return Case("agent", http_head(f"{line} HTTP/1.1", *sent), body or b"")
