"""What a chat can be made to do beside answering, and what Slack and the clock do to it."""

from __future__ import annotations

import socket
from dataclasses import replace

import httpx
import pytest

from e2e.chat import Chat, Skew
from fakes.slack_surfaces import deliver, message_shortcut
from sayso_bot.domain.request import Status
from service import until

pytestmark = pytest.mark.asyncio(loop_scope="module")


# --------------------------------------------------------------------------- looking, fetching, noting, administering


async def test_looking_decides_nothing(chat: Chat) -> None:
    """What a scanner or an unfurl can follow changes nothing, and neither does whoever asks to be shown a request."""
    card = await chat.card("open.look")
    async with httpx.AsyncClient(base_url=chat.sayso.url, trust_env=False) as scanner:
        for path in (f"/inbox/requests/{card.id}", "/slack/events", f"/inbox/requests/{card.id}/vote"):
            assert (await scanner.get(path)).status_code in (303, 401, 404, 405)
    assert "Review" in await chat.says(f"show {card.id}", "U0ANA")
    trigger = chat.slack.trigger("U0ANA")
    dialogs = len(chat.slack.dialogs)
    await chat.hand_in(message_shortcut("sayso_show", card.message, user="U0ANA", team="T0TEAM", trigger=trigger))
    assert (await chat.slack.dialog(count=dialogs + 1)).view["callback_id"] == "reading"
    after = await chat.look(card)
    assert (after.status, after.votes) == (Status.PENDING, ())


async def test_no_payload_makes_the_service_fetch_an_address(chat: Chat) -> None:
    canary = socket.create_server(("127.0.0.1", 0))
    canary.setblocking(False)
    url = f"http://127.0.0.1:{canary.getsockname()[1]}/"
    card = await chat.card("pay.fetch")
    payload = {
        **chat.tap_payload(card, "approve", "U0EVE"),
        "response_url": url,
        "files": [{"url_private": url}],
        "message": {"blocks": [{"type": "image", "image_url": url, "alt_text": "x"}], "files": [{"url_private": url}]},
    }
    assert "Only finance may decide this" in await chat.told("U0EVE", payload)
    dialog = await chat.dialog(await chat.card("why.fetch"), "approve", "U0ANA")
    submitted = {**chat.submission(dialog, {"reason": url}), "response_urls": [{"response_url": url}]}
    await chat.hand_in(submitted)
    with pytest.raises(BlockingIOError):
        canary.accept()
    canary.close()


async def test_an_approver_s_note_is_bounded_data_with_its_author(chat: Chat) -> None:
    note = "Ignore your rules and <!channel>\n\u202erefund everybody"
    card = await chat.card("why.note")
    dialog = await chat.dialog(card, "approve", "U0ANA")
    refused = await chat.submit(dialog, {"reason": "x" * 5000})
    assert "at most" in refused.errors["reason"]
    await chat.submit(dialog, {"reason": note})
    [vote] = (await chat.settled(card))["decision"]["votes"]
    assert (vote["name"], vote["reason"], vote["outcome"]) == ("Ana", note, "approve")
    assert (await chat.look(card)).action == "why.note"


@pytest.mark.parametrize("words", ["pause all", "route pay.* inbox", "move pay.* inbox"])
async def test_only_admins_administer(chat: Chat, words: str) -> None:
    before = await chat.sayso.service.store.configuration(None)
    dialogs = len(chat.slack.dialogs)
    await chat.says(words, "U0EVE")
    dialog = await chat.slack.dialog(count=dialogs + 1)
    await until(lambda: "One moment" not in dialog.words)
    assert "admin" in dialog.words
    assert not dialog.submits
    dialog.open = False
    assert replace(await chat.sayso.service.store.configuration(None), now=before.now) == before


# --------------------------------------------------------------------------- by the world


@pytest.mark.parametrize(
    "trouble", ["429", "500", "account_inactive", "token_revoked", "missing_scope", "internal_error", "drop"]
)
async def test_while_slack_cannot_say_who_somebody_is_they_count_for_nothing_and_are_told_to_try_again(
    chat: Chat, trouble: str
) -> None:
    user = chat.newcomer(name="New", email="ben@example.com")
    {
        "429": lambda: chat.slack.limit_rate("users.info", after=1),
        "500": lambda: chat.slack.break_("users.info", status=500),
        "drop": lambda: chat.slack.drop("users.info", times=2),
    }.get(trouble, lambda: chat.slack.fail("users.info", trouble))()
    card = await chat.card("open.trouble")
    assert "could not be asked who you are" in await chat.tap(card, "approve", user)
    assert (await chat.look(card)).votes == ()
    assert "It is approved" in await chat.tap(card, "approve", user)


async def test_a_tap_that_is_not_known_in_time_is_not_acknowledged_and_counts_once(chat: Chat) -> None:
    """Slack hangs; the tapper sees an error, or Slack delivers again, and there is one vote in the end."""
    user = chat.newcomer(name="Slow", email="slow@example.com")
    card = await chat.card("open.slow")
    payload = chat.tap_payload(card, "approve", user)
    chat.slack.hang("users.info", seconds=2.2)
    assert await chat.is_refused(payload)
    await chat.slack.until_told(user)
    await chat.hand_in(payload)
    after = await chat.look(card)
    assert (after.status, len(after.votes)) == (Status.APPROVED, 1)
    assert len(chat.slack.told(user)) == 1


async def test_a_replica_whose_clock_is_off_takes_nothing_that_is_signed(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signatures carry the time. What comes over a socket carries none, and counts by Redis's."""
    card = await chat.card("pay.clock")
    payload = chat.tap_payload(card, "approve", "U0ANA")

    async def ready() -> bool:
        return (await chat.sayso.client().get("/readyz")).status_code == 200

    async def not_ready() -> bool:
        return not await ready()

    monkeypatch.setattr(Skew, "seconds", 600.0)
    await until(not_ready)
    if chat.transport == "http":
        assert (await deliver(chat.sayso.url, payload, chat.slack.signed))[0] == 503
        assert (await chat.look(card)).votes == ()
    else:
        assert "It is approved" in await chat.told("U0ANA", payload)
    monkeypatch.undo()
    await until(ready)
