"""Parsers that take the most, called in this process: our JSON, the policy, its conditions, the client's reader.

Each is a function of bytes that returns what sort of end it came to, or raises what no caller expects. Accepted JSON
must also come back the same from its canonical form, and mean the same to the standard library's reader.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from fuzz.agent_calls import SUBMISSIONS
from fuzz.mutation import mutated_bytes, mutated_json, text, written
from fuzz.world import POLICY
from sayso.errors import SaysoError as ClientError
from sayso.request import parse
from sayso.strict_json import same
from sayso.wire import Answer, read
from sayso_bot.domain.fingerprint import fingerprint
from sayso_bot.domain.json import dumps, loads
from sayso_bot.domain.policy import Asked
from sayso_bot.domain.request import Claims
from sayso_bot.errors import BadJson, InvalidField
from sayso_bot.policy.document import load
from sayso_bot.policy.problems import PolicyInvalid

ASKED = Asked(
    action="payments.refund",
    params={"amount": 7.5, "order": "A-1", "n": 3, "ok": True, "l": [1, "a"], "o": {"a": 1}},
    agent="refunder",
    claims=Claims(summary="s", links=("https://example.com",), metadata={"a": [1, {"b": None}]}),
)
CONDITIONS = (
    "params.amount > 500.0", "params.order == 'A-1' && params.ok", "params.l.exists(x, x == 'a')",
    "params.o.a == 1 || agent == 'x'", "claims.summary.matches('^(a+)+$')",
    "size(claims.links) > 2 && action.startsWith('payments.')", "params.n % 2 == 1 ? true : false",
    "'a' in params.l", "has(claims.metadata.a)", "params.order.contains('\\u0000')",
    "double(params.n) / params.amount < 1.0",
)  # fmt: skip
LINES = ("&a", "*a", "<<: *a", "- - -", "? a", "!!python/object:os.system x", "---", "...", "%YAML 1.1", "{[", "\t- a")
DECLARED = "{amount: number, order: string, n: integer, ok: boolean, l: list, o: object}"
MOST_LINES = 100_000


@dataclass(frozen=True, slots=True)
class Parser:
    """``seeds`` makes something to begin with; ``run`` says what sort of end it came to."""

    name: str
    seed: Callable[[Random], bytes]
    run: Callable[[bytes], str]


def _json_seed(chance: Random) -> bytes:
    return written(mutated_json(chance.choice(SUBMISSIONS), chance, 0.2)).encode("utf-8", "surrogatepass")


def _read_json(data: bytes) -> str:
    try:
        value = loads(data)
    except (BadJson, InvalidField) as refused:
        return _kind(refused)
    assert same(loads(dumps(value)), value), "what was accepted is another value in its short form"
    assert same(json.loads(data), value), "the standard library reads another value"
    if isinstance(value, dict):
        assert fingerprint("a", "b", value) == fingerprint("a", "b", json.loads(dumps(value)))
    return type(value).__name__


def _policy_seed(chance: Random) -> bytes:
    lines = POLICY.splitlines()
    if chance.random() < 0.5:
        chance.shuffle(lines)
    if chance.random() < 0.5:
        lines.insert(chance.randrange(len(lines)), chance.choice((*LINES, text(chance))))
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _read_policy(data: bytes) -> str:
    document = data.decode("utf-8", "replace")
    try:
        found = load(document, "policy.yaml")
    except PolicyInvalid as refused:
        for problem in refused.problems:
            assert 1 <= problem.line <= MOST_LINES, f"a problem at line {problem.line}"
            assert problem.column >= 1, f"a problem at column {problem.column}"
            assert problem.sentence.endswith("."), problem.sentence
        return _kind(refused)
    return f"policy of {min(len(found.rules), 5)} rules, then {found.judge(ASKED).kind}"


def _condition_seed(chance: Random) -> bytes:
    first, second = chance.choice(CONDITIONS), chance.choice(CONDITIONS)
    joined = chance.choice(
        ("{0}", "!({0})", "({0}) && ({1})", "({0}) || ({1})", "({0}) == ({1})", "[{0}, {1}].all(x, x)", "{1}")
    )
    return joined.format(first, second).encode()


def _read_condition(data: bytes) -> str:
    when = json.dumps(data.decode("utf-8", "replace"))
    rule = f"{{action: '*', params: {DECLARED}, when: {when}, ask: {{channel: inbox}}}}"
    return _read_policy(f"channels: {{inbox: inbox}}\nrules:\n- {rule}\n- {{action: '*', deny: Last.}}\n".encode())


def _answer_seed(chance: Random) -> bytes:
    return written(mutated_json(chance.choice((_ANSWERED, _REFUSED)), chance, chance.choice((0.02, 0.1)))).encode(
        "utf-8", "surrogatepass"
    )


def _read_answer(data: bytes) -> str:
    """As both a good answer and a refusal."""
    ends = []
    for status, media in (
        (200, "application/json"),
        (422, "application/problem+json"),
        (201, "application/json; charset=x"),
    ):
        retry_after = data[:20].decode("latin-1") if status == 422 else None
        try:
            ends.append(read(Answer(status, media, retry_after, data), parse).status)
        except ClientError as refused:
            ends.append(_kind(refused))
    return "; ".join(ends)


def _kind(error: Exception) -> str:
    """The error's type and the beginning of what it says, without numbers."""
    said = "".join("0" if sign.isdigit() else sign for sign in str(error).partition("\n")[2] or str(error))
    return f"{type(error).__name__} {said[:60]}"


_AT = datetime(2026, 1, 1, tzinfo=UTC).isoformat().replace("+00:00", "Z")
_VOTE: Mapping[str, Any] = {
    "reason": None,
    "person": "email:ana@example.com",
    "name": "Ana",
    "outcome": "approve",
    "surface": "inbox",
    "at": _AT,
}
_ANSWERED: Mapping[str, Any] = {
    "id": "req_00000000-0000-7000-8000-000000000000",
    "revision": 1,
    "status": "approved",
    "action": "a.b",
    "params": {"x": 1},
    "fingerprint": "sha256:" + "0" * 64,
    "agent": "refunder",
    "created_at": _AT,
    "expires_at": _AT,
    "rule": "r",
    "claims": {},
    "requirement": {"channel": "inbox", "approvers": ["x"], "quorum": 1, "reason": "never", "timeout_seconds": 60},
    "approvals": {"have": 1, "need": 1},
    "review_url": "http://localhost/inbox/requests/x",
    "decision": {
        "outcome": "approved",
        "cause": "votes",
        "at": _AT,
        "reason": None,
        "votes": [_VOTE],
    },
}
_REFUSED: Mapping[str, Any] = {
    "type": "urn:sayso:problem:invalid_field",
    "title": "t",
    "status": 422,
    "detail": "d.",
    "code": "invalid_field",
    "field": "a.b",
}


PARSERS = (
    Parser("json", _json_seed, _read_json),
    Parser("policy", _policy_seed, _read_policy),
    Parser("condition", _condition_seed, _read_condition),
    Parser("answer", _answer_seed, _read_answer),
)


def made(parser: Parser, chance: Random, kept: list[bytes]) -> bytes:
    """Something to parse: new, or one that was kept with some of its bytes changed."""
    if kept and chance.random() < 0.6:
        return mutated_bytes(chance.choice(kept), chance, chance.choice(kept))
    data = parser.seed(chance)
    return mutated_bytes(data, chance) if chance.random() < 0.3 else data
