"""What is in force in a process: looked for again when something is unknown, together and not too often."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import CapturingLogger

from book import key
from sayso_bot import configuration as configuration_module
from sayso_bot import policy
from sayso_bot.configuration import ActiveConfiguration
from sayso_bot.domain.key import Key, secret_digest
from sayso_bot.errors import Unavailable
from sayso_bot.ports import Epochs, Stored
from sayso_bot.store.redis import RedisStore
from service import until

SECRET = "sk_main_secret"
DOCUMENT = 'rules:\n  - action: "*"\n    deny: No.\n'


@pytest.fixture
def looks(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Each look at the stored configuration."""
    made: list[str | None] = []
    look = store.configuration

    async def counted(known: str | None) -> Stored:
        made.append(known)
        return await look(known)

    monkeypatch.setattr(store, "configuration", counted)
    return made


def _active(store: RedisStore, log: Any = None) -> ActiveConfiguration:
    load: Callable[[str], policy.LoadedPolicy] = lambda text: policy.load(text, "test")  # noqa: E731
    return ActiveConfiguration(store, policy.built_in(), load, log or CapturingLogger())


def _key(secret: str = SECRET) -> Key:
    return replace(key(key_id=f"key_{secret_digest(secret)[:8]}"), digest=secret_digest(secret))


async def test_before_anything_was_read_nothing_can_be_done(store: RedisStore) -> None:
    active = _active(store)
    assert active.epochs == Epochs(-1, -1)
    assert active.key("key_1") is None


async def test_a_key_that_was_just_made_is_found_by_all_who_ask_at_once(
    store: RedisStore, looks: list[str | None]
) -> None:
    active = _active(store)
    await active.refresh()
    await store.put_key(_key(), "key_created")
    found = await asyncio.gather(*(active.find(SECRET) for _ in range(50)))
    assert {each.id for each in found if each} == {_key().id}
    assert None not in found
    assert len(looks) == 2


async def test_a_key_that_was_made_just_after_somebody_else_s_look_is_found_too(store: RedisStore) -> None:
    active = _active(store)
    assert await active.find("sk_main_unknown") is None
    await store.put_key(_key(), "key_created")
    assert await active.find(SECRET) is not None


async def test_a_flood_of_bad_keys_costs_a_look_now_and_then(
    store: RedisStore, looks: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration_module, "LOOK_AGAIN_SECONDS", 0.1)
    active = _active(store)
    await asyncio.gather(*(active.find("sk_main_first") for _ in range(100)))
    for _ in range(3):
        assert await asyncio.gather(*(active.find(f"sk_main_{n}") for n in range(300))) == [None] * 300
    assert len(looks) <= 4 * 4


async def test_a_known_key_costs_no_look(store: RedisStore, looks: list[str | None]) -> None:
    await store.put_key(_key(), "key_created")
    active = _active(store)
    await active.refresh()
    assert await active.find(SECRET) == _key()
    assert len(looks) == 1


async def test_a_revoked_key_is_unknown(store: RedisStore) -> None:
    await store.put_key(_key(), "key_created")
    await store.put_key(replace(_key(), revoked_at=datetime.now(UTC)), "key_revoked")
    active = _active(store)
    assert await active.find(SECRET) is None
    assert active.keys == ()


async def test_a_read_begins_after_it_was_asked_for(store: RedisStore) -> None:
    active = _active(store)
    running = asyncio.create_task(active.refresh())
    await asyncio.sleep(0)
    await store.put_key(_key(), "key_created")
    await active.refresh()
    assert active.epochs == Epochs(1, 0)
    await running


