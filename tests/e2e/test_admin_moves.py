"""A request that an admin takes along leaves nothing behind that could be tapped, and its story goes along. A pattern
takes all along that it names, so many at once."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from e2e.admin_office import OPS, POLICY, Admin, administering, refused
from e2e.office import Stalled, asked, final, later, recorded, settled_down
from fakes.slack_workspace import Message
from fakes.stand_in import Answer, Do
from sayso_bot.errors import Unavailable
from service import ANA, until

DIGEST = POLICY.replace("timeout: 30m}", "timeout: 30m, digest: true}")


def card_in(admin: Admin, channel: str) -> Message:
    return next(message for message in admin.slack.messages if message.channel == channel and message.metadata)


async def taken_along(admin: Admin, request: str) -> None:
    answer = await admin.client.post(f"/v1/admin/requests/{request}/move", json={"channel": "ops"})
    assert answer.status_code == 200, answer.text
    await recorded(admin.sayso, request, OPS)


async def test_a_card_whose_answer_was_lost_is_found_and_says_where_it_went() -> None:
    async with administering() as admin:
        admin.slack.drop("chat.postMessage")
        request = await asked(admin.agent)
        await settled_down(admin.sayso, request)
        left = card_in(admin, "C0PAYMENTS")
        await taken_along(admin, request)
        assert left.button("approve"), "nobody knows of it yet"
        await later(admin.sayso, 61)
        await until(lambda: final(left))
        assert "Asked in ops now" in left.words
        await admin.sayso.vote(request, "approve", person=ANA)
        await until(lambda: all(final(message) for message in admin.slack.messages))


async def test_one_whose_answer_was_lost_shows_the_end_where_that_came_first() -> None:
    async with administering() as admin:
        admin.slack.drop("chat.postMessage")
        request = await asked(admin.agent)
        await settled_down(admin.sayso, request)
        await taken_along(admin, request)
        await admin.sayso.vote(request, "approve", person=ANA)
        await later(admin.sayso, 61)
        left = card_in(admin, "C0PAYMENTS")
        await until(lambda: "Approved by Ana" in left.words)
        assert final(left)


async def test_the_story_is_told_beside_the_card_that_can_be_answered_and_no_other() -> None:
    async with administering() as admin:
        request = await asked(admin.agent)
        await recorded(admin.sayso, request)
        left = card_in(admin, "C0PAYMENTS")
        admin.slack.break_("chat.update", status=503)
        await taken_along(admin, request)
        await admin.sayso.vote(request, "approve", person=ANA)
        there = next(card for card in admin.slack.messages if card.channel == "C0OPS" and request in card.words)
        await until(lambda: admin.slack.thread(there))
        await later(admin.sayso, 5)
        await until(lambda: final(left))
        assert admin.slack.thread(left) == []


async def asked_where_nothing_is_shown(admin: Admin, request: str, channel: str) -> None:
    """The place takes the message that tests it, and is archived before the card comes."""

    async def taken(do: Do) -> Answer:
        return do()

    admin.slack.trouble("chat.postMessage", taken)
    admin.slack.fail("chat.postMessage", "is_archived")
    body = {"channel": channel, "confirm": True}
    answer = await admin.client.post(f"/v1/admin/requests/{request}/move", json=body)
    assert answer.status_code == 200, answer.text
    await settled_down(admin.sayso, request, channel)


@pytest.mark.parametrize("policy", [POLICY, DIGEST])
async def test_what_ends_where_nothing_was_shown_is_told_beside_the_card_or_the_list_that_it_left(policy: str) -> None:
    async with administering(policy) as admin:
        request = await asked(admin.agent)
        await recorded(admin.sayso, request)
        left = await admin.slack.posted()
        await asked_where_nothing_is_shown(admin, request, OPS)
        await until(lambda: admin.sayso.service.store.alarms(1))
        await admin.sayso.vote(request, "deny", person=ANA, reason="Not now")
        await until(lambda: admin.slack.thread(left))
        await later(admin.sayso, 5)
        [told] = admin.slack.thread(left)
        assert "Denied by Ana" in told
        assert "Not now" in told
        assert final(left)
        assert "Denied by Ana" in left.words or "digest" in policy
        assert len(admin.said_in("C0OPS")) == 1, "the test of the place, and nothing else"
        assert not await admin.sayso.service.store.alarms(1)


async def test_the_last_card_that_was_shown_tells_the_end_however_often_it_went_elsewhere() -> None:
    async with administering() as admin:
        request = await asked(admin.agent)
        await recorded(admin.sayso, request)
        left = card_in(admin, "C0PAYMENTS")
        await asked_where_nothing_is_shown(admin, request, OPS)
        answer = await admin.client.post(f"/v1/admin/requests/{request}/move", json={"channel": "inbox"})
        assert answer.status_code == 200, answer.text
        await asked_where_nothing_is_shown(admin, request, "slack:C0OPEN")
        assert (await admin.agent.post(f"/v1/requests/{request}/cancel")).status_code == 200
        await until(lambda: admin.slack.thread(left))
        await later(admin.sayso, 5)
        [told] = admin.slack.thread(left)
        assert "Cancelled" in told


async def test_the_card_that_was_shown_says_where_it_is_asked_though_it_went_on_from_there_unseen() -> None:
    policy = POLICY.replace("timeout: 30m}", "timeout: 30m, fallback: inbox}")
    async with administering(policy) as admin:
        request = await asked(admin.agent)
        await recorded(admin.sayso, request)
        left = card_in(admin, "C0PAYMENTS")
        await asked_where_nothing_is_shown(admin, request, OPS)
        await until(lambda: "Asked in inbox now" in left.words)
        assert (await admin.sayso.service.desk.look(request)).place == "inbox"
        assert final(left)


async def test_a_list_that_is_posted_while_its_request_is_asked_elsewhere_tells_an_end_that_nobody_sees_there() -> None:
    async with administering(DIGEST) as admin:
        post = Stalled(admin.slack, "chat.postMessage")
        request = await asked(admin.agent)
        message = await post.carried_out()
        await asked_where_nothing_is_shown(admin, request, OPS)
        post.answer()
        await until(lambda: admin.sayso.journal("posted"))
        assert (await admin.agent.post(f"/v1/requests/{request}/cancel")).status_code == 200
        await tells(admin, message, "Cancelled")


async def test_a_card_in_place_of_a_list_is_looked_up_where_it_was_lost_before_it_tells_the_end() -> None:
    async with administering(DIGEST) as admin:
        admin.slack.fail("chat.postMessage", "invalid_blocks", times=2)
        admin.slack.drop("chat.postMessage")
        request = await asked(admin.agent)
        left = await admin.slack.posted()
        await settled_down(admin.sayso, request)
        await asked_where_nothing_is_shown(admin, request, OPS)
        assert (await admin.agent.post(f"/v1/requests/{request}/cancel")).status_code == 200
        await later(admin.sayso, 61)
        await until(lambda: final(left))
        assert "Cancelled" in left.words


async def tells(admin: Admin, message: Message, sentence: str) -> None:
    """Until the thread has it, while the book's time goes on: a list is changed once a second at most."""

    async def told() -> bool:
        await later(admin.sayso, 0.1)
        return any(sentence in said for said in admin.slack.thread(message))

    await until(told)


