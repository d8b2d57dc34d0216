"""Calls of admins' programs: routes, channels, pauses, keys, moves and the policy, good ones and mutated ones.

What they name is nothing that a good request needs: a spare key, patterns of their own, and policies made of the one in
force. A pattern may become ``*`` all the same, and a policy another; `World.set_right` undoes it after each batch.
"""

from __future__ import annotations

from random import Random
from typing import Any

from fuzz.agent_calls import CLOSE, HOST, LENGTH, TYPES
from fuzz.case import Case, http_head
from fuzz.mutation import in_address, mutated_bytes, mutated_json, text, written
from fuzz.world import POLICY

AUTHORIZATION = ("Authorization", "Bearer __ADMIN_KEY__")
SHORT = ("90s", "15m", "0s", "366d", "367d", "999999999d")
ROUTE: dict[str, Any] = {"action": "fuzzed.*", "channel": "deploys", "for": "15m", "reason": "Away", "confirm": True}
PAUSES: tuple[dict[str, Any], ...] = (
    {"agent": "idle", "reason": "A look", "confirm": True},
    {"action": "fuzzed.*", "reason": "", "confirm": True},
)
KEY: dict[str, Any] = {
    "name": "idle",
    "kinds": ["agent"],
    "actions": ["fuzzed.*"],
    "principal": "ana@example.com",
    "quotas": {"rate": 2.5, "burst": 5, "pending": 10, "bytes": 1048576, "held": 5},
}
MOVE: dict[str, Any] = {"channel": "inbox", "reason": "Closer", "confirm": True}
EXPLAINED: dict[str, Any] = {
    "action": "checked.refund",
    "params": {"amount": 700, "order": "A-2", "tags": ["a"], "note": None},
    "agent": "refunder",
    "summary": "Refund",
    "links": ["https://example.com"],
    "metadata": {"step": 3},
    "urgency": "high",
    "approver": "ana@example.com",
}
PLACES = (
    "slack:C0PAYMENTS",
    "inbox",
    "slack:C0GONE",
    "teams:19:payments@thread.tacv2",
    "email:x@example.com",
    "slack:",
)
NAMES = ("night", "night", "deploys", "inbox", "unknown", "Night", "a" * 65)
IDS = ("__SPARE__", "__PAUSE__", "fuzzed.*", "key_0123456789abcdef", "*", "x" * 65)
ROUTES_TAGS = (
    '"routes-__ROUTES__"',
    "*",
    "*",
    'W/"routes-__ROUTES__"',
    '"routes-0"',
    '"routes-1", "routes-2"',
    '"',
    "",
)
POLICY_TAGS = ("*", "*", '"built-in"', '"a", "b"', 'W/"a"', '"' + "0" * 64 + '"', '"a" "b"', "")
REFERENCES = ("active", "1", "2", "999999999", "sha256:abcdef", "0", "abcdef")


def admin_call(chance: Random) -> Case:
    makers = (_look, _route, _channel, _pause, _key, _move, _policy)
    return chance.choices(makers, weights=(3, 3, 2, 3, 3, 2, 4))[0](chance)


def _look(chance: Random) -> Case:
    what = chance.choice(("routes", "channels", "pauses", "keys", "policy", "policy/versions", "policy/diff"))
    names = {"keys": ("cursor", "limit"), "policy/versions": ("cursor", "limit"), "policy/diff": ("from", "to")}
    parts = []
    for name in names.get(what, ()):
        if chance.random() < 0.5:
            values = ("1", "2", "100", "101", "0", *IDS) if name in ("cursor", "limit") else REFERENCES
            parts.append(f"{name}={chance.choice(values) if chance.random() < 0.7 else in_address(chance)}")
    if what == "policy/versions" and chance.random() < 0.4:
        what += f"/{chance.choice(REFERENCES) if chance.random() < 0.7 else in_address(chance, 60)}"
    return _call(chance, "GET", what + ("?" + "&".join(parts) if parts else ""))


def _route(chance: Random) -> Case:
    if chance.random() < 0.25:
        return _call(chance, "DELETE", f"routes/{_id(chance, 'fuzzed.*')}", tags=ROUTES_TAGS)
    body = {**ROUTE, "channel": chance.choice(("deploys", "inbox", "payments", *PLACES))}
    if chance.random() < 0.3:
        body["for"] = chance.choice(SHORT)
    elif chance.random() < 0.3:
        body["until"] = chance.choice(
            ("2099-01-01T00:00:00Z", "2020-01-01T00:00:00+14:00", "9999-12-31T23:59:59.9-23:59")
        )
        del body["for"]
    path = chance.choice(("routes", "routes", "previews/route"))
    return _call(chance, "POST", path, body, tags=ROUTES_TAGS)


