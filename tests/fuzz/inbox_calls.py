"""Pages, fragments and forms of the inbox, as a signed-in person's browser would never send them."""

from __future__ import annotations

from random import Random
from urllib.parse import urlencode

from fuzz.agent_calls import CLOSE, HOST, LENGTH
from fuzz.case import Case, http_head
from fuzz.mutation import in_address, mutated_bytes, text

COOKIE = "sayso-__PORT__=__COOKIE__"
FORM = "application/x-www-form-urlencoded"
PATHS = (
    "/", "/inbox", "/inbox/", "/inbox/history", "/inbox/help", "/inbox/sign-in", "/inbox/requests/__PENDING__",
    "/inbox/requests/__SETTLED__", "/inbox/fragments/waiting", "/inbox/fragments/rows/__PENDING__",
    "/inbox/fragments/requests/__SETTLED__", "/inbox/static/x/inbox.css", "/inbox/events",
)  # fmt: skip
FORMS = ("/inbox/requests/__PENDING__/vote", "/inbox/requests/__SETTLED__/vote", "/inbox/session", "/inbox/sign-out")
AREAS = ("", "requests/", "static/", "fragments/rows/")
QUERIES = ("status", "cursor", "view", "next", "limit")
VALUES = ("approved", "pending", "whole", "0", "1", "999999999999999", "9" * 30, "-1", "")
ORIGINS = (
    "http://localhost:__PORT__",
    "http://evil.example",
    "null",
    "http://[",
    "",
    "http://localhost:__PORT__.evil.example",
)
ANSWER = {
    "csrf": "__CSRF__",
    "nonce": "abcdefghijklmnop",
    "revision": "1",
    "outcome": "deny",
    "reason": "",
    "view": "whole",
}


def inbox_call(chance: Random) -> Case:
    return _form(chance) if chance.random() < 0.5 else _page(chance)


def _page(chance: Random) -> Case:
    path = chance.choice(PATHS)
    if chance.random() < 0.25:
        path = f"/inbox/{chance.choice(AREAS)}{in_address(chance, safe='/')}"
    if chance.random() < 0.5:
        name = chance.choice(QUERIES) if chance.random() < 0.8 else in_address(chance, 60)
        value = chance.choice(VALUES) if chance.random() < 0.5 else in_address(chance, 300)
        path += f"?{name}={value}"
    return _case(chance, f"GET {path}", [], None)


def _form(chance: Random) -> Case:
    path = chance.choice(FORMS) if chance.random() < 0.8 else f"/inbox/requests/{in_address(chance, 100)}/vote"
    fields = {"token": "A" * 43} if path.endswith("session") else dict(ANSWER)
    if path.endswith("sign-out"):
        fields = {"csrf": "x"}  # a good one would end the session that the next calls need
    for name in list(fields):
        if chance.random() < 0.25:
            fields[name] = text(chance)
    if chance.random() < 0.2:
        fields[text(chance)[:60]] = text(chance)
    body = urlencode(fields, errors="surrogatepass").encode()
    if chance.random() < 0.2:
        body = mutated_bytes(body, chance)
    kind = (
        FORM
        if chance.random() < 0.9
        else chance.choice(("multipart/form-data; boundary=x", f"{FORM}; charset=utf-16", "text/plain", ""))
    )
    origin = ORIGINS[0] if chance.random() < 0.8 else chance.choice((*ORIGINS, text(chance)[:200]))
    return _case(chance, f"POST {path}", [("Content-Type", kind), ("Origin", origin), LENGTH], body)


def _case(chance: Random, line: str, headers: list[tuple[str, str]], body: bytes | None) -> Case:
    cookie = COOKIE
    if chance.random() < 0.15:
        cookie = chance.choice(
            ("", "=", ";;;", f"{COOKIE}; {COOKIE}x", f"sayso-__PORT__={text(chance)[:300]}", text(chance)[:2000])
        )
    sent = [HOST, CLOSE, ("Cookie", cookie), *headers]
    if chance.random() < 0.1:
        sent.append(("Cookie", f"sayso-__PORT__-next={text(chance)[:200]}"))
    if chance.random() < 0.1:
        sent.append(("Sec-Fetch-Site", chance.choice(("same-origin", "cross-site", text(chance)[:50]))))
    return Case("inbox", http_head(f"{line} HTTP/1.1", *sent), body or b"")
