"""A body in parts: whatever is sent, it is read in bounds or refused in our words."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sayso_adapters.multiparts import Parts
from sayso_bot.errors import BodyTooLarge, SaysoError, UnsupportedMediaType


class Request:
    """What `Parts` asks of aiohttp's request."""

    def __init__(self, body: bytes, content_type: str = "multipart/form-data; boundary=b", step: int = 7) -> None:
        self.headers = {"Content-Type": content_type}
        self.content_length: int | None = None
        self.content = self
        self._left, self._step = body, step

    async def read(self, most: int) -> bytes:
        read, self._left = self._left[: min(self._step, most)], self._left[self._step :]
        return read


async def read_all(http_request: Any, most: int = 10_000) -> list[tuple[str, str | None, bytes]]:
    parts = Parts(http_request, most_bytes=most, most_parts=5)
    found = []
    while (part := await parts.next()) is not None:
        found.append((part.name, part.filename, b"".join([piece async for piece in part.content])))
    return found


def a_part(name: str, content: bytes, filename: str | None = None) -> bytes:
    file = f'; filename="{filename}"' if filename is not None else ""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"


BODY = a_part("csrf", b"token") + a_part("file", b"\r\n--cx" * 50, "a.pdf") + b"--b--\r\n"


@pytest.mark.parametrize("step", [1, 7, 100_000])
async def test_parts_come_whole_however_the_body_is_cut(step: int) -> None:
    found = await read_all(Request(BODY, step=step))
    assert found == [("csrf", None, b"token"), ("file", "a.pdf", b"\r\n--cx" * 50)]


async def test_what_nobody_reads_of_a_part_is_passed_over() -> None:
    parts = Parts(Request(BODY), most_bytes=10_000, most_parts=5)  # type: ignore[arg-type]
    names = []
    while (part := await parts.next()) is not None:
        names.append(part.name)
    assert names == ["csrf", "file"]


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data", "multipart/mixed; boundary=b"])
async def test_another_type_is_refused(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        await read_all(Request(BODY, content_type))


async def test_more_than_may_be_is_refused_when_it_comes() -> None:
    with pytest.raises(BodyTooLarge):
        await read_all(Request(BODY), most=len(BODY) - 1)
    with pytest.raises(SaysoError):
        await read_all(Request(a_part("x", b"y") * 6 + b"--b--\r\n"))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from(
                [b"--b\r\n", b"--b--", b"\r\n", b"Content-Disposition: form-data; name=", b'"', b"\r\n\r\n"]
            ),
        ),
        max_size=20,
    ),
    step=st.integers(1, 50),
)
def test_whatever_is_sent_is_read_or_refused_in_our_words(pieces: list[bytes], step: int) -> None:
    async def work() -> SaysoError | None:
        try:
            await read_all(Request(b"".join(pieces), step=step))
        except SaysoError as refused:
            return refused
        return None

    refused = asyncio.run(work())
    assert refused is None or refused.detail.endswith(".")
