"""Pages, fragments and forms of the inbox, as no browser of who is signed in would send them.

An approver answers, edits and uploads; somebody else, an admin, has the admin's page and its forms.
"""

from __future__ import annotations

from random import Random
from urllib.parse import urlencode

from fuzz.agent_calls import CLOSE, HOST, LENGTH
from fuzz.case import Case, http_head
from fuzz.multiparts import multipart
from fuzz.mutation import in_address, mutated_bytes, text

COOKIE, ADMIN_COOKIE = "sayso-__PORT__=__COOKIE__", "sayso-__PORT__=__ADMIN_COOKIE__"
FORM = "application/x-www-form-urlencoded"
PATHS = (
    "/", "/inbox", "/inbox/", "/inbox/history", "/inbox/help", "/inbox/sign-in", "/inbox/requests/__PENDING__",
    "/inbox/requests/__SETTLED__", "/inbox/fragments/waiting", "/inbox/fragments/rows/__PENDING__",
    "/inbox/fragments/requests/__SETTLED__", "/inbox/static/x/inbox.css", "/inbox/events",
    "/inbox/requests/__DECISION__", "/inbox/requests/__DECISION__/files/__FILE__",
)  # fmt: skip
FORMS = ("/inbox/requests/__PENDING__/vote", "/inbox/requests/__SETTLED__/vote", "/inbox/session", "/inbox/sign-out")
ADMIN_PATHS = ("/inbox/admin", "/inbox/fragments/admin")
AREAS = ("", "requests/", "static/", "fragments/rows/")
QUERIES = ("status", "cursor", "view", "next", "limit", "action", "move")
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
EDIT = {"csrf": "__CSRF__", "nonce": "abcdefghijklmnop", "revision": "1", "edit_0": "Send 5 e-mails"}
WHERE = {"to": "deploys", "to_place": "", "action": "fuzzed.*"}
DEEDS: tuple[dict[str, str], ...] = (
    {"deed": "route", **WHERE, "lasting": "1h"},
    {
        "deed": "route",
        **WHERE,
        "to": "other",
        "to_place": "slack:C0PAYMENTS",
        "lasting": "other",
        "until": "2099-01-01",
    },
    {"deed": "undo", "route": "fuzzed.*"},
    {"deed": "name", "name": "night", "place": "slack:C0PAYMENTS"},
    {"deed": "forget", "name": "night"},
    {"deed": "test", "channel": "deploys"},
    {"deed": "pause", "kind": "agent", "what": "idle"},
    {"deed": "pause", "kind": "action", "what": "fuzzed.*"},
    {"deed": "resume", "pause": "", "scope": "agent:idle"},
    {"deed": "move", "to": "deploys", "what": "__PENDING__"},
    {"deed": "move", "to": "inbox", "what": "fuzzed.*"},
    {"deed": "make-key", "name": "idle", "kinds": "agent", "actions": "fuzzed.*, other", "principal": "a@example.com"},
    {"deed": "rotate", "key": "__SPARE__", "overlap": "1d"},
    {"deed": "revoke", "key": "__SPARE__"},
)


def inbox_call(chance: Random) -> Case:
    makers = (_page, _form, _edit, _upload, _admin_page, _administer)
    return chance.choices(makers, weights=(5, 5, 2, 2, 1, 4))[0](chance)


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
    return _sent(chance, path, fields)


def _edit(chance: Random) -> Case:
    fields = {
        **EDIT,
        "revision": chance.choice(("1", "1", "2", "3")),
        "nonce": f"nonce-of-an-edit-{chance.randrange(99)}",
    }
    if chance.random() < 0.5:
        fields["edit_0"] = text(chance)
    return _sent(chance, f"/inbox/requests/{_wanted(chance)}/edit", fields, 0.05)


def _upload(chance: Random) -> Case:
    fields = [("csrf", "__CSRF__"), ("upload", f"upload-of-a-file-{chance.randrange(99)}")]
    if chance.random() < 0.2:
        fields[chance.randrange(2)] = chance.choice(fields)[0], text(chance)[:200]
    file = "form_0" if chance.random() < 0.85 else chance.choice(("form_1", "form_9999999999", "form_٣", "file"))
    where = "files" if chance.random() < 0.8 else "vote"
    if where == "vote":
        fields += [("nonce", ANSWER["nonce"]), ("revision", "1"), ("outcome", chance.choice(("deny", "approve")))]
    kind, body = multipart(fields, file, chance)
    headers = [("Content-Type", kind), ("Origin", _origin(chance)), LENGTH]
    return _case(chance, f"POST /inbox/requests/{_wanted(chance)}/{where}", headers, body)


def _admin_page(chance: Random) -> Case:
    path = chance.choice(ADMIN_PATHS)
    if chance.random() < 0.7:
        value = chance.choice(("fuzzed.*", "__PENDING__")) if chance.random() < 0.4 else in_address(chance, 300)
        path += f"?{chance.choice(('action', 'move'))}={value}"
    return _case(chance, f"GET {path}", [], None, ADMIN_COOKIE)


def _administer(chance: Random) -> Case:
    fields = {"csrf": "__ADMIN_CSRF__", **chance.choice(DEEDS), "why": chance.choice(("", "A look"))}
    path = "/inbox/admin/preview"
    if chance.random() < 0.6:
        path = "/inbox/admin/do"
        fields |= {"nonce": f"nonce-of-a-deed-{chance.randrange(10_000)}", "version": "__ROUTES__"}
    return _sent(chance, path, fields, 0.06, ADMIN_COOKIE)


def _wanted(chance: Random) -> str:
    known = chance.choice(("__DECISION__", "__DECISION__", "__DECISION__", "__PENDING__", "__SETTLED__"))
    return known if chance.random() < 0.9 else in_address(chance, 100)


def _sent(chance: Random, path: str, fields: dict[str, str], rate: float = 0.25, cookie: str = COOKIE) -> Case:
    """A form, each of whose fields is something odd at ``rate``."""
    for name in list(fields):
        if chance.random() < rate:
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
    return _case(chance, f"POST {path}", [("Content-Type", kind), ("Origin", _origin(chance)), LENGTH], body, cookie)


def _origin(chance: Random) -> str:
    return ORIGINS[0] if chance.random() < 0.8 else chance.choice((*ORIGINS, text(chance)[:200]))


def _case(chance: Random, line: str, headers: list[tuple[str, str]], body: bytes | None, cookie: str = COOKIE) -> Case:
    if chance.random() < 0.15:
        cookie = chance.choice(
            ("", "=", ";;;", f"{cookie}; {cookie}x", f"sayso-__PORT__={text(chance)[:300]}", text(chance)[:2000])
        )
    sent = [HOST, CLOSE, ("Cookie", cookie), *headers]
    if chance.random() < 0.1:
        sent.append(("Cookie", f"sayso-__PORT__-next={text(chance)[:200]}"))
    if chance.random() < 0.1:
        sent.append(("Sec-Fetch-Site", chance.choice(("same-origin", "cross-site", text(chance)[:50]))))
    return Case("inbox", http_head(f"{line} HTTP/1.1", *sent), body or b"")
