"""What the functions promise of the wire: the same effect when a reply is lost, one slot, only the keys they are given,
two versions side by side, and a library that comes back when it was flushed.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from book import EPOCHS, made, new, opened
from contract.store_life import READERS, WRITERS, Life, comparable
from fakes.redis_proxy import RedisProxy
from redis_server import RedisServer, free_port
from sayso_bot.errors import Unavailable
from sayso_bot.ports import Filter
from sayso_bot.store.connect import connect
from sayso_bot.store.library import Library, library
from sayso_bot.store.redis import RedisStore
from service import until

# --------------------------------------------------------------------------- lost replies


@pytest.fixture(scope="module")
def undisturbed(server: RedisServer) -> str:
    """A life in which no reply is lost, as text."""

    async def live() -> str:
        async with opened(server.url) as store:
            life = Life(store)
            await life.live()
            return comparable(life, await life.everything())

    return asyncio.run(live())


@pytest.mark.parametrize("function", WRITERS)
async def test_a_lost_reply_changes_neither_what_is_answered_nor_what_lies_there(
    server: RedisServer, undisturbed: str, function: str
) -> None:
    async with RedisProxy(server) as proxy, opened(proxy.url) as disturbed:
        life = Life(disturbed)
        # each call but every repeated one: two replies are lost and the third arrives
        proxy.lose(f"_{function}", times=2)
        await life.live()
        assert proxy.lost == 2
        assert comparable(life, await life.everything()) == _with_replays(undisturbed, function)


def _with_replays(wanted: str, function: str) -> str:
    """What counted and is repeated is told so, and nothing else."""
    answers = {
        "vote": "VoteAnswer(code='ok'",
        "edit": "EditAnswer(code='ok'",
        "attach_file": "AttachAnswer(code='ok'",
        "pause": "PauseAnswer(code='ok'",
        "resume": "PauseAnswer(code='ok'",
        "change_places": "PlacesAnswer(code='ok'",
        "take_along": "\"'ok'\"",
    }
    counted = answers.get(function)
    if counted is None:
        return wanted
    first, second, rest = wanted.partition(counted) if function != "resume" else _second(wanted, counted)
    return first + second.replace("ok", "replay") + rest


def _second(wanted: str, counted: str) -> tuple[str, str, str]:
    """The resumption comes after the pause, and both are answered alike."""
    at = wanted.index(counted, wanted.index(counted) + 1)
    return wanted[:at], counted, wanted[at + len(counted) :]


async def test_a_note_is_sent_once_even_where_its_reply_is_lost(server: RedisServer) -> None:
    async with RedisProxy(server) as proxy, opened(proxy.url) as store:
        proxy.lose("_note")
        with pytest.raises(Unavailable):
            await store.note("vote_refused", "req_1", {"person": "ana"})
        entries = await store.client.xlen(store.keys["journal"])
        assert entries == 1


async def test_many_calls_under_way_survive_a_cut_connection_each_once(server: RedisServer) -> None:
    async with RedisProxy(server) as proxy, opened(proxy.url) as store:
        asked = [new(idempotency_key=f"k{n}") for n in range(200)]
        calls = [asyncio.create_task(store.submit(each, EPOCHS)) for each in asked]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        proxy.cut()
        answers = await asyncio.gather(*calls)
        assert [answer.request.id for answer in answers] == [each.id for each in asked]
        assert (await store.totals()).journal_entries == 200


async def test_when_redis_stays_away_the_caller_is_told_so_and_when_to_come_back(server: RedisServer) -> None:
    async with RedisProxy(server) as proxy, opened(proxy.url) as store:
        proxy.lose("_submit", times=3)
        with pytest.raises(Unavailable) as told:
            await store.submit(new(), EPOCHS)
        assert told.value.retry_after == 1
        assert "redis" not in told.value.detail.lower()


async def test_a_redis_that_hangs_is_given_up_after_one_wait(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso_bot.store.connect.REPLY_SECONDS", 0.3)
    monkeypatch.setattr("sayso_bot.store.calls.PATIENCE_SECONDS", 0.2)
    async with RedisProxy(server) as proxy, opened(proxy.url) as store:
        proxy.freeze()
        async with asyncio.timeout(2):
            with pytest.raises(Unavailable):
                await store.read("req_1")
        proxy.thaw()
        assert await store.read("req_1") is None


# --------------------------------------------------------------------------- keys


async def test_every_call_s_keys_lie_in_one_slot_of_a_cluster() -> None:
    """A cluster refuses a function whose keys lie in more than one slot, and one that reaches for another slot."""
    settings = {"cluster-enabled": "yes", "cluster-port": str(free_port())}
    with RedisServer(tcp=True, config=settings) as node:
        client = connect(node.tcp_url)
        await _execute(client, "CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        await until(lambda: _is_up(client))
        async with opened(node.tcp_url) as store:
            life = Life(store)
            await life.live()
            names = await life.everything()
            slots = {await _execute(client, "CLUSTER", "KEYSLOT", store.keys[name]) for name in names}
            assert len(slots) == 1
        await client.aclose()


async def _is_up(client: Redis) -> bool:
    return "cluster_state:ok" in str(await _execute(client, "CLUSTER", "INFO"))


async def _execute(client: Redis, *words: Any) -> Any:
    anyhow: Any = client
    return await anyhow.execute_command(*words)


async def test_no_function_touches_a_key_that_it_was_not_given(store: RedisStore) -> None:
    """Redis shows each command that a function runs. Readers have the right to look at nothing else either."""
    watcher: Any = store.client.monitor()
    async with watcher as seen:
        life = Life(store)
        await life.live()
        await store.note("kind", "req_1", {})
        await store.client.echo("the end")
        called, given = set(), set()
        while True:
            entry = await seen.next_command()
            words = entry["command"].split(" ")
            if words[0] == "FCALL":
                name, count = words[1], int(words[2])
                called.add(name.removeprefix(library().prefix + "_"))
                given = set(words[3 : 3 + count])
            elif words[0] == "ECHO":
                break
            elif entry["client_type"] == "lua" and words[0] not in {"TIME", "PUBLISH"}:
                assert words[1] in given, f"{name} runs {words[0]} on {words[1]}"
    assert called == {*WRITERS, *READERS, "note"}


# --------------------------------------------------------------------------- the library


async def test_two_versions_of_the_library_work_side_by_side(store: RedisStore) -> None:
    prefix = "sayso_0123456789abcdef"
    older = Library(prefix, library().source.replace(library().prefix, prefix))
    await store.client.function_load(older.source)
    await store.load_functions()
    await store.load_functions()
    request = await made(store)
    keys = [store.keys.request(request.id), store.keys["clock"], store.keys["epochs"]]
    for version in (library(), older):
        code, *_ = await _execute(store.client, "FCALL", version.name("read"), len(keys), *keys, 0, 0)
        assert code == "ok"
    listed = await _execute(store.client, "FUNCTION", "LIST", "LIBRARYNAME", "sayso_*")
    assert len(listed) == 2


async def test_functions_that_were_flushed_come_back_while_everything_runs(store: RedisStore) -> None:
    done: list[str] = []

    async def ask() -> None:
        for _ in range(30):
            done.append((await store.submit(new(), EPOCHS)).request.id)

    async def flush() -> None:
        for _ in range(10):
            await _execute(store.client, "FUNCTION", "FLUSH")
            await asyncio.sleep(0)

    await asyncio.gather(*(ask() for _ in range(10)), flush())
    assert len(done) == len(set(done)) == 300
    assert (await store.totals()).journal_entries == 300
    assert len((await store.list(Filter(), cursor=None, limit=400)).items) == 300


async def test_a_library_that_cannot_be_loaded_is_given_up(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_: object) -> None:
        return None

    monkeypatch.setattr("sayso_bot.store.calls.Calls.load_functions", nothing)
    monkeypatch.setattr("sayso_bot.store.calls.PATIENCE_SECONDS", 0.1)
    await _execute(store.client, "FUNCTION", "FLUSH")
    with pytest.raises(Unavailable):
        await store.read("req_1")


# --------------------------------------------------------------------------- another server


async def test_where_a_server_takes_no_writes_any_more_the_next_call_looks_who_does(server: RedisServer) -> None:
    """Another one has taken its place, and nobody has ended the connections to it."""
    async with RedisServer() as first, RedisProxy(first) as proxy, opened(proxy.url) as store:
        await made(store)
        await store.client.replicaof("127.0.0.1", 1)
        proxy.lead_to(server)
        with pytest.raises(Unavailable, match="read-only"):
            await made(store)
        request = await made(store)
        async with opened(server.url, store.keys.book) as there:
            assert await there.read(request.id) == request
