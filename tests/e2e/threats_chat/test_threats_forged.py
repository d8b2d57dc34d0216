"""Callbacks that are forged, replayed, delivered again or out of order: none counts, or each counts once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from e2e.chat import Chat
from fakes.slack_views import form_of
from sayso_bot.domain.request import Status

pytestmark = pytest.mark.asyncio(loop_scope="module")


# --------------------------------------------------------------------------- forged callbacks


async def test_what_slack_did_not_sign_is_401_and_nothing_of_it_is_done(
    chat: Chat, capsys: pytest.CaptureFixture[str]
) -> None:
    """The endpoint alone: over a socket only Slack speaks."""
    card = await chat.card("pay.forged")
    body = form_of({**chat.tap_payload(card, "approve", "U0ANA"), "word": "a-word-from-the-body"})
    signed = chat.slack.signed(body)
    late = str(int(signed["X-Slack-Request-Timestamp"]) - 360)
    forged: list[dict[str, str]] = [
        {"Content-Type": signed["Content-Type"]},
        chat.slack.signed(body, secret="0" * 32),
        chat.slack.signed(body, at=float(late)),
        {**signed, "X-Slack-Request-Timestamp": late},
        {**signed, "X-Slack-Signature": "v0=" + "0" * 64},
    ]
    assert [await chat.slack.send(chat.sayso.url, body, headers) for headers in forged] == [401] * len(forged)
    assert await chat.slack.send(chat.sayso.url, body + "&x=1", signed) == 401
    assert (await chat.look(card)).votes == ()
    assert "a-word-from-the-body" not in capsys.readouterr().out


async def test_a_payload_that_no_surface_has_is_not_acknowledged(chat: Chat) -> None:
    odd: list[dict[str, Any]] = [{"type": "workflow_step_edit"}, {"type": "block_actions", "actions": "approve"}]
    for payload in odd:
        assert await chat.is_refused(payload)


# --------------------------------------------------------------------------- replays, retries, and odd order


async def test_a_genuine_tap_that_is_replayed_has_the_effect_of_one(chat: Chat) -> None:
    card = await chat.card("two.replayed")
    payload = chat.tap_payload(card, "approve", "U0ANA")
    await asyncio.gather(*(chat.hand_in(payload) for _ in range(3)))
    await chat.hand_in(payload)
    assert len((await chat.look(card)).votes) == 1
    assert await chat.refusals(card) == 0, "it is known again, and is no second vote"


async def test_a_submission_that_slack_retries_has_the_effect_of_one(chat: Chat) -> None:
    card = await chat.card("why.retried")
    dialog = await chat.dialog(card, "approve", "U0ANA")
    payload = chat.submission(dialog, {"reason": "Checked."})
    answers = [await chat.hand_in(payload) for _ in range(3)]
    assert answers == [{"response_action": "clear"}] * 3
    after = await chat.look(card)
    assert (after.status, len(after.votes)) == (Status.APPROVED, 1)


async def test_a_tap_and_its_retry_by_the_two_ways_count_once(chat: Chat) -> None:
    card = await chat.card("two.bothways")
    payload = chat.tap_payload(card, "approve", "U0ANA")
    other = Chat(chat.sayso, chat.slack, chat.agent, "socket" if chat.transport == "http" else "http")
    await asyncio.gather(chat.hand_in(payload), other.hand_in(payload))
    assert len((await chat.look(card)).votes) == 1


async def test_deliveries_out_of_order_decide_once(chat: Chat) -> None:
    card = await chat.card("pay.order")
    first, second = (chat.tap_payload(card, action, "U0ANA") for action in ("approve", "deny"))
    await chat.hand_in(second)
    said = await chat.told("U0ANA", first)
    assert "Denied by Ana. You have already denied this request" in said
    assert (await chat.look(card)).status is Status.DENIED
