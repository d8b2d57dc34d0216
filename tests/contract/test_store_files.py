"""Files on a real Redis: pieces that lapse by themselves, and one function that makes them part of a request."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from book import (
    ANA,
    BEN,
    EPOCHS,
    PLACE,
    advance,
    attached,
    cast,
    change,
    journal,
    key,
    lying_in,
    made,
    opened,
    received,
    requirement,
)
from fakes.redis_proxy import RedisProxy
from office_store import taken_along
from redis_server import RedisServer
from sayso_bot.domain.files import CHUNK_BYTES, MAX_FILE_BYTES, MAX_OF_REQUEST, File
from sayso_bot.domain.policy import Verdict
from sayso_bot.domain.request import Status
from sayso_bot.errors import FileRefused, FileTooLarge, Unavailable
from sayso_bot.ports import Again, Button, Filter
from sayso_bot.store.redis import RedisStore

LARGE = os.urandom(2 * CHUNK_BYTES + 17)


async def content_of(store: RedisStore, file: File) -> bytes:
    return b"".join([piece async for piece in await store.files.content(file)])


async def pieces(store: RedisStore, prefix: str) -> list[str]:
    client: Any = store.client
    return sorted([name async for name in client.scan_iter(match=f"{store.keys.tag}{prefix}:*", count=1000)])


async def test_what_was_put_comes_back_and_its_digest_tells_it(store: RedisStore) -> None:
    request = await made(store)
    answer = await attached(store, request, LARGE)
    assert answer.code == "ok"
    assert answer.request is not None
    (file,) = answer.request.files
    assert (file.size, file.chunks, file.digest) == (len(LARGE), 3, f"sha256:{hashlib.sha256(LARGE).hexdigest()}")
    assert (file.name, file.by, file.field) == ("Bericht “é”\n.pdf", ANA.id, "papers")
    assert await content_of(store, file) == LARGE
    assert await store.read(request.id) == answer.request


async def test_until_it_is_part_of_a_request_every_piece_lapses_by_itself(store: RedisStore) -> None:
    got = await received(store, LARGE)
    names = await pieces(store, "upload")
    assert len(names) == got.pieces == 3
    assert all([0 < await store.client.ttl(name) <= 600 for name in names])
    request = await made(store)
    await attached(store, request, got=got)
    assert await pieces(store, "upload") == []
    assert [await store.client.ttl(name) for name in await pieces(store, "file")] == [-1] * 3


@pytest.mark.parametrize("broken", [b"", b"x" * (MAX_FILE_BYTES + 1)])
async def test_an_empty_file_and_one_that_is_too_large_leave_nothing(store: RedisStore, broken: bytes) -> None:
    with pytest.raises(FileTooLarge if broken else FileRefused):
        await received(store, broken)
    assert await pieces(store, "upload") == []


async def test_a_file_of_the_largest_size_is_taken(store: RedisStore) -> None:
    answer = await attached(store, await made(store), b"\0" * MAX_FILE_BYTES)
    assert answer.request is not None
    assert answer.request.files[0].chunks == 40


async def test_a_sender_who_hangs_up_leaves_nothing(store: RedisStore) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield LARGE
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await store.files.receive(half())
    assert await pieces(store, "upload") == []


async def test_the_same_operation_is_one_file_however_often_it_is_delivered(
    server: RedisServer, store: RedisStore
) -> None:
    request = await made(store)
    async with opened(server.url, store.keys.book) as other:
        answers = await asyncio.gather(*(attached(each, request) for each in (store, other) * 5))
    assert sorted(answer.code for answer in answers) == ["ok"] + ["replay"] * 9
    assert len(await pieces(store, "file")) == len(await journal(store, "file_put")) == 1


async def test_bytes_count_for_the_agent_until_the_request_ends(store: RedisStore) -> None:
    request = await made(store)
    before = int((await lying_in(store))["usage:agent"]["bytes"])
    await attached(store, request, b"x" * 1000)
    grown = await change(store, request, ANA, {"amount": 2})
    book = await lying_in(store)
    record = book[f"request:{request.id}"]
    edited = sum(len(record[name].encode()) for name in ("edit", "edits", "brief:2")) + len("\n")
    used = before + 1000 + edited
    assert int(book["usage:agent"]["bytes"]) == int(book["counters"]["bytes"]) == int(record["bytes"]) == used
    assert grown.request is not None
    assert len(grown.request.files) == 1
    await store.cancel(grown.request, EPOCHS)
    assert (await lying_in(store))["usage:agent"] == {"pending": "0", "bytes": "0"}


async def test_nothing_goes_beyond_the_agents_quota(store: RedisStore) -> None:
    request = await made(store)
    used = int((await lying_in(store))["usage:agent"]["bytes"])
    assert (await attached(store, request, b"x" * 11, quota=used + 10)).code == "bytes"
    assert (await attached(store, request, b"x" * 10, quota=used + 10)).code == "ok"
    assert await store.files.used(request) == used + 10


async def test_one_person_s_tries_at_one_field_are_bounded_and_so_is_the_request(store: RedisStore) -> None:
    request = await made(store)
    for number in range(2):
        assert (await attached(store, request, operation=f"o{number}", most=2)).code == "ok"
    assert (await attached(store, request, operation="o9", most=2)).code == "many"
    assert (await attached(store, request, operation="o9", most=2, field="other")).code == "ok"
    assert (await attached(store, request, operation="o9", most=2, by=BEN.id)).code == "ok"
    for number in range(MAX_OF_REQUEST - 4):
        assert (await attached(store, request, operation=f"p{number}", most=1000, by="x")).code == "ok"
    assert (await attached(store, request, operation="q", most=1000, by="y")).code == "many"


async def test_a_request_that_has_ended_takes_no_file(store: RedisStore) -> None:
    request = await made(store, timeout_seconds=60)
    await cast(store, request, BEN, "deny")
    assert (await attached(store, request)).code == "settled"
    late = await made(store, timeout_seconds=60)
    await advance(store, 60)
    answer = await attached(store, late)
    assert (answer.code, answer.request and answer.request.status) == ("settled", Status.EXPIRED)


async def test_what_must_be_there_before_the_first_answer_comes_not_after_it(store: RedisStore) -> None:
    request = await made(store, quorum=2)
    assert (await attached(store, request, button="btn_2")).code == "ok"
    assert (await cast(store, request, BEN, "approve")).code == "stale", "it was shown without the file"
    assert (await attached(store, request, button="btn_2")).code == "replay"
    answer = await cast(store, request, BEN, "approve", revision=2)
    assert (answer.code, answer.request and answer.request.revision) == ("ok", 2)
    assert (await attached(store, request, operation="o2", button="btn_3")).code == "voted"
    kept = await attached(store, request, operation="o2")
    assert (kept.code, kept.request and kept.request.revision) == ("ok", 2), "a person's file is part of their answer"
    assert [json.loads(entry["data"]).get("revision") for entry in await journal(store, "file_put")] == [2, None]
    assert await store.button("btn_2") == Button(request.id, 2, PLACE)
    work = await store.begin(request, PLACE, 15)
    assert work is not None
    assert work.button == "btn_2"


async def test_a_large_request_is_listed_with_its_file_s_revision(store: RedisStore) -> None:
    request = await made(store, params={"text": "x" * 9000})
    await attached(store, request, button="btn_2")
    await attached(store, request, operation="o2", button="btn_3")
    [listed] = (await store.browse(Filter(), cursor=None, limit=1)).items
    assert (listed.revision, len(listed.gist.facts)) == (3, 1)
    record = (await lying_in(store))[f"request:{request.id}"]
    assert [name for name in record if name.startswith("brief:")] == ["brief:3"]


async def test_pieces_that_have_lapsed_make_no_file(store: RedisStore) -> None:
    request = await made(store)
    got = await received(store, LARGE)
    await store.client.delete(store.keys.upload(got.upload, 1))
    assert (await attached(store, request, got=got)).code == "lapsed"
    assert await pieces(store, "file") == []


async def test_under_a_configuration_that_has_moved_nothing_is_changed(store: RedisStore) -> None:
    request = await made(store)
    await store.put_key(key(key_id="key_9"), "key_created")
    with pytest.raises(Again):
        await attached(store, request)
    assert await pieces(store, "file") == []


async def test_a_file_its_journal_entry_its_hint_and_its_publish_come_together(store: RedisStore) -> None:
    request = await made(store)
    before = await store.begin(request, request.place, 15)
    assert before is not None
    await store.posted(before, "ts1")
    pubsub: Any = store.client.pubsub()
    await pubsub.subscribe(store.keys.tag + "changes")
    await pubsub.get_message(timeout=5)
    await attached(store, request)
    heard = await pubsub.get_message(ignore_subscribe_messages=True, timeout=5)
    assert heard["data"] == f"filed {request.id}"
    await pubsub.aclose()
    work = await store.begin(request, request.place, 15)
    assert work is not None
    assert len(work.request.files) == 1
    (entry,) = await journal(store, "file_put")
    told = json.loads(entry["data"])
    assert told["file"]["digest"] == f"sha256:{hashlib.sha256(b'a report').hexdigest()}"
    assert (told["by"], told["evidence"], entry["request"]) == (ANA.id, "email:ana@example.com", request.id)


async def test_a_lost_reply_is_asked_again_and_makes_one_file(server: RedisServer) -> None:
    async with RedisProxy(server) as proxy, opened(proxy.url) as store:
        request = await made(store)
        proxy.lose("_attach_file", times=2)
        answer = await attached(store, request)
        assert (answer.code, proxy.lost) == ("replay", 2)
        assert answer.request is not None
        assert await content_of(store, answer.request.files[0]) == b"a report"


async def test_a_piece_that_redis_has_lost_is_said_before_anything_is_answered(store: RedisStore) -> None:
    answer = await attached(store, await made(store), LARGE)
    assert answer.request is not None
    (file,) = answer.request.files
    await store.client.delete(store.keys.file(file.id, 0))
    with pytest.raises(Unavailable):
        await store.files.content(file)


async def test_a_record_with_files_is_of_the_third_version(store: RedisStore) -> None:
    request = await made(store)
    await attached(store, request)
    assert (await lying_in(store))[f"request:{request.id}"]["v"] == "3"


async def test_a_request_of_high_risk_stays_of_its_version_when_a_file_joins_it(store: RedisStore) -> None:
    demands = replace(requirement(), high_risk=True)
    request = await made(store, verdict=Verdict("ask", "a rule", requirement=demands))
    assert (await lying_in(store))[f"request:{request.id}"]["v"] == "5"
    await attached(store, request)
    assert (await lying_in(store))[f"request:{request.id}"]["v"] == "5"
    found = await store.read(request.id)
    assert found is not None
    assert found.requirement == demands


async def test_a_file_of_a_request_that_was_moved_leaves_its_version(store: RedisStore) -> None:
    request = await made(store)
    await taken_along(store, request, "slack:C0OPS")
    moved = await store.read(request.id)
    assert moved is not None
    assert (await attached(store, moved)).code == "ok"
    assert (await lying_in(store))[f"request:{request.id}"]["v"] == "4"
