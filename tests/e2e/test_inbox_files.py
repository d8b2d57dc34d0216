"""Files in the inbox of the running service: what a form may bring, how slowly, and how a file is handed out again."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator
from html import unescape
from typing import Any

import httpx
import pytest
import pytest_asyncio

from redis_server import RedisServer
from sayso_bot.domain.files import MAX_FILE_BYTES
from sayso_bot.http.limits import Limits
from service import Sayso, serving

POLICY = """
rules:
  - action: "*"
    ask: {channel: inbox, approvers: [email:ana@example.com], forms: true}
"""
FORM: dict[str, Any] = {"fields": [{"name": "papers", "type": "files", "max": 2}]}
CONTENT = os.urandom(300_000)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sayso() -> AsyncIterator[Sayso]:
    async with serving(policy=POLICY) as running:
        yield running


class Visitor:
    """Somebody who is signed in, with the hidden fields of the answer's form."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self.client = client
        self.headers = {"Origin": url, "Sec-Fetch-Site": "same-origin"}

    async def fields(self, request: str) -> dict[str, str]:
        page = (await self.client.get(f"/inbox/requests/{request}")).text
        form = re.search(r'<form[^>]*action="[^"]*/vote"[^>]*>(.*?)</form>', page, re.DOTALL)
        assert form, page
        return {k: unescape(v) for k, v in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[1])}

    async def upload(self, request: str, content: bytes, name: str = "cv.pdf", **changes: str) -> httpx.Response:
        """One file, as the page's script sends it."""
        hidden = await self.fields(request)
        data = {"csrf": hidden["csrf"], "upload": os.urandom(16).hex()} | changes
        files = {"form_0": (name, content, "application/pdf")}
        return await self.client.post(f"/inbox/requests/{request}/files", data=data, files=files, headers=self.headers)


@pytest_asyncio.fixture(loop_scope="module")
async def ana(sayso: Sayso) -> Visitor:
    return await signed_in(sayso, "email:ana@example.com")


async def signed_in(sayso: Sayso, alias: str) -> Visitor:
    assert sayso.service.sign_in_link is not None
    client = sayso.client()
    token = (await sayso.service.sign_in_link(alias, "Ana")).partition("#")[2]
    assert (
        await client.post("/inbox/session", data={"token": token}, headers={"Origin": sayso.url})
    ).status_code == 200
    return Visitor(client, sayso.url)


async def asked(sayso: Sayso) -> tuple[httpx.AsyncClient, str]:
    agent = await sayso.agent()
    answer = await agent.post("/v1/requests", json={"action": "hire", "params": {}, "form": FORM})
    return agent, str(answer.json()["id"])


async def pieces(sayso: Sayso, kind: str) -> int:
    client: Any = sayso.service.store.client
    return len([name async for name in client.scan_iter(match=f"{{main}}:{kind}:*", count=1000)])


