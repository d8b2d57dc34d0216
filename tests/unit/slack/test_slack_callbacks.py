"""What reaches /slack/events and is not Slack's, or not readable, and what the environment must not turn on."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from fakes.slack import FakeSlack
from sayso_adapters.slack import once
from sayso_adapters.slack.callbacks import MAX_BODY
from sayso_adapters.slack.taps import Taps
from sayso_bot.testing.desk import MemoryDesk
from unit.slack.slack_office import Office, opened_office

SECRETIVE = "a-word-from-the-body"


async def send(office: Office, body: str | bytes, headers: dict[str, str] | None = None) -> int:
    signed = office.slack.signed(body if isinstance(body, str) else "")
    return await office.slack.send(office.url, body, headers if headers is not None else signed)


class TestForgeries:
    async def test_no_signature_is_401(self, office: Office) -> None:
        assert await send(office, "payload={}", {}) == 401

    async def test_another_secret_is_401(self, office: Office) -> None:
        body = "payload={}"
        assert await send(office, body, office.slack.signed(body, secret="0" * 32)) == 401

    @pytest.mark.parametrize("seconds", [-360, 360])
    async def test_six_minutes_away_is_401(self, office: Office, seconds: int) -> None:
        body = "payload={}"
        assert await send(office, body, office.slack.signed(body, at=time.time() + seconds)) == 401

    async def test_a_changed_body_is_401(self, office: Office) -> None:
        headers = office.slack.signed("payload={}")
        assert await send(office, 'payload={"type":"block_actions"}', headers) == 401

    @pytest.mark.parametrize("timestamp", ["", "soon", "1e9", "-1", "٣٣", "9" * 400])
    async def test_a_timestamp_that_is_no_number_is_401(self, office: Office, timestamp: str) -> None:
        headers = {**office.slack.signed("x"), "X-Slack-Request-Timestamp": timestamp}
        assert await send(office, "x", headers) == 401

    async def test_a_signature_of_odd_characters_is_401(self, office: Office) -> None:
        headers = {**office.slack.signed("x"), "X-Slack-Signature": "v0=ü"}
        assert await send(office, "x", headers) == 401

    async def test_nothing_of_a_forged_body_is_logged(self, office: Office, caplog: Any) -> None:
        caplog.set_level(logging.DEBUG)
        body = urlencode({"payload": json.dumps({"type": "block_actions", "note": SECRETIVE})})
        assert await send(office, body, {}) == 401
        assert await send(office, body, office.slack.signed(body, secret="other")) == 401
        assert SECRETIVE not in caplog.text
        assert SECRETIVE not in str(office.around.log.lines)

    async def test_a_flood_makes_few_lines(self, office: Office) -> None:
        for _ in range(20):
            await send(office, "x", {})
        assert [line["so_far"] for line in office.around.log.of("slack.callback_refused")] == [1, 2, 4, 8, 16]

    async def test_a_forged_tap_reaches_nobody(self, office: Office) -> None:
        _, message = await office.posted()
        body = urlencode({"payload": json.dumps(office.slack.payload(message, "approve", user="U0ANA"))})
        assert await send(office, body, office.slack.signed(body, secret="other")) == 401
        assert office.desk.ballots == []


class TestUnreadable:
    async def test_bytes_that_are_not_utf8_are_400(self, office: Office) -> None:
        assert await send(office, b"\xff\xfe") == 400

    @pytest.mark.parametrize(
        "body", ["payload={", "payload=[1]", "payload=3", '{"a":', "[" * 100_000, "payload=" + "[" * 100_000]
    )
    async def test_a_signed_body_that_cannot_be_read_is_not_an_error_of_ours(self, office: Office, body: str) -> None:
        assert await send(office, body) in (400, 404)

    async def test_a_body_that_stands_still_is_400(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sayso_adapters.slack.callbacks.READ_SECONDS", 0.05)
        still = asyncio.Event()

        async def begun() -> AsyncIterator[bytes]:
            yield b"payload="
            await still.wait()

        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{office.url}/slack/events", data=begun()) as answer,
        ):
            assert answer.status == 400

    async def test_a_body_beyond_the_bound_is_413(self, office: Office) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{office.url}/slack/events", data=io.BytesIO(b"x" * (MAX_BODY + 1))) as answer,
        ):
            assert answer.status == 413

    async def test_a_body_of_unknown_length_is_bounded_too(self, office: Office) -> None:
        async def chunks() -> Any:
            for _ in range(20):
                yield b"x" * (MAX_BODY // 10)

        async with aiohttp.ClientSession() as session:
            try:
                async with session.post(f"{office.url}/slack/events", data=chunks()) as answer:
                    assert answer.status == 413
            except aiohttp.ClientOSError:
                pass  # the service answered and closed while we were still sending

    @pytest.mark.parametrize(
        "payload",
        [
            {},
            {"type": "block_actions"},
            {"type": "block_actions", "actions": []},
            {"type": "block_actions", "actions": ["x"]},
            {"type": "block_actions", "actions": [{"action_id": 3, "value": {}}], "user": "U1", "channel": []},
            {"type": "block_actions", "channel": 5, "user": {"id": "U1"}},
            {"type": "block_actions", "user": True, "team": 1.5},
            {"type": "view_submission", "view": {"callback_id": "x"}},
        ],
    )
    async def test_a_signed_payload_of_an_odd_shape_changes_nothing_and_says_nothing(
        self, office: Office, payload: dict[str, Any]
    ) -> None:
        body = urlencode({"payload": json.dumps(payload)})
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{office.url}/slack/events", data=body, headers=office.slack.signed(body)) as answer,
        ):
            text = await answer.text()
        assert "Error" not in text
        assert "Traceback" not in text
        assert answer.status < 500
        assert office.desk.ballots == []


async def test_a_wrong_clock_answers_503_and_trusts_nothing(office: Office) -> None:
    _, message = await office.posted()
    office.around.clock_is_right = False
    assert await office.slack.tap(office.url, message, "approve", user="U0ANA") == 503
    assert office.desk.ballots == []


async def test_a_tap_that_is_not_recorded_in_time_is_answered_503_with_when_to_try_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(once, "ACKNOWLEDGE_SECONDS", 0.1)
    office.desk.recording.clear()
    _, message = await office.posted()
    body = urlencode({"payload": json.dumps(office.slack.payload(message, "approve", user="U0ANA"))})
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{office.url}/slack/events", data=body, headers=office.slack.signed(body)) as answer,
    ):
        assert (answer.status, answer.headers.get("Retry-After")) == (503, "1")
    office.desk.recording.set()


async def test_slacks_address_check_is_answered_when_it_is_signed(office: Office) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "abc", "token": "x"})
    headers = {**office.slack.signed(body), "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{office.url}/slack/events", data=body, headers=headers) as answer,
    ):
        assert answer.status == 200
        assert "abc" in await answer.text()
    assert await office.slack.send(office.url, body, {"Content-Type": "application/json"}) == 401


async def test_an_unsigned_ssl_check_is_not_answered_before_the_signature(office: Office) -> None:
    assert await send(office, "ssl_check=1&token=x", {}) == 401


async def test_the_environment_cannot_turn_on_oauth(
    monkeypatch: pytest.MonkeyPatch, slack: FakeSlack, tmp_path: Any
) -> None:
    """Slack's own framework, given a client id and secret, would look installations up in files."""
    for name in ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"):
        monkeypatch.setenv(name, "from-the-environment")
    monkeypatch.setenv("HOME", str(tmp_path))
    desk = MemoryDesk(admits=lambda _: True)
    async with opened_office(slack, desk) as office:
        _, message = await office.posted()
        assert "approved" in await office.tap(message, "approve", user="U0ANA")
    assert len(slack.called("auth.test")) == 1
    assert list(tmp_path.iterdir()) == []


async def test_three_taps_cost_no_look_up_of_the_token(office: Office) -> None:
    for user in ("U0ANA", "U0BOB", "U0ANA"):
        _, message = await office.posted()
        await office.tap(message, "approve", user=user)
    assert len(office.slack.called("auth.test")) == 1


async def test_an_error_inside_is_an_empty_500(monkeypatch: pytest.MonkeyPatch, slack: FakeSlack) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError(SECRETIVE)

    monkeypatch.setattr(Taps, "take", broken)
    desk = MemoryDesk(admits=lambda _: True)
    async with opened_office(slack, desk) as office:
        _, message = await office.posted()
        body = urlencode({"payload": json.dumps(slack.payload(message, "approve", user="U0ANA"))})
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{office.url}/slack/events", data=body, headers=slack.signed(body)) as answer,
        ):
            assert (answer.status, await answer.text()) == (500, "")
    assert office.around.log.of("slack.callback_failed") == [{"error": "RuntimeError"}]