async def all_along(admin: Admin, action: str, *, named: str = "") -> httpx.Response:
    headers = {"Idempotency-Key": named} if named else {}
    return await admin.client.post("/v1/admin/moves", json={"action": action, "channel": "ops"}, headers=headers)


async def places(admin: Admin, requests: list[str]) -> list[str]:
    return [(await admin.sayso.service.desk.look(request)).place for request in requests]


@pytest.mark.parametrize("action", ["payments.refund", "payments.*"])
async def test_all_that_a_pattern_names_go_so_many_at_once(action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What newer requests of another kind, and those that are there already, do not hide."""
    monkeypatch.setattr("sayso_bot.office.moves.MOST_MOVED", 2)
    monkeypatch.setattr("sayso_bot.office.rooms.PAGE", 2)
    async with administering() as admin:
        waiting = [await asked(admin.agent) for _ in range(5)]
        for _ in range(3):
            await asked(admin.agent, "read.mail")
        dialog = await admin.typed(f"move {action} to ops")
        assert "2 pending requests will be asked in ops now; more may follow." in dialog.words
        assert "There may be more: 2 are moved at once, so move them again." in await admin.submitted(dialog)
        answers = [(await all_along(admin, action)).json() for _ in range(2)]
        assert [(len(answer["moved"]), answer["left"]) for answer in answers] == [(2, 1), (1, 0)]
        assert await places(admin, waiting) == [OPS] * 5
        refused(await all_along(admin, action), 409, "no_effect", f"No pending request of {action} is asked anywhere")


async def test_nobody_says_that_none_is_left_who_has_not_looked_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso_bot.office.moves.LOOK_TO_MOVE", 50)
    monkeypatch.setattr("sayso_bot.office.rooms.LOOK_TO_COUNT", 50)
    async with administering() as admin:
        old = await asked(admin.agent)
        for _ in range(51):
            await asked(admin.agent, "read.mail")
        answer = await all_along(admin, "payments.*")
        refused(answer, 409, "no_effect", "Of the newest 50 pending requests none of payments.*", "a request's id")
        dialog = await admin.typed("route payments.* to ops")
        assert "Any pending requests stay where they are; move takes them along." in dialog.words
        dialog.open = False
        assert "Any pending requests will wait" in (await admin.typed("pause payments.*")).words
        assert (await all_along(admin, "payments.refund")).json()["moved"] == [old]


async def test_a_move_and_its_repetitions_take_no_more_along_than_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso_bot.office.moves.MOST_MOVED", 2)
    async with administering() as admin:
        waiting = [await asked(admin.agent) for _ in range(4)]
        for _ in range(3):
            answer = await all_along(admin, "payments.*", named="once")
            assert (answer.status_code, answer.json()["left"]) == (200, 1)
        assert (await places(admin, waiting)).count(OPS) == 2


async def test_a_move_that_was_broken_off_is_taken_up_by_its_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    async with administering() as admin:
        waiting = [await asked(admin.agent) for _ in range(3)]
        books = admin.sayso.service.store.office
        take_along, taken = books.take_along, list[str]()

        async def breaking_off(request: Any, *given: Any, **named: Any) -> Any:
            if len(taken) == 1:
                raise Unavailable("The connection to Redis was lost.", retry_after=1)
            taken.append(request.id)
            return await take_along(request, *given, **named)

        monkeypatch.setattr(books, "take_along", breaking_off)
        assert (await all_along(admin, "payments.*", named="once")).status_code == 503
        monkeypatch.setattr(books, "take_along", take_along)
        answer = await all_along(admin, "payments.*", named="once")
        assert (answer.status_code, len(answer.json()["moved"])) == (200, 2)
        assert await places(admin, waiting) == [OPS] * 3


async def test_a_move_whose_caller_hangs_up_is_carried_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    async with administering() as admin:
        waiting = [await asked(admin.agent) for _ in range(3)]
        books = admin.sayso.service.store.office
        take_along = books.take_along

        async def hung_up(*given: Any, **named: Any) -> Any:
            monkeypatch.undo()
            before = connections(admin)
            call.cancel()
            await until(lambda: connections(admin) < before)
            return await take_along(*given, **named)

        monkeypatch.setattr(books, "take_along", hung_up)
        call = asyncio.create_task(all_along(admin, "payments.*"))
        await asyncio.wait([call])
        assert call.cancelled()

        async def are_there() -> bool:
            return await places(admin, waiting) == [OPS] * 3

        await until(are_there)


def connections(admin: Admin) -> float:
    return admin.sayso.service.metrics.registry.get_sample_value("sayso_connections") or 0
