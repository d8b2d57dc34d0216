"""What a list says of requests that ended: only of those that it has shown."""

from __future__ import annotations

import pytest

from e2e.office import PAYMENTS, asked, later, office, recorded, workspace
from e2e.test_listing import DIGEST, has_failed, listed, nothing_is_due, says, without, words
from service import ANA, Sayso, until


async def test_what_ended_before_any_list_named_it_was_never_posted() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        slack.limit_rate("chat.postMessage", after=2)
        waits, ended = [await asked(agent) for _ in range(2)]
        await agent.post(f"/v1/requests/{ended}/cancel")
        await later(sayso, 3)
        message = await slack.posted()
        await recorded(sayso, waits)
        await until(lambda: nothing_is_due(sayso))
        assert "1 request waits" in words(message)
        assert await _posted(sayso) == [waits]


async def test_what_a_lost_message_named_was_posted_though_it_was_answered_before_that_was_known() -> None:
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        slack.drop("chat.postMessage")
        request = await asked(agent)
        await slack.posted()
        await until(lambda: has_failed(sayso))
        await sayso.vote(request, "approve", person=ANA)
        await until(lambda: _is_put_off(sayso))
        await later(sayso, 61)
        await recorded(sayso, request)
        assert await _posted(sayso) == [request]


async def test_a_row_that_says_paused_says_so_no_longer_than_that_whatever_had_it_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The list is changed for another row during the pause, before the cards of its scope were looked at."""
    async with workspace() as slack, office(slack, policy=DIGEST) as (sayso, agent):
        requests, message = await listed(sayso, slack, agent, 2)
        for request in requests:
            await recorded(sayso, request)
        admin = await sayso.agent("terraform", kinds=frozenset({"admin"}))
        with monkeypatch.context() as patched:
            patched.setattr(sayso.service.store.office, "to_repaint", _nothing)
            pause = await admin.post("/v1/admin/pauses", json={"action": "payments.*"})
            await sayso.vote(requests[0], "deny", person=ANA, reason="No")
            await says(sayso, message, "Paused by")
            await until(lambda: nothing_is_due(sayso))
        await admin.delete(f"/v1/admin/pauses/{pause.json()['id']}")
        await without(sayso, message, "Paused by")


async def _nothing() -> dict[str, str]:
    return {}


async def _is_put_off(sayso: Sayso) -> bool:
    return not await sayso.service.store.due_work(PAYMENTS, 10)


async def _posted(sayso: Sayso) -> list[str]:
    return [entry["request"] for entry in await sayso.journal("posted")]
