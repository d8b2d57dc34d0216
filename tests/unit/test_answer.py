"""Answers as they leave: one write, with the head that HTTP asks for."""

from __future__ import annotations

from unittest.mock import AsyncMock, Mock

import pytest
from aiohttp import HttpVersion, HttpVersion10, HttpVersion11
from aiohttp.test_utils import make_mocked_request

from sayso_bot.http.answer import Answer, answer_json


async def _sent(
    answer: Answer, method: str = "GET", *, version: HttpVersion = HttpVersion11, closing: bool = False
) -> bytes:
    wire = Mock(leave=AsyncMock())
    await answer.prepare(make_mocked_request(method, "/", version=version, closing=closing, protocol=wire))
    await answer.write_eof()
    (call,) = wire.leave.await_args_list
    return bytes(call.args[0])


async def test_head_and_body_leave_in_one_write() -> None:
    head, _, body = (await _sent(answer_json({"a": 1}, status=201, headers={"Location": "/b"}))).partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    assert first == b"HTTP/1.1 201 Created"
    assert body == b'{"a":1}'
    assert {b"Content-Type: application/json; charset=utf-8", b"Cache-Control: no-store", b"Location: /b",
            b"Content-Length: 7"} < set(lines)  # fmt: skip
    assert [line.split(b":")[0] for line in lines].count(b"Date") == 1


@pytest.mark.parametrize(
    ("version", "closing", "told"),
    [
        (HttpVersion11, False, []),
        (HttpVersion11, True, [b"Connection: close"]),
        (HttpVersion10, True, [b"Connection: close"]),
    ],
)
async def test_a_connection_is_kept_as_its_caller_asks(version: HttpVersion, closing: bool, told: list[bytes]) -> None:
    sent = await _sent(answer_json({}), version=version, closing=closing)
    assert sent.startswith(b"HTTP/1.%d " % version.minor)
    assert [line for line in sent.split(b"\r\n") if line.startswith(b"Connection:")] == told


async def test_a_call_that_names_no_version_is_answered_in_the_oldest() -> None:
    assert (await _sent(answer_json({}), version=HttpVersion(0, 9), closing=True)).startswith(b"HTTP/1.0 200 OK")


async def test_an_answer_to_head_has_no_body_and_says_how_long_it_would_be() -> None:
    sent = await _sent(answer_json({"a": 1}), "HEAD")
    assert b"\r\nContent-Length: 7\r\n" in sent
    assert sent.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("evil", ["a\r\nX: y", "a\nX: y", "a\rX: y"])
async def test_a_header_is_one_line(evil: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        await _sent(Answer(b"", headers={"Location": evil}))


async def test_the_body_is_let_go_as_it_leaves() -> None:
    answer = answer_json({})

    async def leave(_: bytes) -> None:
        assert answer.body is None

    await answer.prepare(make_mocked_request("GET", "/", protocol=Mock(leave=leave)))
    await answer.write_eof()
