"""Probes, metrics and the OpenAPI document with odd hosts, proxies and keys; and addresses of nothing."""

from __future__ import annotations

from random import Random

from fuzz.agent_calls import CLOSE
from fuzz.case import Case, http_head
from fuzz.mutation import in_address, text

PATHS = (
    "/metrics", "/readyz", "/livez", "/openapi.json", "/", "/v1", "/v1/requests", "/favicon.ico",
    "/v1/admin/policy", "/v1/admin/policy/versions", "/v1/admin/policy/versions/1", "/v1/admin/policy/diff",
)  # fmt: skip
METHODS = ("GET", "GET", "GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "TRACE", "PATCH", "FROB")
HOSTS = (
    "localhost", "localhost:__PORT__", "127.0.0.1", "[::1]", "[::1", "evil.example", "localhost.evil.example",
    "LOCALHOST:99999", "127.0.0.1:", "", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "localhost\t", "a" * 300,
    "localhost,evil.example",
)  # fmt: skip
CALLERS = ("127.0.0.1", "10.0.0.1", "::1", "unknown", "127.0.0.1, 10.0.0.1", "for=127.0.0.1", 'for="[::1]"', ",,,")


def operator_call(chance: Random) -> Case:
    path = chance.choice(PATHS) if chance.random() < 0.8 else "/" + in_address(chance, 500, safe="/?#&=;")
    host = chance.choice(HOSTS) if chance.random() < 0.7 else text(chance)[:400]
    headers = [("Host", host), CLOSE]
    if chance.random() < 0.4:
        name = chance.choice(("X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"))
        headers.append((name, chance.choice(CALLERS) if chance.random() < 0.6 else text(chance)[:400]))
    if chance.random() < 0.3:
        headers.append(
            ("Authorization", chance.choice(("Bearer __KEY__", "Bearer sk_main_x", "Bearer " + text(chance)[:300])))
        )
    if chance.random() < 0.2:
        headers.append(
            (chance.choice(("Accept", "Accept-Encoding", "If-None-Match", "Range", "Origin")), text(chance)[:300])
        )
    return Case("operator", http_head(f"{chance.choice(METHODS)} {path} HTTP/1.1", *headers))