async def test_a_file_goes_in_by_a_form_and_comes_out_to_be_saved(sayso: Sayso, ana: Visitor) -> None:
    agent, request = await asked(sayso)
    sent = await ana.upload(request, CONTENT, "../../cv.pdf")
    assert sent.status_code == 201
    told = sent.json()
    assert (told["name"], told["size"], told["told"]) == ("cv.pdf", 300_000, "293 KiB")
    fields = await ana.fields(request) | {"outcome": "approve", "reason": "", "form_0": told["id"]}
    voted = await ana.client.post(f"/inbox/requests/{request}/vote", data=fields, headers=ana.headers)
    assert voted.status_code == 303
    decision = (await agent.get(f"/v1/requests/{request}")).json()["decision"]
    assert [file["digest"] for file in decision["response"]["papers"]] == [told["digest"]]
    saved = await ana.client.get(f"/inbox/requests/{request}/files/{told['id']}")
    assert saved.content == CONTENT
    assert saved.headers["Content-Type"] == "application/octet-stream"
    assert saved.headers["Content-Disposition"].startswith("attachment")
    assert "sandbox" in saved.headers["Content-Security-Policy"]
    anybody = sayso.client()
    assert (await anybody.get(f"/inbox/requests/{request}/files/{told['id']}")).status_code == 401
    assert (await ana.client.get(f"/inbox/requests/{request}/files/file_{'0' * 32}")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "headers", "status", "code"),
    [
        ({"csrf": "x"}, {}, 403, "forbidden"),
        ({}, {"Origin": "https://evil.example"}, 403, "forbidden"),
        ({}, {"Sec-Fetch-Site": "cross-site"}, 403, "forbidden"),
        ({"upload": "short"}, {}, 422, "invalid_field"),
    ],
)
async def test_a_form_from_elsewhere_keeps_nothing(
    sayso: Sayso, ana: Visitor, changes: dict[str, str], headers: dict[str, str], status: int, code: str
) -> None:
    _, request = await asked(sayso)
    before, ana.headers = await pieces(sayso, "file"), ana.headers | headers
    sent = await ana.upload(request, CONTENT, **changes)
    assert (sent.status_code, sent.json()["code"]) == (status, code)
    assert (await pieces(sayso, "file"), await pieces(sayso, "upload")) == (before, 0)


async def test_the_token_must_come_before_the_file(sayso: Sayso, ana: Visitor) -> None:
    _, request = await asked(sayso)
    hidden = await ana.fields(request)
    parts: Any = [
        ("form_0", ("a.pdf", CONTENT, "application/pdf")),
        ("csrf", (None, hidden["csrf"].encode())),
        ("upload", (None, b"0" * 32)),
    ]
    sent = await ana.client.post(f"/inbox/requests/{request}/files", files=parts, headers=ana.headers)
    assert (sent.status_code, sent.json()["code"]) == (403, "forbidden")


async def test_ten_mebibytes_are_taken_and_one_byte_more_is_not(sayso: Sayso, ana: Visitor) -> None:
    _, request = await asked(sayso)
    assert (await ana.upload(request, b"x" * MAX_FILE_BYTES)).status_code == 201
    sent = await ana.upload(request, b"x" * (MAX_FILE_BYTES + 1))
    assert (sent.status_code, sent.json()["code"]) == (413, "file_too_large")
    assert (await ana.upload(request, b"")).json()["code"] == "file_refused"
    assert await pieces(sayso, "upload") == 0


async def test_somebody_who_may_not_answer_keeps_nothing_and_learns_why(sayso: Sayso) -> None:
    eve = await signed_in(sayso, "email:eve@example.com")
    ana = await signed_in(sayso, "email:ana@example.com")
    _, request = await asked(sayso)
    page = (await eve.client.get("/inbox")).text
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf
    files = {"form_0": ("a.pdf", CONTENT, "application/pdf")}
    data = {"csrf": unescape(csrf[1]), "upload": "0" * 32}
    sent = await eve.client.post(f"/inbox/requests/{request}/files", data=data, files=files, headers=eve.headers)
    assert (sent.status_code, sent.json()["code"]) == (403, "not_an_approver")
    assert (await ana.client.get(f"/inbox/requests/{request}")).text.count("a.pdf") == 0


