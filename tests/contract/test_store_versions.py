"""What was in force, one after the other, in a real Redis: each counted once, whatever races or comes twice."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from book import PLACE, journal, lying_in
from sayso_bot.domain.notice import Notice
from sayso_bot.domain.versions import Origin
from sayso_bot.ports import Activation, Epochs
from sayso_bot.store.redis import RedisStore

ANA = Origin(
    by="ana",
    via="command",
    where="host:/policy.yaml",
    comment="Fewer asks",
    weakens=("It asks less.",),
    dismisses=("ben",),
)


async def test_a_version_says_who_put_which_document_in_force_in_place_of_which(store: RedisStore) -> None:
    assert await store.activate("d0", "zero", None, "policy.yaml") == Activation(1, changed=True)
    assert await store.activate("d1", "one", "d0", "", ANA) == Activation(2, changed=True)
    page = await store.versions()
    assert (page.active, page.more) == ("d1", False)
    second, first = page.items
    assert (second.number, second.digest, second.replaces, second.origin) == (2, "d1", "d0", ANA)
    assert (first.number, first.digest, first.replaces) == (1, "d0", None)
    assert (first.origin.via, first.origin.where, first.origin.by) == ("file", "policy.yaml", "")
    assert first.at is not None
    assert second.at is not None
    assert first.at <= second.at
    assert await store.document("d0") == "zero"
    assert await store.document("d9") is None


async def test_a_version_is_in_the_journal_as_it_is_in_the_list(store: RedisStore) -> None:
    await store.activate("d0", "zero", None, "", ANA)
    (entry,) = await journal(store, "policy_activated")
    told = json.loads(entry["data"])
    assert (told["number"], told["digest"], told["replaces"]) == (1, "d0", None)
    assert (told["by"], told["via"], told["where"], told["comment"]) == (
        "ana",
        "command",
        "host:/policy.yaml",
        "Fewer asks",
    )
    assert told["weakens"] == ["It asks less."]
    assert entry["data"] == (await lying_in(store))["policy"]["version:1"]


async def test_versions_are_told_newest_first_page_by_page(store: RedisStore) -> None:
    active = None
    for number in range(7):
        await store.activate(f"d{number}", "text", active, "file")
        active = f"d{number}"
    first = await store.versions(limit=3)
    assert ([version.number for version in first.items], first.more) == ([7, 6, 5], True)
    rest = await store.versions(before=5, limit=10)
    assert ([version.number for version in rest.items], rest.more) == ([4, 3, 2, 1], False)
    assert (await store.versions(before=1)).items == ()
    assert (await store.versions(before=99, limit=1)).items == first.items[:1]


async def test_without_a_document_there_are_no_versions(store: RedisStore) -> None:
    page = await store.versions()
    assert (page.active, page.items, page.more) == (None, (), False)


async def test_a_document_that_comes_back_is_another_version_of_the_same(store: RedisStore) -> None:
    await store.activate("d0", "zero", None, "file")
    await store.activate("d1", "one", "d0", "file")
    assert (await store.activate("d0", "zero", "d1", "", Origin(restores=1))).number == 3
    newest, *_ = (await store.versions()).items
    assert (newest.digest, newest.origin.restores) == ("d0", 1)


async def test_of_many_who_replace_the_same_policy_one_does(store: RedisStore) -> None:
    await store.activate("d0", "zero", None, "file")
    answers = await asyncio.gather(*(store.activate(f"d{n}", f"text {n}", "d0", "file") for n in range(1, 10)))
    stored = await store.configuration(None)
    (number,) = [n for n, answer in enumerate(answers, 1) if answer.changed]
    assert {answer.other for answer in answers if not answer.changed} == {f"d{number}"}
    assert (stored.policy_digest, stored.document) == (f"d{number}", f"text {number}")
    assert stored.epochs == Epochs(0, 2)
    assert len(await journal(store, "policy_activated")) == 2
    assert [version.number for version in (await store.versions()).items] == [2, 1]


async def test_what_is_announced_of_a_version_is_made_with_it_or_not_at_all(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.activate("d0", "zero", None, "file")
    notices = [(Notice("ntc_1", "Another policy."), PLACE)]
    await store.activate("d2", "two", "d9", "file", notices=notices)
    assert (await store.due_places(10)).items == ()
    monkeypatch.setattr("sayso_bot.store.configured.secrets.token_hex", lambda _: "the same")
    assert await store.activate("d1", "one", "d0", "file", notices=notices) == Activation(2, changed=True)
    assert await store.due_work(PLACE, 10) == ["ntc_1"]
    work = await store.notices.begin_notice("ntc_1", PLACE, 15)
    assert work is not None
    assert work.notice.text == "Another policy."
    await store.notices.notice_posted(work, "ts1")
    assert await store.activate("d1", "one", "d0", "file", notices=notices) == Activation(2, changed=True)
    assert await store.due_work(PLACE, 10) == [], "the same call again says nothing again"


async def test_activating_what_is_active_changes_nothing(store: RedisStore) -> None:
    await store.activate("d0", "zero", None, "file")
    before = await lying_in(store)
    assert await store.activate("d0", "zero", "d9", "file") == Activation(1, changed=False)
    assert {**await lying_in(store), "clock": None} == {**before, "clock": None}


async def test_a_call_that_comes_again_late_undoes_nothing_and_is_told_what_it_did(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso_bot.store.configured.secrets.token_hex", lambda _: "the same")
    first = await store.activate("d1", "one", None, "file")
    monkeypatch.undo()
    await store.activate("d2", "two", "d1", "file")
    before = await lying_in(store)
    monkeypatch.setattr("sayso_bot.store.configured.secrets.token_hex", lambda _: "the same")
    assert await store.activate("d1", "one", None, "file") == first
    assert {**await lying_in(store), "clock": None} == {**before, "clock": None}


@pytest.mark.parametrize("counted", [0, 2])
async def test_a_document_that_a_sayso_without_versions_put_in_force_is_one_too(
    store: RedisStore, counted: int
) -> None:
    active = None
    for number in range(counted):
        await store.activate(f"d{number}", "text", active, "file")
        active = f"d{number}"
    fields: Any = {"active": "old", "doc:old": "an older one's"}
    await store.client.hset(store.keys["policy"], mapping=fields)
    newest, *_ = (await store.versions()).items
    assert (newest.number, newest.digest, newest.at) == (counted + 1, "old", None)
    assert (await store.activate("new", "text", "old", "file")).number == counted + 2
    again = (await store.versions()).items
    assert [version.number for version in again] == list(range(counted + 2, 0, -1))
    assert (again[1].digest, again[1].at, again[1].origin) == ("old", None, Origin())
