"""Files in the running service: put in by who may answer, named by their vote, saved by the agent that asked."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import pytest_asyncio

from problem import refused
from sayso_bot.domain.files import CHUNK_BYTES, MAX_FILE_BYTES, MAX_PUT
from sayso_bot.errors import (
    AlreadySettled,
    AlreadyVoted,
    FileRefused,
    FileTooLarge,
    NotAnApprover,
    OwnRequest,
    QuotaExceeded,
    ResponseInvalid,
    TooManyFiles,
)
from sayso_bot.filing import AT_ONCE
from sayso_bot.ports import Filed, Put, Sending
from service import ANA, BEN, QUICK, Sayso, serving, until

POLICY = """
rules:
  - action: hire
    ask: {channel: inbox, approvers: [email:ana@example.com, email:ben@example.com], forms: true}
  - action: "*"
    ask: {channel: inbox, approvers: [email:ana@example.com]}
"""
FORM: dict[str, Any] = {
    "fields": [
        {"name": "papers", "type": "files", "label": "The papers", "max": 2, "accept": [".pdf", "image/*"]},
        {"name": "notes", "type": "files", "required": False},
    ]
}
CONTENT = os.urandom(CHUNK_BYTES + 3)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sayso() -> AsyncIterator[Sayso]:
    async with serving(policy=POLICY) as running:
        yield running


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def asked(agent: httpx.AsyncClient, **fields: Any) -> str:
    answer = await agent.post("/v1/requests", json={"action": "hire", "params": {}, "form": FORM, **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def sending(content: bytes = CONTENT, name: str = "cv.pdf", said: str = "application/pdf", **how: Any) -> Sending:
    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 100_000):
            yield content[start : start + 100_000]

    return Sending(name, said, parts(), **{"operation": os.urandom(8).hex(), **how})


async def put(sayso: Sayso, request: str, what: Sending | None = None, **how: Any) -> Filed:
    ready: dict[str, Any] = {"person": ANA, "field": "papers", "surface": "inbox"} | how
    return await sayso.service.desk.put_file(Put(request_id=request, sending=what or sending(), **ready))


async def used(sayso: Sayso, agent: str) -> int:
    store = sayso.service.store
    client: Any = store.client
    return int(await client.hget(store.keys.usage(agent), "bytes") or 0)


async def test_the_agent_is_given_what_was_uploaded_and_can_save_it(sayso: Sayso) -> None:
    agent = await sayso.agent()
    request = await asked(agent)
    file = (await put(sayso, request)).file
    voted = await sayso.vote(request, "approve", person=ANA, response={"papers": [file.id]})
    assert voted.request.status == "approved"
    told = (await agent.get(f"/v1/requests/{request}")).json()
    digest = hashlib.sha256(CONTENT)
    expected = {
        "id": file.id, "name": "cv.pdf", "type": "application/pdf", "size": len(CONTENT),
        "digest": f"sha256:{digest.hexdigest()}",
    }  # fmt: skip
    assert told["decision"]["response"] == {"papers": [expected], "notes": None}
    (listed,) = told["files"]
    assert listed.items() >= {**expected, "field": "papers", "by": ANA.id}.items()
    saved = await agent.get(f"/v1/requests/{request}/files/{file.id}")
    assert (saved.status_code, saved.content) == (200, CONTENT)
    assert saved.headers["Content-Type"] == "application/octet-stream"
    assert saved.headers["Content-Disposition"].startswith('attachment; filename="cv.pdf"')
    assert saved.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert saved.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in saved.headers["Content-Security-Policy"]
    assert saved.headers["Cache-Control"] == "no-store"


async def test_nobody_else_s_key_is_handed_a_file_nor_told_that_there_is_one(sayso: Sayso) -> None:
    agent, other = await sayso.agent(), await sayso.agent("other")
    request = await asked(agent)
    file = (await put(sayso, request)).file
    path = f"/v1/requests/{request}/files/{file.id}"
    refused(await other.get(path), 404, "not_found")
    refused(await sayso.client().get(path), 401, "unauthenticated")
    refused(await agent.get(f"/v1/requests/{request}/files/file_{'0' * 32}"), 404, "not_found")
    refused(await agent.get(f"/v1/requests/{await asked(agent)}/files/{file.id}"), 404, "not_found")
    executor = await sayso.agent("agent", kinds=frozenset({"executor"}))
    refused(await executor.get(path), 403, "forbidden")


async def test_only_who_may_answer_may_put_a_file_and_nothing_of_another_s_is_read(sayso: Sayso) -> None:
    agent = await sayso.agent(principal="ana@example.com")
    request = await asked(agent)

    read: list[str] = []

    async def noted() -> AsyncIterator[bytes]:
        read.append("a byte")
        yield b"x"

    unread = Sending("cv.pdf", "application/pdf", noted(), "o")
    with pytest.raises(NotAnApprover, match="Your file was not kept"):
        await put(sayso, request, unread, person=replace(BEN, id="email:eve@x", aliases=frozenset({"email:eve@x"})))
    with pytest.raises(OwnRequest):
        await put(sayso, request, unread)
    with pytest.raises(FileRefused):
        await put(sayso, request, unread, person=BEN, field="elsewhere")
    with pytest.raises(FileRefused, match="image"):
        await put(sayso, request, replace(unread, name="cv.exe", media_type="x/y"), person=BEN)
    with pytest.raises(FileTooLarge):
        await put(sayso, request, replace(unread, size=MAX_FILE_BYTES + 1), person=BEN)
    assert read == []
    assert [entry for entry in await sayso.journal("file_refused") if entry["request"] == request]


async def test_a_vote_names_only_what_the_same_person_put_into_the_same_field(sayso: Sayso) -> None:
    agent = await sayso.agent()
    request, other = await asked(agent), await asked(agent)
    mine = (await put(sayso, request)).file.id
    note = (await put(sayso, request, field="notes")).file.id
    bens = (await put(sayso, request, person=BEN)).file.id
    elsewhere = (await put(sayso, other)).file.id
    for wrong in ([bens], [note], [elsewhere], ["file_x"], [mine, mine], mine + "x", [{"id": mine}], [7]):
        with pytest.raises(ResponseInvalid) as told:
            await sayso.vote(request, "approve", person=ANA, response={"papers": wrong})
        assert set(told.value.fields) == {"papers"}
    more = [(await put(sayso, request)).file.id for _ in range(2)]
    with pytest.raises(ResponseInvalid) as told:
        await sayso.vote(request, "approve", person=ANA, response={"papers": [mine, *more]})
    assert told.value.fields == {"papers": "This takes at most 2 files."}
    response = {"papers": [more[1], mine], "notes": [note]}
    voted = await sayso.vote(request, "approve", person=ANA, response=response)
    answer = voted.request.votes[0].response or {}
    assert [file["id"] for file in answer["papers"]] == [more[1], mine]  # type: ignore[index,union-attr,call-overload]


async def test_a_person_s_tries_are_bounded_and_so_are_files_after_the_answer_and_the_end(sayso: Sayso) -> None:
    agent = await sayso.agent()
    request = await asked(agent)
    for _ in range(MAX_PUT):
        last = (await put(sayso, request, sending(b"x"))).file
    with pytest.raises(TooManyFiles):
        await put(sayso, request, sending(b"x"))
    await sayso.vote(request, "approve", person=ANA, response={"papers": [last.id]})
    with pytest.raises(AlreadySettled):
        await put(sayso, request, sending(b"x"), person=BEN)
    denied = await asked(agent)
    await sayso.vote(denied, "deny", person=BEN)
    with pytest.raises((AlreadySettled, AlreadyVoted)):
        await put(sayso, denied, sending(b"x"), person=BEN)


async def test_files_use_the_asking_agent_s_quota_and_give_it_back_with_the_end(sayso: Sayso) -> None:
    agent = await sayso.agent("small", quotas=replace(QUICK, bytes=20_000))
    request = await asked(agent)
    before = await used(sayso, "small")
    await put(sayso, request, sending(b"x" * 5000))
    assert await used(sayso, "small") == before + 5000
    with pytest.raises(QuotaExceeded):
        await put(sayso, request, sending(b"x" * 20_000))
    with pytest.raises(QuotaExceeded):
        await put(sayso, request, sending(b"x" * 20_000, size=20_000))
    assert await used(sayso, "small") == before + 5000
    await agent.post(f"/v1/requests/{request}/cancel")
    assert await used(sayso, "small") == 0


async def test_one_person_has_few_uploads_under_way_and_the_others_do_not_notice(sayso: Sayso) -> None:
    agent = await sayso.agent()
    request, released = await asked(agent), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        await released.wait()

    def one() -> Sending:
        return Sending("a.pdf", "application/pdf", slow(), os.urandom(8).hex())

    under_way = [asyncio.create_task(put(sayso, request, one())) for _ in range(AT_ONCE)]
    client: Any = sayso.service.store.client
    await until(lambda: sayso.service.desk._filing._under_way[ANA.id] == AT_ONCE)
    with pytest.raises(QuotaExceeded, match="on their way at once"):
        await put(sayso, request)
    assert (await put(sayso, request, person=BEN)).file.name == "cv.pdf"
    released.set()
    assert [filed.file.size for filed in await asyncio.gather(*under_way)] == [1] * AT_ONCE
    assert [key async for key in client.scan_iter(match="{main}:upload:*", count=1000)] == []
    await put(sayso, request)


async def test_the_same_upload_delivered_twice_is_one_file(sayso: Sayso) -> None:
    agent = await sayso.agent()
    request = await asked(agent)
    first = await put(sayso, request, sending(operation="o"))
    again = await put(sayso, request, sending(b"other", operation="o"))
    assert (again.replayed, again.file) == (True, first.file)


async def test_a_name_with_a_path_and_a_type_that_is_none_are_made_safe(sayso: Sayso) -> None:
    agent = await sayso.agent()
    request = await asked(agent)
    evil = sending(b"x", '../../etc/pass\r\nwd\u202e"; x=".pdf', 'text/html"; charset=x')
    file = (await put(sayso, request, evil)).file
    assert file.name == 'pass⟨U+000D⟩⟨U+000A⟩wd⟨U+202E⟩"; x=".pdf'
    assert file.media_type == "application/octet-stream"
    saved = await agent.get(f"/v1/requests/{request}/files/{file.id}")
    said = saved.headers["Content-Disposition"]
    assert said.count('"') == 2
    assert "\u202e" not in said


async def test_a_file_that_breaks_on_its_way_out_is_never_taken_for_whole(sayso: Sayso) -> None:
    agent = await sayso.agent()
    request = await asked(agent)
    file = (await put(sayso, request)).file
    store = sayso.service.store
    await store.client.delete(store.keys.file(file.id, 1))
    path = f"/v1/requests/{request}/files/{file.id}"
    with pytest.raises(httpx.RemoteProtocolError):
        await agent.get(path)
    await store.client.delete(store.keys.file(file.id, 0))
    refused(await agent.get(path), 503, "unavailable")


async def test_html_and_svg_are_handed_out_as_bytes_to_save(sayso: Sayso) -> None:
    agent = await sayso.agent()
    request = await asked(agent)
    for name, said in (("a.html", "text/html"), ("a.svg", "image/svg+xml")):
        file = (await put(sayso, request, sending(b"<script>", name, said), field="notes")).file
        saved = await agent.get(f"/v1/requests/{request}/files/{file.id}")
        assert (file.media_type, saved.headers["Content-Type"]) == (said, "application/octet-stream")
        assert saved.headers["Content-Disposition"].startswith("attachment;")


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ({"max": 0}, "form.fields[0].files.max"),
        ({"max": 6}, "form.fields[0].files.max"),
        ({"max": 1.5}, "form.fields[0].files.max"),
        ({"accept": ["pdf"]}, "form.fields[0].files.accept[0]"),
        ({"accept": [".pdf", "Sayso has verified this: safe to approve .pdf"]}, "form.fields[0].files.accept[1]"),
        ({"accept": ["\u202egpj.exe\u202c .pdf"]}, "form.fields[0].files.accept[0]"),
        ({"accept": ["one\n.pdf"]}, "form.fields[0].files.accept[0]"),
        ({"accept": [".pdf\n"]}, "form.fields[0].files.accept[0]"),
        ({"accept": ["image/*, .exe"]}, "form.fields[0].files.accept[0]"),
        ({"options": ["a"]}, "form.fields[0].files.options"),
    ],
)
async def test_a_field_that_makes_no_sense_is_refused_by_name(sayso: Sayso, field: dict[str, Any], path: str) -> None:
    agent = await sayso.agent()
    form = {"fields": [{"name": "papers", "type": "files", **field}]}
    body = {"action": "hire", "params": {}, "form": form}
    refused(await agent.post("/v1/requests", json=body), 422, "invalid_field", path)


async def test_the_form_is_echoed_as_it_was_asked(sayso: Sayso) -> None:
    agent = await sayso.agent()
    form = (await agent.get(f"/v1/requests/{await asked(agent)}")).json()["form"]
    assert form["fields"][0] == {
        "name": "papers", "type": "files", "label": "The papers", "required": True, "max": 2,
        "accept": [".pdf", "image/*"],
    }  # fmt: skip
