"""`edit` on a real Redis: a new revision, of which nothing that was said or shown before is true any more."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from msgspec.structs import replace

from book import ANA, BEN, EPOCHS, EVE, PLACE, advance, cast, change, journal, key, lying_in, made, opened
from redis_server import RedisServer
from sayso_bot.domain.lifecycle import edited
from sayso_bot.domain.request import Request, Status
from sayso_bot.ports import Again
from sayso_bot.store.redis import RedisStore

OTHER: dict[str, Any] = {"amount": 2, "note": "“é”\n"}


async def _edited(store: RedisStore, request: Request, params: dict[str, Any] = OTHER, **how: Any) -> Request:
    answer = await change(store, request, ANA, params, **how)
    assert answer.code == "ok"
    assert answer.request is not None
    return answer.request


async def _book(store: RedisStore) -> dict[str, Any]:
    return {name: held for name, held in (await lying_in(store)).items() if name != "clock"}


def _by(after: Request) -> Any:
    """Who made the last revision, where, and when."""
    edit = after.edits[-1]
    return {"by": edit.name, "surface": edit.surface, "at": edit.at}


async def test_an_edit_is_the_next_revision_with_its_own_params_and_fingerprint(store: RedisStore) -> None:
    request = await made(store)
    first = await _edited(store, request)
    assert first == edited(request, OTHER, first.fingerprint, **_by(first))
    second = await _edited(store, first, {"amount": 3})
    assert second == edited(first, {"amount": 3}, second.fingerprint, **_by(second))
    assert [(edit.revision, edit.name) for edit in second.edits] == [(2, ANA.name), (3, ANA.name)]
    assert (second.revision, second.original_params) == (3, request.params)
    assert await store.read(request.id) == second


async def test_votes_before_an_edit_stay_on_the_record_and_count_for_nothing(store: RedisStore) -> None:
    request = await made(store, quorum=2)
    await cast(store, request, ANA, "approve")
    seen = await store.read(request.id)
    assert seen is not None
    after = await _edited(store, seen)
    assert after.votes == seen.votes
    for person in (BEN, ANA):
        answer = await cast(store, after, person, "approve", revision=2)
        assert answer.code == "ok"
        assert answer.request is not None
        after = answer.request
    assert after.status is Status.APPROVED
    assert after.decision is not None
    assert {(vote.person, vote.revision) for vote in after.decision.votes} == {(BEN.id, 2), (ANA.id, 2)}


async def test_a_vote_for_what_was_edited_since_is_stale(store: RedisStore) -> None:
    request = await made(store)
    after = await _edited(store, request)
    answer = await cast(store, request, BEN, "approve", revision=1)
    assert (answer.code, answer.request) == ("stale", after)


async def test_every_revision_has_a_button_and_the_card_shows_the_latest(store: RedisStore) -> None:
    request = await made(store, button="btn_1")
    await _edited(store, request, button="btn_2")
    meant = [await store.button(token) for token in ("btn_1", "btn_2")]
    assert [(button.revision, button.place) for button in meant if button] == [(1, PLACE), (2, PLACE)]
    work = await store.begin(request, PLACE, 15)
    assert work is not None
    assert (work.button, work.request.revision, work.wanted) == ("btn_2", 2, 2)


async def test_a_card_that_is_just_being_posted_is_shown_again_after_an_edit(store: RedisStore) -> None:
    request = await made(store)
    before = await store.begin(request, PLACE, 15)
    assert before is not None
    await _edited(store, request)
    await store.posted(before, "ts1")
    again = await store.begin(request, PLACE, 15)
    assert again is not None
    assert (again.post, again.request.revision) == ("ts1", 2)


async def test_what_is_in_the_inbox_alone_needs_no_button(store: RedisStore) -> None:
    request = await made(store, place=None)
    await _edited(store, request, button="btn_unused")
    assert await store.button("btn_unused") is None
    assert not any(name.startswith(("post:", "work:", "button:")) for name in await lying_in(store))


async def test_the_same_edit_takes_effect_once_however_often_it_is_delivered(
    server: RedisServer, store: RedisStore
) -> None:
    request = await made(store)
    async with opened(server.url, store.keys.book) as other:
        edits = (change(each, request, ANA, OTHER, operation="e") for each in (store, other) * 10)
        answers = await asyncio.gather(*edits)
    assert sorted(answer.code for answer in answers) == ["ok"] + ["replay"] * 19
    assert len(await journal(store, "edited")) == 1
    after = await store.read(request.id)
    assert after is not None
    await cast(store, after, BEN, "deny", revision=2)
    assert (await change(store, request, ANA, OTHER, operation="e")).code == "replay"


async def test_an_operation_is_one_person_s_and_for_one_content(store: RedisStore) -> None:
    request = await made(store)
    after = await _edited(store, request, operation="e")
    assert (await change(store, request, ANA, {"amount": 7}, operation="e")).code == "stale"
    assert (await change(store, request, BEN, OTHER, operation="e")).code == "stale"
    assert (await cast(store, after, ANA, "deny", operation="e", revision=2)).code == "ok"


async def test_of_two_edits_at_once_one_wins_and_the_other_is_stale(server: RedisServer, store: RedisStore) -> None:
    async with opened(server.url, store.keys.book) as other:
        for _ in range(20):
            request = await made(store)
            answers = await asyncio.gather(
                change(store, request, ANA, {"amount": 5}), change(other, request, BEN, {"amount": 6})
            )
            assert sorted(answer.code for answer in answers) == ["ok", "stale"]
            assert answers[0].request == answers[1].request


async def test_an_edit_and_a_vote_at_once_never_make_a_decision_about_other_params(
    server: RedisServer, store: RedisStore
) -> None:
    ends = set()
    async with opened(server.url, store.keys.book) as other:
        for number in range(40):
            request = await made(store)
            steps: list[Any] = [cast(other, request, BEN, "approve"), change(store, request, ANA, OTHER)]
            await asyncio.gather(*(steps if number % 2 else reversed(steps)))
            after = await store.read(request.id)
            assert after is not None
            ends.add((after.revision, after.status))
    assert ends <= {(1, Status.APPROVED), (2, Status.PENDING)}
    assert len(ends) == 2


async def test_an_edit_of_what_has_ended_or_is_due_changes_nothing(store: RedisStore) -> None:
    request = await made(store, timeout_seconds=60)
    await cast(store, request, BEN, "deny")
    denied = await store.read(request.id)
    answer = await change(store, request, ANA, OTHER)
    assert (answer.code, answer.request) == ("settled", denied)
    late = await made(store, timeout_seconds=60)
    await advance(store, 60)
    told = await change(store, late, ANA, OTHER)
    assert told.code == "settled"
    assert told.request is not None
    assert (told.request.status, told.request.revision) == (Status.EXPIRED, 1)


async def test_an_edit_under_a_configuration_that_has_moved_changes_nothing(store: RedisStore) -> None:
    request = await made(store)
    await store.put_key(key(key_id="key_9"), "key_created")
    before = await _book(store)
    with pytest.raises(Again):
        await change(store, request, ANA, OTHER)
    assert await _book(store) == before


async def test_the_agent_s_use_of_bytes_follows_each_edit_and_ends_with_the_request(store: RedisStore) -> None:
    request = await made(store)
    small = (await _book(store))["usage:agent"]["bytes"]
    large = await _edited(store, request, {"text": "é" * 1000})
    assert int((await _book(store))["usage:agent"]["bytes"]) > int(small) + 2000
    await _edited(store, large, {"amount": 2})
    book = await _book(store)
    record = book[f"request:{request.id}"]
    kept = {name: len(text.encode()) for name, text in record.items()}
    used = kept["body"] + kept["edit"] + kept["brief:3"] + kept["edits"] + 1
    assert int(book["usage:agent"]["bytes"]) == int(book["counters"]["bytes"]) == int(record["bytes"]) == used
    await store.cancel(large, EPOCHS)
    assert (await _book(store))["usage:agent"] == {"pending": "0", "bytes": "0"}


async def test_the_journal_says_who_edited_and_both_fingerprints(store: RedisStore) -> None:
    request = await made(store)
    after = await _edited(store, request)
    (entry,) = await journal(store, "edited")
    assert entry["request"] == request.id
    assert json.loads(entry["data"]) == {
        "person": ANA.id, "name": "Ana", "surface": "inbox", "evidence": "admitted", "revision": 1,
        "before": request.fingerprint, "after": after.fingerprint,
    }  # fmt: skip


async def test_an_edit_its_journal_entry_its_hint_and_its_publish_come_together(store: RedisStore) -> None:
    request = await made(store)
    work = await store.begin(request, PLACE, 15)
    assert work is not None
    await store.posted(work, "ts1")
    pubsub: Any = store.client.pubsub()
    await pubsub.subscribe(*(store.keys.tag + name for name in ("settled", "changes", "outbox")))
    for _ in range(3):
        await pubsub.get_message(timeout=5)
    await _edited(store, request)
    heard = [await pubsub.get_message(ignore_subscribe_messages=True, timeout=5) for _ in range(2)]
    assert [(message["channel"].partition("}:")[2], message["data"]) for message in heard] == [
        ("outbox", PLACE),
        ("changes", f"edited {request.id}"),
    ]
    await pubsub.aclose()


async def test_a_denial_that_came_first_is_not_undone_by_an_edit_of_the_same_moment(store: RedisStore) -> None:
    request = await made(store, quorum=2)
    await cast(store, request, EVE, "deny")
    assert (await change(store, request, ANA, OTHER)).code == "settled"
    after = await store.read(request.id)
    assert after is not None
    assert (after.status, after.params) == (Status.DENIED, request.params)


async def test_who_saw_an_end_or_another_revision_has_checked_nothing(store: RedisStore) -> None:
    request = await made(store)
    ended = replace(request, status=Status.CANCELLED)
    assert (await change(store, ended, ANA, OTHER)).code == "stale"
    edited_once = await _edited(store, request)
    assert (await change(store, request, ANA, {"amount": 3}, revision=2)).code == "stale"
    assert await store.read(request.id) == edited_once