def _channel(chance: Random) -> Case:
    name = chance.choice(NAMES) if chance.random() < 0.8 else in_address(chance, 100)
    match chance.randrange(4):
        case 0:
            return _call(chance, "DELETE", f"channels/{name}", tags=ROUTES_TAGS)
        case 1:
            return _call(chance, "POST", f"channels/{name}/test")
    return _call(chance, "PUT", f"channels/{name}", {"place": chance.choice(PLACES), "reason": "n"}, tags=ROUTES_TAGS)


def _pause(chance: Random) -> Case:
    match chance.randrange(4):
        case 0:
            return _call(chance, "DELETE", f"pauses/{_id(chance, '__PAUSE__')}")
        case 1:
            shape = chance.choice((*PAUSES, {"everything": True, "reason": ""}))
            return _call(chance, "POST", "previews/pause", shape)
    return _call(chance, "POST", "pauses", chance.choice(PAUSES))


def _key(chance: Random) -> Case:
    match chance.randrange(5):
        case 0:
            return _call(chance, "DELETE", f"keys/{_id(chance, '__SPARE__')}")
        case 1:
            return _call(chance, "POST", f"keys/{_id(chance, '__SPARE__')}/rotate", {"overlap": chance.choice(SHORT)})
    return _call(chance, "POST", "keys", KEY)


def _move(chance: Random) -> Case:
    body = {**MOVE, "channel": chance.choice(("inbox", "deploys", *PLACES))}
    if chance.random() < 0.3:
        return _call(chance, "POST", "moves", {**body, "action": chance.choice(("fuzzed.*", "payments.refund"))})
    name = chance.choice(("__PENDING__", "__PENDING__", "__SETTLED__")) if chance.random() < 0.8 else in_address(chance)
    return _call(chance, "POST", f"requests/{name}/move", body)


def _policy(chance: Random) -> Case:
    match chance.randrange(6):
        case 0:
            return _call(chance, "POST", "policy/explain", EXPLAINED)
        case 1:
            body = {"version": chance.choice((1, 1, 2, 3, 99)), "comment": "back"}
            return _call(chance, "POST", "policy/rollback", body, tags=POLICY_TAGS)
        case 2 | 3:
            return _call(chance, "POST", "policy/check", {"document": _document(chance)})
    return _call(chance, "PUT", "policy", {"document": _document(chance), "comment": "tried"}, tags=POLICY_TAGS)


def _document(chance: Random) -> str:
    """The policy in force with another deadline, some of its lines elsewhere, or some of its characters changed."""
    if chance.random() < 0.3:
        return POLICY.replace("24h", f"{chance.randrange(1, 40)}h")
    lines = POLICY.splitlines()
    if chance.random() < 0.5:
        at, to = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines[at] = chance.choice((lines[to], "", lines[at] + text(chance), text(chance)))
        return "\n".join(lines)
    return mutated_bytes(POLICY.encode(), chance).decode(errors="replace")


def _id(chance: Random, likely: str) -> str:
    if chance.random() < 0.6:
        return likely
    return chance.choice(IDS) if chance.random() < 0.5 else in_address(chance, 100)


def _call(
    chance: Random, method: str, path: str, shape: dict[str, Any] | None = None, *, tags: tuple[str, ...] = ()
) -> Case:
    """With a good key but for a few. Tags are those of what is in force half of the time."""
    headers = [HOST, CLOSE, AUTHORIZATION if chance.random() < 0.97 else ("Authorization", "Bearer __KEY__")]
    data = b""
    if shape is not None:
        body = written(mutated_json(shape, chance, chance.choice((0.0, 0.0, 0.02, 0.1, 0.4))))
        data = body.encode("utf-8", "surrogatepass")
        if chance.random() < 0.08:
            data = mutated_bytes(data, chance)
        headers.append(("Content-Type", "application/json" if chance.random() < 0.95 else chance.choice(TYPES)))
    elif method != "GET" and chance.random() < 0.2:
        data = chance.choice((b"{}", b"null", b"x", b"[]"))
        headers.append(("Content-Type", "application/json"))
    if data or method != "GET":
        headers.append(LENGTH)
    if tags and chance.random() < 0.95:
        likely = chance.choice(tags[:3]) if chance.random() < 0.7 else chance.choice((*tags, text(chance)[:300]))
        headers.append(("If-Match", likely))
    elif not tags and chance.random() < 0.05:
        headers.append(("If-Match", chance.choice(ROUTES_TAGS)))
    if chance.random() < 0.3:
        named = f"key-{chance.randrange(50)}" if chance.random() < 0.6 else text(chance)
        headers.append(("Idempotency-Key", named))
    if "?" not in path and chance.random() < 0.04:
        path += f"?{in_address(chance, 60)}={in_address(chance, 60)}"
    return Case("admin", http_head(f"{method} /v1/admin/{path} HTTP/1.1", *headers), data)
