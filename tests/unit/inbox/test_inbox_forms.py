"""Forms that no page of the inbox ever sent: each is refused in a sentence, at once, and none of them is logged."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from sayso_adapters.inbox import forms
from unit.inbox.inbox_service import Service
from unit.inbox.visitor import SAME_SITE, Visitor

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("charset", "body", "status"),
    [
        ("punycode", b"token=" + b"x-" * 30_000, 415),
        ("unicode_escape", rb"token=\ud800", 415),
        ("idna", b"token=" + b"x" * 60_000, 415),
        ("utf-16", "token=x".encode("utf-16"), 415),
        ("no-such", b"token=x", 415),
        ("utf-8", b"token=\xff", 422),
        ("utf-8", b"token=%ED%A0%80", 422),
        ("utf-8", b"token", 422),
        ("UTF-8", b"&".join(b"a%d=1" % number for number in range(21)), 422),
        ("utf-8", b"token=" + b"x" * forms.MAX_FORM_BYTES, 413),
        ("UTF-8", b"&".join(b"a%d=1" % number for number in range(forms.WIDE.fields + 1)), 422),
        ("utf-8", b"token=" + b"x" * forms.WIDE.bytes, 413),
    ],
)
async def test_a_form_that_is_none_is_refused_quickly_and_not_logged(
    service: Service, ana: Visitor, caplog: pytest.LogCaptureFixture, charset: str, body: bytes, status: int
) -> None:
    request = service.ask()
    within = len(body) <= forms.WIDE.bytes and body.count(b"&") < forms.WIDE.fields
    large = within and (len(body) > forms.MAX_FORM_BYTES or body.count(b"&") >= forms.MAX_FIELDS)
    wide = [] if large else [f"/inbox/requests/{request.id}/{what}" for what in ("vote", "edit")]
    headers = {"Origin": service.url, **SAME_SITE, "Content-Type": f"{FORM}; charset={charset}"}
    with caplog.at_level(logging.WARNING):
        start = time.monotonic()
        for path in ("/inbox/session", "/inbox/sign-out", *wide):
            answer = await ana.client.post(path, content=body, headers=headers)
            assert answer.status_code == status, (path, answer.text)
        assert time.monotonic() - start < 2
    assert caplog.records == []
    assert service.desk.ballots == []


async def test_a_body_of_unknown_length_is_read_no_further_than_the_bound(service: Service, ana: Visitor) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"token=" + b"x" * 4096

    headers = {"Origin": service.url, **SAME_SITE, "Content-Type": FORM}
    answer = await ana.client.post("/inbox/session", content=endless(), headers=headers)
    assert answer.status_code == 413


async def test_a_form_that_never_ends_is_given_up(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "FORM_SECONDS", 0.05)
    address = urlsplit(service.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = (
        f"POST /inbox/session HTTP/1.1\r\nHost: {address.netloc}\r\nOrigin: {service.url}\r\nContent-Type: {FORM}\r\n"
    )
    writer.write(f"{head}Content-Length: 100\r\n\r\ntoken=".encode())
    assert b" 400 " in await asyncio.wait_for(reader.readline(), 5)
    writer.close()


@pytest.mark.parametrize("origin", [b"http://[", b"http://]", b"//[::1", "http://\u2100.example".encode(), b"\xff"])
async def test_an_origin_that_is_no_address_is_refused(
    service: Service, ana: Visitor, caplog: pytest.LogCaptureFixture, origin: bytes
) -> None:
    request = service.ask()
    fields = await ana.answer_form(request.id, outcome="approve", reason="")
    path = f"/inbox/requests/{request.id}/vote"
    sent = ana.client.build_request("POST", path, data=fields, headers=[(b"Origin", origin)])
    answer = await ana.client.send(sent)
    assert answer.status_code == 403
    assert "Nothing was changed" in answer.text
    assert caplog.records == []
    assert service.desk.ballots == []