async def test_what_is_no_multipart_form_is_refused_in_our_words(sayso: Sayso, ana: Visitor) -> None:
    _, request = await asked(sayso)
    path, kind = f"/inbox/requests/{request}/files", "multipart/form-data; boundary=b"
    for content, content_type, status in (
        (b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\nhalf", kind, 422),
        (b"no boundary at all", kind, 422),
        (b"--b\r\n" + b"X: y\r\n" * 100 + b"\r\n--b--\r\n", kind, 422),
        (b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n\r\n--b--\r\n', kind, 422),
        (b"{}", "application/json", 415),
        (b"", "multipart/form-data", 415),
        (b"x" * (11 * 1024 * 1024) + b"", kind, 422),
    ):
        headers = ana.headers | {"Content-Type": content_type}
        sent = await ana.client.post(path, content=content, headers=headers)
        assert sent.status_code == status, (content[:40], sent.text)
        assert json.loads(sent.text)["detail"].endswith(".")


async def test_a_form_that_says_that_it_is_too_large_is_refused_before_it_comes(sayso: Sayso, ana: Visitor) -> None:
    _, request = await asked(sayso)
    host = sayso.url.removeprefix("http://")
    cookies = "; ".join(f"{name}={value}" for name, value in ana.client.cookies.items())
    reader, writer = await asyncio.open_connection(*host.split(":"))
    writer.write(
        f"POST /inbox/requests/{request}/files HTTP/1.1\r\nHost: {host}\r\nOrigin: {sayso.url}\r\n"
        f"Cookie: {cookies}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f"Content-Length: {65 * 1024 * 1024}\r\n\r\n".encode()
    )
    answer = await reader.readuntil(b"\r\n")
    assert b" 413 " in answer
    writer.close()


async def test_a_slow_upload_is_borne_with_where_files_are_taken_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With every body given a second, a file still comes whole in three; a request of an agent does not."""
    limits = Limits(body_seconds=0.8, files_seconds=20.0)
    monkeypatch.setattr("sayso_bot.wiring.Limits.within", lambda descriptors: limits)
    with RedisServer() as redis:
        async with serving(policy=POLICY, redis=redis) as sayso:
            ana = await signed_in(sayso, "email:ana@example.com")
            agent, request = await asked(sayso)
            hidden = await ana.fields(request)
            head = (
                f'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{hidden["csrf"]}\r\n'
                '--b\r\nContent-Disposition: form-data; name="upload"\r\n\r\n0123456789abcdef0123\r\n'
                '--b\r\nContent-Disposition: form-data; name="form_0"; filename="a.pdf"\r\n\r\n'
            ).encode()
            parts = [head, *[b"x" * 1000] * 8, b"\r\n--b--\r\n"]

            async def slowly(parts: list[bytes]) -> AsyncIterator[bytes]:
                for part in parts:
                    yield part
                    await asyncio.sleep(0.3)

            headers = ana.headers | {"Content-Type": "multipart/form-data; boundary=b"}
            path = f"/inbox/requests/{request}/files"
            sent = await ana.client.post(path, content=slowly(parts), headers=headers)
            assert (sent.status_code, sent.json()["size"]) == (201, 8000)
            with pytest.raises(httpx.TransportError):
                await agent.post(
                    "/v1/requests",
                    content=slowly([b"{", *[b" "] * 9, b"}"]),
                    headers={"Content-Type": "application/json"},
                )


async def test_an_upload_that_stands_still_is_ended_and_leaves_nothing(
    sayso: Sayso, ana: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso_adapters.multiparts.PACE_SECONDS", 0.2)
    _, request = await asked(sayso)
    hidden = await ana.fields(request)

    async def stuck() -> AsyncIterator[bytes]:
        yield f'--b\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n{hidden["csrf"]}\r\n'.encode()
        await asyncio.sleep(1)
        yield b"--b--"

    headers = ana.headers | {"Content-Type": "multipart/form-data; boundary=b"}
    sent = await ana.client.post(f"/inbox/requests/{request}/files", content=stuck(), headers=headers)
    assert (sent.status_code, sent.json()["code"]) == (400, "bad_http")
    assert await pieces(sayso, "upload") == 0


async def test_an_upload_beside_too_many_others_is_told_when_to_come_again(
    sayso: Sayso, ana: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso_bot.filing.AT_ONCE", 0)
    _, request = await asked(sayso)
    sent = await ana.upload(request, b"%PDF")
    assert (sent.status_code, sent.json()["code"], sent.headers["retry-after"]) == (429, "quota_exceeded", "5")