async def test_a_read_that_was_cut_short_counts_for_nobody(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    active = _active(store)
    await store.put_key(_key(), "key_created")
    look, started = store.configuration, asyncio.Event()

    async def slow(known: str | None) -> Stored:
        started.set()
        await asyncio.sleep(0.05)
        return await look(known)

    monkeypatch.setattr(store, "configuration", slow)
    first, second, third = (asyncio.create_task(active.refresh()) for _ in range(3))
    await started.wait()
    await first
    second.cancel()
    await third
    assert active.epochs == Epochs(1, 0)


async def test_while_the_store_is_away_what_was_in_force_stays(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.put_key(_key(), "key_created")
    active = _active(store)
    await active.refresh()

    async def away(_: str | None) -> Stored:
        raise Unavailable("away", retry_after=3)

    with monkeypatch.context() as patched:
        patched.setattr(store, "configuration", away)
        told = await asyncio.gather(*(active.refresh() for _ in range(5)), return_exceptions=True)
        assert [getattr(error, "retry_after", None) for error in told] == [3] * 5
        assert active.key(_key().id) == _key()
    await active.refresh()


async def test_a_policy_is_compiled_once_and_another_takes_its_place(
    store: RedisStore, looks: list[str | None]
) -> None:
    active = _active(store)
    await active.refresh()
    assert active.is_built_in
    digest = policy.load(DOCUMENT, "test").digest
    await store.activate(digest, DOCUMENT, None, "a file")
    await active.refresh()
    compiled = active.policy
    assert (active.is_built_in, compiled.digest) == (False, digest)
    await active.refresh()
    assert active.policy is compiled
    assert looks == [None, None, digest]


async def test_a_document_that_this_replica_cannot_use_decides_nothing(store: RedisStore) -> None:
    log = CapturingLogger()
    active = _active(store, log)
    await store.activate("d1", "rules: [nonsense", None, "a file")
    await active.refresh()
    with pytest.raises(Unavailable, match="cannot be read by this replica"):
        _ = active.policy
    assert not active.is_built_in
    assert log.calls[-1].args == ("policy_unusable",)
    await store.activate(policy.load(DOCUMENT, "test").digest, DOCUMENT, "d1", "a file")
    await active.refresh()
    assert active.policy.digest == policy.load(DOCUMENT, "test").digest


class Slow:
    """Compiles nothing before `go`, and then all that it was given and is given."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go = threading.Event()

    def __call__(self, text: str) -> policy.LoadedPolicy:
        self.begun.append(text)
        assert self.go.wait(20)
        return policy.load(text, "test")


@pytest.mark.parametrize("replaced_by", [DOCUMENT.replace("No", "Never"), DOCUMENT])
async def test_a_policy_that_is_replaced_while_it_is_compiled_is_never_in_force(
    store: RedisStore, replaced_by: str
) -> None:
    """By a third one, or by the one before, which is compiled already."""
    active = _active(store)
    before, long, after = (policy.load(text, "test").digest for text in (DOCUMENT, f"{DOCUMENT}# long", replaced_by))
    await store.activate(before, DOCUMENT, None, "a file")
    await active.refresh()
    slow = active._compile = Slow()
    await store.activate(long, f"{DOCUMENT}# long", before, "a file")
    reading = asyncio.create_task(active.refresh())
    await until(lambda: slow.begun)
    await store.activate(after, replaced_by, long, "a file")
    await active.look()
    assert (active.policy.digest, active.epochs.policy) == (before, 3 if after == before else 1)
    slow.go.set()
    await reading
    assert (active.policy.digest, active.epochs.policy) == (after, 3)


async def test_keys_and_their_end_take_effect_while_a_policy_is_compiled(
    store: RedisStore, looks: list[str | None]
) -> None:
    active, dropped = _active(store), list[frozenset[str]]()
    active.on_dropped(dropped.append)
    slow = active._compile = Slow()
    digest = policy.load(DOCUMENT, "test").digest
    await store.activate(digest, DOCUMENT, None, "a file")
    reading = asyncio.create_task(active.refresh())
    await until(lambda: slow.begun)
    await store.put_key(_key(), "key_created")
    found = await active.find(SECRET)
    assert found is not None
    await store.put_key(replace(found, revoked_at=datetime.now(UTC)), "key_revoked")
    await active.look()
    assert dropped == [frozenset({found.id})]
    assert (active.epochs.keys, active.epochs.policy) == (2, -1)
    assert looks == [None, digest, digest]
    slow.go.set()
    await reading
    assert (active.epochs.keys, active.epochs.policy) == (2, 1)
    assert slow.begun == [DOCUMENT]
