"""A short run of the fuzzer, and that its judge can tell: each rule is shown an answer that breaks it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fuzz.campaign import TARGETS, Campaign
from fuzz.case import Case, http_head
from fuzz.judge import PROBLEM, complaint
from fuzz.parsers import PARSERS
from fuzz.wire import Answer, Exchange, is_whole, parsed
from fuzz.world import WRONG_IN_LOG, running

SECONDS = 5
SENT = b"GET /v1/requests HTTP/1.1\r\nHost: localhost\r\n\r\n"
TOLD = {"type": "urn:sayso:problem:not_found", "title": "t", "status": 404, "detail": "d.", "code": "not_found"}
HEADERS = {"content-type": PROBLEM, "cache-control": "no-store"}
HTML = {"content-type": "text/html; charset=utf-8"}


async def test_the_service_takes_whatever_is_sent(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        tally = await Campaign(world, "of the tests", print).run(SECONDS)
    assert set(tally.sent) == set(TARGETS)
    assert set(tally.parsed) == {parser.name for parser in PARSERS}
    assert {200, 201, 400, 401, 404, 422} <= set(tally.statuses)


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
        problem(status=503, code="unavailable", type="urn:sayso:problem:unavailable"),
        problem(status=429, code="rate_limited", type="urn:sayso:problem:rate_limited"),
        Answer(404, {"content-type": "text/plain"}, b"404: Not Found"),
        Answer(404, HEADERS, b"{"),
        problem(code="gone_away"),
        problem(code="invalid_field"),
        problem(type="about:blank"),
        problem(detail="KeyError('x')"),
        problem({"cache-control": "public"}),
        Answer(200, {"x-injected": "1"}, b""),
        Answer(200, HTML, b"<p><script>fuzz</script></p>"),
    ],
)
def test_an_answer_that_breaks_a_rule_is_found(answer: Answer) -> None:
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
