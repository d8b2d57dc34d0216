"""Files that a client of The Handover attaches: what is taken and handed out, and what is refused."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import Any

import httpx
import pytest

from e2e.handover.calls import PDF, attach, create, get, refused
from sayso_bot.domain.files import MAX_ATTACHED, MAX_FILE_BYTES
from service import ANA, BEN, QUICK, Sayso

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_attachments_are_listed_told_on_the_card_and_handed_out_to_be_saved(
    sayso: Sayso, agent: httpx.AsyncClient
) -> None:
    decision = await create(agent)
    answer = await attach(agent, decision, "../../report.pdf")
    assert answer.status_code == 201
    (told,) = answer.json()["attachments"]
    assert (told["name"], told["size"]) == ("report.pdf", len(PDF))
    listed = await agent.get(f"/handover/decisions/{decision}/attachments")
    assert listed.json() == {"attachments": [told]}
    assert (await get(agent, decision))["attachments"] == [told]
    card = sayso.service.desk.card(await sayso.service.desk.look(decision))
    assert [(paper.name, paper.digest) for paper in card.attached] == [("report.pdf", told["digest"])]
    saved = await agent.get(told["url"])
    assert saved.content == PDF
    assert saved.headers["Content-Disposition"].startswith("attachment")
    assert saved.headers["X-Content-Type-Options"] == "nosniff"
    other = await sayso.agent("somebody-else")
    refused(await other.get(told["url"]), 404, "not_found")


async def test_the_same_idempotency_key_is_one_attachment_and_never_another_file(agent: httpx.AsyncClient) -> None:
    decision, headers = await create(agent), {"Idempotency-Key": os.urandom(8).hex()}

    async def sent(name: str, content: bytes) -> httpx.Response:
        files = {"file": (name, content, "text/csv")}
        return await agent.post(f"/handover/decisions/{decision}/attachments", files=files, headers=headers)

    first, again = await sent("a.csv", b"1"), await sent("a.csv", b"1")
    assert (first.status_code, again.status_code, again.json()) == (201, 200, first.json())
    refused(await sent("a.csv", b"2"), 422, "idempotency_mismatch")
    refused(await sent("b.csv", b"1"), 422, "idempotency_mismatch")
    assert len((await get(agent, decision))["attachments"]) == 1


async def test_two_files_at_once_under_one_idempotency_key_are_not_both_told_to_be_kept(
    agent: httpx.AsyncClient,
) -> None:
    decision, headers = await create(agent), {"Idempotency-Key": os.urandom(8).hex()}
    path = f"/handover/decisions/{decision}/attachments"
    sent = [agent.post(path, files={"file": ("a.csv", text)}, headers=headers) for text in (b"1", b"2")]
    assert sorted(answer.status_code for answer in await asyncio.gather(*sent)) == [201, 422]


async def test_a_call_with_two_files_is_refused_and_keeps_none(agent: httpx.AsyncClient) -> None:
    decision = await create(agent)
    files = [("file", ("a.csv", b"1")), ("file", ("b.csv", b"2"))]
    answer = await agent.post(f"/handover/decisions/{decision}/attachments", files=files)
    assert "one file" in refused(answer, 422, "file_refused")
    assert (await get(agent, decision))["attachments"] == []


async def test_what_was_asked_in_another_way_is_no_decision(agent: httpx.AsyncClient) -> None:
    for params in ({"order": "A-1"}, {"action": "Send", "to": "everybody"}):
        made = await agent.post("/v1/requests", json={"action": "shop.order", "params": params})
        path = f"/handover/decisions/{made.json()['id']}"
        refused(await agent.get(path), 404, "not_found")
        refused(await agent.post(f"{path}/attachments", files={"file": ("a.pdf", PDF)}), 404, "not_found")


async def test_five_are_taken_and_a_sixth_is_not(agent: httpx.AsyncClient) -> None:
    decision = await create(agent)
    for number in range(MAX_ATTACHED):
        assert (await attach(agent, decision, f"{number}.pdf")).status_code == 201
    refused(await attach(agent, decision, "6.pdf"), 409, "too_many_files")


async def test_ten_mebibytes_are_taken_and_a_byte_more_is_not(agent: httpx.AsyncClient) -> None:
    decision = await create(agent)
    assert (await attach(agent, decision, "a.csv", b"x" * MAX_FILE_BYTES)).status_code == 201
    refused(await attach(agent, decision, "b.csv", b"x" * (MAX_FILE_BYTES + 1)), 413, "file_too_large")
    refused(await attach(agent, decision, "b.csv", b"x" * (MAX_FILE_BYTES + 200_000)), 413, "body_too_large")


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("photo.png", b"MZ\x90\x00 this is a program", "program"),
        ("photo.png", b"\x7fELF\x02\x01", "program"),
        ("run.txt", b"#!/bin/sh\nrm -rf /\n", "program"),
        ("setup.exe", b"x", ".exe"),
        ("page.html", b"<html><script>", ".html"),
        ("drawing.svg", b"<svg onload=alert(1)>", ".svg"),
        ("drawing.png", b"<?xml version='1.0'?>\n<svg onload=alert(1)>", "scripts"),
        ("noending", b"x", "ending"),
        ("a.pdf", b"", "empty"),
    ],
)
async def test_what_runs_when_it_is_opened_is_not_handed_to_people(
    sayso: Sayso, agent: httpx.AsyncClient, name: str, content: bytes, why: str
) -> None:
    decision = await create(agent)
    assert why in refused(await attach(agent, decision, name, content), 422, "file_refused")
    client: Any = sayso.service.store.client
    assert [key async for key in client.scan_iter(match="{main}:upload:*", count=1000)] == []
    assert (await get(agent, decision))["attachments"] == []


async def test_nothing_is_attached_once_somebody_has_answered_or_it_has_ended(
    sayso: Sayso, agent: httpx.AsyncClient
) -> None:
    decision = await create(agent, action="Delete the users")
    await sayso.vote(decision, "approve", person=ANA)
    assert "answered already" in refused(await attach(agent, decision, "a.pdf"), 422, "file_refused")
    await sayso.vote(decision, "approve", person=BEN)
    refused(await attach(agent, decision, "a.pdf"), 409, "settled")


async def test_attachments_are_under_the_key_s_quota_of_bytes_and_its_rate(sayso: Sayso) -> None:
    small = await sayso.agent("tiny", quotas=replace(QUICK, bytes=3000))
    decision = await create(small)
    refused(await attach(small, decision, "a.csv", b"x" * 3000), 429, "quota_exceeded")
    slow = await sayso.agent("slow", quotas=replace(QUICK, rate=0.01, burst=8))
    decision = await create(slow)
    assert (await attach(slow, decision, "a.csv", b"x" * 5 * 1024 * 1024)).status_code == 201
    answer = await attach(slow, decision, "b.csv", b"x" * 5 * 1024 * 1024)
    refused(answer, 429, "rate_limited")
    assert int(answer.headers["Retry-After"]) > 1


async def test_an_upload_that_is_no_form_with_a_file_is_refused(agent: httpx.AsyncClient) -> None:
    path = f"/handover/decisions/{await create(agent)}/attachments"
    refused(await agent.post(path, json={"file": "x"}), 415, "unsupported_media_type")
    refused(await agent.post(path, files={"other": ("a.pdf", PDF)}), 422, "file_refused")
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    refused(await agent.post(path, content=b"--b\r\nhalf", headers=headers), 422, "invalid_field")
