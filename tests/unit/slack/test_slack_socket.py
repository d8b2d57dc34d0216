"""What Slack sends over sockets counts once, whatever becomes of the connections."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from fakes.slack_socket import SocketSlack
from sayso_adapters.slack import socket
from sayso_adapters.slack.adapter import create
from sayso_adapters.slack.socket import CONNECTIONS, checked_address
from sayso_adapters.slack.taps import Taps
from sayso_bot.errors import Unavailable
from sayso_bot.ports import Rejected
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk
from sayso_bot.testing.samples import a_request
from unit.slack.slack_office import PLACE, Office, opened_office

SECRETIVE = "a-word-from-the-payload"


@pytest.fixture
async def slack() -> AsyncIterator[SocketSlack]:
    async with SocketSlack() as slack:
        slack.add_user("U0ANA", name="Ana", email="ana@example.com")
        slack.add_channel("C0PAYMENTS", ["U0ANA"])
        yield slack


@pytest.fixture
async def office(slack: SocketSlack, desk: MemoryDesk) -> AsyncIterator[Office]:
    async with opened_office(slack, desk) as office:
        await slack.connected(CONNECTIONS)
        yield office


async def lines_of(office: Office, event: str, *, count: int = 1) -> list[dict[str, Any]]:
    await until(lambda: len(office.around.log.of(event)) >= count)
    return office.around.log.of(event)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


class TestPayloads:
    async def test_a_tap_over_a_socket_counts(self, office: Office, slack: SocketSlack) -> None:
        _, message = await office.posted()
        assert await slack.tap_over_socket(message, "approve", user="U0ANA") is None
        assert "approved" in (await slack.until_told("U0ANA"))[-1]
        assert [ballot.outcome for ballot in office.desk.ballots] == ["approve"]

    async def test_there_is_no_route_without_a_signing_secret(self, office: Office, slack: SocketSlack) -> None:
        _, message = await office.posted()
        assert await slack.tap(office.url, message, "approve", user="U0ANA") == 404

    async def test_both_ways_may_be_on(self, slack: SocketSlack, desk: MemoryDesk) -> None:
        async with opened_office(slack, desk, SLACK_SIGNING_SECRET=slack.signing_secret) as office:
            _, message = await office.posted()
            assert await slack.tap(office.url, message, "approve", user="U0ANA") == 200
            _, message = await office.posted()
            await slack.tap_over_socket(message, "approve", user="U0ANA")
            assert len(office.desk.ballots) == 2

    async def test_what_a_dialog_is_answered_travels_with_the_acknowledgement(
        self, office: Office, slack: SocketSlack
    ) -> None:
        _, message = await office.posted(a_request(PLACE, requirement={"reason": "always"}))
        await slack.tap_over_socket(message, "approve", user="U0ANA")
        dialog = await slack.dialog()
        told = await slack.submit_over_socket(dialog)
        assert told is not None
        assert told["response_action"] == "errors"
        [block] = told["errors"]
        assert await slack.submit_over_socket(dialog, {block: "It was lost."}) == {"response_action": "clear"}
        assert not dialog.open
        assert [ballot.reason for ballot in office.desk.ballots][-1:] == ["It was lost."]

    async def test_what_a_command_is_answered_travels_with_the_acknowledgement(
        self, office: Office, slack: SocketSlack
    ) -> None:
        told = await slack.command_over_socket("help", user="U0ANA")
        assert told is not None
        assert told["response_type"] == "ephemeral"
        assert "/sayso pending" in str(told)

    async def test_what_is_not_recorded_is_not_acknowledged_and_comes_again(
        self, office: Office, slack: SocketSlack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slack.ack_seconds = 0.2
        take, calls = Taps.take, itertools.count()

        async def unavailable_once(self: Taps, body: Mapping[str, Any]) -> None:
            if next(calls) == 0:
                raise Unavailable("It is not known yet.", retry_after=1)
            await take(self, body)

        monkeypatch.setattr(Taps, "take", unavailable_once)
        _, message = await office.posted()
        await slack.tap_over_socket(message, "approve", user="U0ANA")
        assert [envelope.get("retry_attempt") for _, envelope in slack.deliveries] == [None, 1]
        assert len(office.desk.ballots) == 1

    async def test_what_nobody_handles_is_not_acknowledged(self, office: Office, slack: SocketSlack) -> None:
        slack.ack_seconds = 0.1
        for payload in ({"type": "something_new"}, {"type": "block_actions", "actions": "x"}, {}):
            with pytest.raises(TimeoutError):
                await slack.deliver("interactive", payload, timeout=0.15)
        assert office.around.failures == []
        _, message = await office.posted()
        await slack.tap_over_socket(message, "approve", user="U0ANA")
        assert len(office.desk.ballots) == 1

    async def test_nothing_of_a_payload_is_logged(self, office: Office, slack: SocketSlack, caplog: Any) -> None:
        caplog.set_level(logging.DEBUG)
        slack.ack_seconds = 0.1
        with pytest.raises(TimeoutError):
            await slack.deliver("interactive", {"type": "block_actions", "note": SECRETIVE}, timeout=0.15)
        for link in slack.links:
            await link.socket.send_str(f'{{"{SECRETIVE}')
        _, message = await office.posted()
        slack.ack_seconds = 3.0
        await slack.tap_over_socket(message, "approve", user="U0ANA")
        ours = [record.getMessage() for record in caplog.records if record.name.startswith("sayso")]
        assert SECRETIVE not in str(ours)
        assert SECRETIVE not in str(office.around.log.lines)


class TestConnections:
    async def test_a_connection_that_ends_before_the_acknowledgement_loses_nothing(
        self, office: Office, slack: SocketSlack
    ) -> None:
        _, message = await office.posted()
        slack.cut_at_next_ack = True
        await slack.tap_over_socket(message, "approve", user="U0ANA")
        (first, _), (second, _) = slack.deliveries
        assert first is not second
        assert len({ballot.operation for ballot in office.desk.ballots}) == 1
        assert "approved" in (await slack.until_told("U0ANA"))[0]
        await slack.connected(CONNECTIONS)

    async def test_while_both_are_renewed_at_once_one_is_always_open_and_no_tap_is_lost(
        self, office: Office, slack: SocketSlack
    ) -> None:
        fewest = [CONNECTIONS]
        done = asyncio.Event()

        async def watch() -> None:
            while not done.is_set():
                fewest.append(len(slack.links))
                await asyncio.sleep(0)

        async def tap() -> None:
            for _ in range(30):
                _, message = await office.posted()
                await slack.tap_over_socket(message, "approve", user="U0ANA")

        watching = asyncio.create_task(watch())
        tapping = asyncio.create_task(tap())
        for link in list(slack.links):
            await slack.renew(link)
        await slack.renewed(2 * CONNECTIONS, CONNECTIONS)
        await tapping
        done.set()
        await watching
        assert min(fewest) == CONNECTIONS - 1
        assert len(slack.deliveries) == len(office.desk.ballots) == 30

    async def test_a_tap_under_way_is_acknowledged_before_its_connection_is_closed(
        self, office: Office, slack: SocketSlack
    ) -> None:
        _, message = await office.posted()
        slack.hang("users.info", seconds=0.3)
        tapping = asyncio.create_task(slack.tap_over_socket(message, "approve", user="U0ANA"))
        await until(lambda: bool(slack.called("users.info")))
        [(link, _)] = slack.deliveries
        await slack.renew(link, "warning")
        await tapping
        assert len(slack.deliveries) == 1
        await slack.renewed(CONNECTIONS + 1, CONNECTIONS)

    async def test_after_an_outage_both_come_back(self, office: Office, slack: SocketSlack) -> None:
        await slack.refuse_sockets()
        lost = await lines_of(office, "slack.socket_lost")
        assert lost[0]["what"] == "dropped"
        _, message = await office.posted()
        await slack.accept_sockets()
        await slack.tap_over_socket(message, "approve", user="U0ANA")
        assert len(office.desk.ballots) == 1
        await slack.connected(CONNECTIONS)
        assert len(await lines_of(office, "slack.socket_open", count=2)) == 2

    async def test_a_spent_address_is_not_tried_again(self, office: Office, slack: SocketSlack) -> None:
        await slack.refuse_sockets()
        await until(lambda: len(slack.called("apps.connections.open")) >= CONNECTIONS + 3)
        await slack.accept_sockets()
        await slack.connected(CONNECTIONS)

    async def test_the_rate_that_slack_sets_is_kept(self, slack: SocketSlack, desk: MemoryDesk) -> None:
        slack.limit_rate("apps.connections.open", after=1, times=CONNECTIONS)
        began = time.monotonic()
        async with opened_office(slack, desk):
            await slack.connected(CONNECTIONS)
        assert time.monotonic() - began >= 1
        assert len(slack.called("apps.connections.open")) == 2 * CONNECTIONS

    async def test_two_processes_each_have_their_connections(
        self, office: Office, slack: SocketSlack, desk: MemoryDesk
    ) -> None:
        async with opened_office(slack, desk):
            await slack.connected(2 * CONNECTIONS)
            for _ in range(4):
                _, message = await office.posted()
                await slack.tap_over_socket(message, "approve", user="U0ANA")
            assert len({id(link) for link, _ in slack.deliveries}) == 4
            assert len(desk.ballots) == 4
        await slack.connected(CONNECTIONS)

    async def test_the_start_does_not_wait_for_slack_and_the_end_is_quick(
        self, slack: SocketSlack, desk: MemoryDesk
    ) -> None:
        slack.hang("apps.connections.open", seconds=30, times=CONNECTIONS)
        async with opened_office(slack, desk):
            await until(lambda: len(slack.called("apps.connections.open")) == CONNECTIONS)
            began = time.monotonic()
        assert time.monotonic() - began < 1

    async def test_the_end_closes_what_is_open_within_a_second(self, slack: SocketSlack, desk: MemoryDesk) -> None:
        async with opened_office(slack, desk):
            await slack.connected(CONNECTIONS)
            began = time.monotonic()
        assert time.monotonic() - began < 1
        await slack.connected(0)

    async def test_a_command_of_the_operator_opens_none(self, slack: SocketSlack, desk: MemoryDesk) -> None:
        around = Surroundings(desk, slack.settings())
        adapter = create(replace(around.context, hears=False))
        async with around.serving():
            await adapter.start()
            checks = {check.name: check for check in await adapter.check()}
            await adapter.stop()
        assert slack.opened == 0
        assert checks["slack socket"].ok


class TestRefusals:
    async def test_a_refused_token_is_one_error_that_says_what_to_do(
        self, slack: SocketSlack, desk: MemoryDesk
    ) -> None:
        async with opened_office(slack, desk, SLACK_APP_TOKEN="xapp-another") as office:
            await slack.until_called("apps.connections.open", count=CONNECTIONS)
            [line] = await lines_of(office, "slack.socket_refused")
            assert line["what"] == "invalid_auth"
            assert "SLACK_APP_TOKEN" in line["todo"]
            await asyncio.sleep(1.2)
            assert len(slack.called("apps.connections.open")) == CONNECTIONS
            [check] = [check for check in await office.adapter.check() if check.name == "slack socket"]
            assert not check.ok
            assert "SLACK_APP_TOKEN" in check.detail

    async def test_socket_mode_switched_off_is_an_error_that_says_so(self, office: Office, slack: SocketSlack) -> None:
        for link in list(slack.links):
            await slack.renew(link, "link_disabled")
        assert (await lines_of(office, "slack.socket_refused"))[0]["what"] == "link_disabled"
        await slack.connected(0)

    async def test_an_address_of_plain_ws_elsewhere_is_not_connected_to(
        self, slack: SocketSlack, desk: MemoryDesk
    ) -> None:
        slack.hands_out = "ws://203.0.113.5/link"
        async with opened_office(slack, desk) as office:
            assert (await lines_of(office, "slack.socket_refused"))[0]["what"] == "bad_socket_address"

    @pytest.mark.parametrize(
        "url", ["ws://example.com/x", "https://example.com", "wss://", "", "ws://127.0.0.1.evil/", "ws://[x/"]
    )
    def test_addresses_that_are_refused(self, url: str) -> None:
        with pytest.raises(Rejected):
            checked_address(url)

    @pytest.mark.parametrize(
        "url", ["wss://wss-primary.slack.com/link/?ticket=1", "ws://127.0.0.1:9/", "ws://[::1]:9/"]
    )
    def test_addresses_that_are_taken(self, url: str) -> None:
        assert checked_address(url) == url

    async def test_a_bug_ends_no_connection_for_good(
        self, slack: SocketSlack, desk: MemoryDesk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connect, calls = socket.Connection.connect, itertools.count()

        async def broken_once(self: socket.Connection) -> None:
            if next(calls) == 0:
                raise RuntimeError(SECRETIVE)
            await connect(self)

        monkeypatch.setattr(socket.Connection, "connect", broken_once)
        async with opened_office(slack, desk) as office:
            await slack.connected(CONNECTIONS)
        assert office.around.log.of("slack.socket_failed") == [{"error": "RuntimeError"}]
        assert SECRETIVE not in str(office.around.log.lines)
