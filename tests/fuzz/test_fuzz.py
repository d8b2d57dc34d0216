"""A short run of the fuzzer, and that its judge can tell: each rule is shown an answer that breaks it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fuzz.__main__ import closing_line
from fuzz.admin_calls import AUTHORIZATION
from fuzz.agent_calls import CLOSE, HOST, LENGTH
from fuzz.campaign import TARGETS, Campaign, Tally
from fuzz.case import Case, http_head
from fuzz.judge import PROBLEM, complaint
from fuzz.parsers import PARSERS
from fuzz.wire import Answer, Exchange, is_whole, parsed
from fuzz.world import WRONG_IN_LOG, running

SECONDS = 5
CALLS, AT_ONCE = 500, 50
BEHIND = {
    "admin": (
        "POST /v1/admin/routes ", "POST /v1/admin/previews/route ", "PUT /v1/admin/channels/", "GET /v1/admin/keys",
        "POST /v1/admin/pauses ", "POST /v1/admin/previews/pause ", "POST /v1/admin/keys ", "DELETE /v1/admin/keys/",
        "POST /v1/admin/requests/__PENDING__/move ", "PUT /v1/admin/policy ", "POST /v1/admin/policy/check ",
        "POST /v1/admin/policy/explain ", "POST /v1/admin/policy/rollback ", "GET /v1/admin/policy/diff",
        "GET /v1/admin/policy/versions",
    ),
    "handover": ("POST /handover/decisions ", "POST /handover/decisions/__DECISION__/attachments "),
    "inbox": (
        "POST /inbox/requests/__DECISION__/edit ", "POST /inbox/requests/__DECISION__/files ",
        "POST /inbox/admin/preview ", "POST /inbox/admin/do ",
    ),
    "oauth": ("GET /slack/install?", "GET /slack/oauth_redirect?"),
    "agent": ("GET /v1/requests/__DECISION__/files/",),
}  # fmt: skip
"""Beginnings of calls whose parser lies behind a key, a session, or something that must be there."""
BEFORE_THE_PARSER = frozenset({401, 404})
SENT = b"GET /v1/requests HTTP/1.1\r\nHost: localhost\r\n\r\n"
TOLD = {"type": "urn:sayso:problem:not_found", "title": "t", "status": 404, "detail": "d.", "code": "not_found"}
HEADERS = {"content-type": PROBLEM, "cache-control": "no-store"}
JSON = ("Content-Type", "application/json")
HTML = {"content-type": "text/html; charset=utf-8"}


async def test_the_service_takes_whatever_is_sent(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        tally = await Campaign(world, "of the tests", print).run(SECONDS)
    assert set(tally.sent) == set(TARGETS)
    assert set(tally.parsed) == {parser.name for parser in PARSERS}
    assert {200, 201, 400, 401, 404, 422} <= set(tally.statuses)


@pytest.mark.parametrize("target", BEHIND)
async def test_what_is_sent_reaches_its_parser(tmp_path: Path, target: str) -> None:
    make = TARGETS[target][0]
    cases = [make(Random(f"reaches:{target}:{number}")) for number in range(CALLS)]
    answered: defaultdict[str, Counter[int]] = defaultdict(Counter)
    async with running(tmp_path) as world:
        for start in range(0, CALLS, AT_ONCE):
            some = cases[start : start + AT_ONCE]
            for case, found in zip(some, await asyncio.gather(*map(world.send, some)), strict=True):
                begun = next((begun for begun in BEHIND[target] if case.head.startswith(begun.encode())), "")
                answered[begun].update(answer.status for answer in found.answers)
            await world.set_right()
            await world.refresh()
        assert await world.works() is None
    for begun in BEHIND[target]:
        statuses = answered[begun]
        before = sum(statuses[status] for status in BEFORE_THE_PARSER)
        assert before < statuses.total() / 2, (begun, statuses)
        assert any(status < 400 for status in statuses), (begun, statuses)
        assert any(status >= 400 for status in statuses.keys() - BEFORE_THE_PARSER), (begun, statuses)


async def test_what_admins_calls_have_done_is_set_right(tmp_path: Path) -> None:
    paused = {"everything": True, "confirm": True}
    denied = {"document": 'rules: [{action: "*", deny: Never.}]'}
    async with running(tmp_path) as world:
        for line, body in (("POST /v1/admin/pauses", paused), ("PUT /v1/admin/policy", denied)):
            headers = [HOST, CLOSE, AUTHORIZATION, JSON, ("If-Match", "*"), LENGTH]
            done = await world.send(Case("admin", http_head(f"{line} HTTP/1.1", *headers), json.dumps(body).encode()))
            assert done.answers[0].status in (200, 201), done.answers
            assert await world.works() is not None
            await world.set_right()
            assert await world.works() is None


def test_the_closing_line_counts_what_the_judge_lets_pass() -> None:
    tally = Tally(statuses=Counter({200: 9, 503: 2, 501: 1, 502: 3, 404: 4}))
    assert (
        "no 5xx but 2 declared 503 with Retry-After and 1 501 of Microsoft's SDK"
        " and 3 502 for codes that Slack did not take, no hang"
    ) in closing_line(tally, 1)
    assert "no 5xx, no hang" in closing_line(Tally(), 1)


def test_a_case_that_was_saved_is_the_same_case(tmp_path: Path) -> None:
    case = Case("raw", http_head("GET /\xff HTTP/1.1", ("X", "\ud800")), bytes(range(256)), whole=False)
    assert Case.load(case.save(tmp_path / "found", "why")) == case


def judged(*answers: Answer, ended: bool = True, left: bytes = b"", sent: bytes = SENT) -> str | None:
    return complaint(Case("agent", sent), Exchange(sent, list(answers), left, ended))


def problem(headers: dict[str, str] | None = None, status: int = 404, **told: Any) -> Answer:
    return Answer(status, HEADERS | (headers or {}), json.dumps(TOLD | {"status": status} | told).encode())


def test_a_problem_document_is_as_it_should_be() -> None:
    assert judged(problem()) is None
    assert judged(problem({"retry-after": "2"}, status=503, code="unavailable",
                          type="urn:sayso:problem:unavailable")) is None  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, HEADERS, b"{}"),
        Answer(502, HTML, b"Slack did not complete it (invalid_code)."),
        problem(status=503, code="unavailable", type="urn:sayso:problem:unavailable"),
        problem(status=429, code="rate_limited", type="urn:sayso:problem:rate_limited"),
        Answer(404, {"content-type": "text/plain"}, b"404: Not Found"),
        Answer(404, HEADERS, b"{"),
        problem(code="gone_away"),
        problem(code="invalid_field"),
        problem(type="about:blank"),
        problem(detail="KeyError('x')"),
        problem({"cache-control": "public"}),
        Answer(429, {"content-security-policy": "default-src 'none'"}, b""),
        Answer(200, {"x-injected": "1"}, b""),
        Answer(200, HTML, b"<p><script>fuzz</script></p>"),
    ],
)
def test_an_answer_that_breaks_a_rule_is_found(answer: Answer) -> None:
    assert judged(answer) is not None


@pytest.mark.parametrize(
    ("body", "status", "wrong"),
    [
        (b'{"error":"No.","code":"forbidden"}', 403, False),
        (b'{"error":"No.","code":"forbidden"}', 404, True),
        (b'{"error":"no","code":"forbidden"}', 403, True),
        (b'{"error":"No.","code":"quota_exceeded"}', 429, True),
        (b"Forbidden", 403, True),
    ],
)
def test_a_refusal_in_the_handovers_form_is_a_declared_one(body: bytes, status: int, wrong: bool) -> None:
    answer = Answer(status, {"content-type": "application/json; charset=utf-8"}, body)
    sent = SENT.replace(b"/v1/requests", b"/handover/decisions")
    assert (judged(answer, sent=sent) is not None) is wrong
    assert judged(answer) is not None


def test_silence_is_found() -> None:
    assert judged(ended=False) is not None
    assert judged() is not None
    assert judged(left=b"Traceback") is not None


def test_half_a_call_needs_no_answer() -> None:
    half = Case("raw", SENT[:-2], whole=False)
    assert not is_whole(SENT[:-2])
    assert complaint(half, Exchange(SENT[:-2], ended=True)) is None
    assert is_whole(SENT)


def test_answers_are_told_apart() -> None:
    one, two = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    assert [answer.status for answer in parsed(one + two)[0]] == [200, 404]
    assert parsed(one + b"oops") == (parsed(one)[0], b"oops")
    assert parsed(one[:-1]) == ([], one[:-1])


@pytest.mark.parametrize(
    "line", [b'{"event":"http_failed","level":"error"}', b"Traceback (most recent call last):", b"Fatal Python error"]
)
def test_a_line_that_should_not_be_in_the_log_is_found(line: bytes) -> None:
    good = b'{"event":"settled","level":"info"}'
    assert WRONG_IN_LOG.search(good + b"\n" + line)
    assert not WRONG_IN_LOG.search(good)
