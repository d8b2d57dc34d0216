"""What the Web API's failures mean, and that nothing is ever sent twice."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from fakes.slack import FakeSlack
from sayso_adapters.slack import wire as wire_module
from sayso_adapters.slack.adapter import create
from sayso_adapters.slack.settings import read
from sayso_adapters.slack.wire import OneToken, Wire, client
from sayso_bot.ports import Deleted, Gone, LookupFailed, Rejected, Retry
from sayso_bot.testing.context import Surroundings
from sayso_bot.testing.desk import MemoryDesk
from sayso_bot.testing.samples import a_request
from unit.slack.slack_office import PLACE, Office, wait_until

POST = "chat.postMessage"


async def post(office: Office) -> str:
    request = a_request(PLACE)
    button = office.desk.ask(request)
    return await office.adapter.post(office.desk.card(request), PLACE, button)


class TestAPostThatFails:
    async def test_429_is_a_retry_after_the_time_that_slack_names(self, office: Office) -> None:
        office.slack.limit_rate(POST, after=7)
        with pytest.raises(Retry) as caught:
            await post(office)
        assert (caught.value.what, caught.value.after, caught.value.lost) == ("rate_limited", 7.0, False)
        assert len(office.slack.called(POST)) == 1

    @pytest.mark.parametrize("code", ["internal_error", "fatal_error"])
    async def test_an_error_midway_may_have_posted(self, office: Office, code: str) -> None:
        office.slack.fail(POST, code)
        with pytest.raises(Retry) as caught:
            await post(office)
        assert (caught.value.what, caught.value.lost) == (code, True)

    @pytest.mark.parametrize(("status", "lost"), [(500, True), (502, True), (503, False)])
    async def test_a_5xx_is_a_retry(self, office: Office, status: int, lost: bool) -> None:
        office.slack.break_(POST, status=status)
        with pytest.raises(Retry) as caught:
            await post(office)
        assert caught.value.lost is lost
        assert len(office.slack.called(POST)) == 1

    async def test_a_200_that_is_not_slacks_is_a_retry(self, office: Office) -> None:
        office.slack.break_(POST, status=200, body="<html>maintenance</html>")
        with pytest.raises(Retry) as caught:
            await post(office)
        assert (caught.value.what, caught.value.lost) == ("bad_answer", True)

    async def test_a_connection_dropped_after_sending_is_lost_and_not_sent_again(self, office: Office) -> None:
        office.slack.drop(POST)
        with pytest.raises(Retry) as caught:
            await post(office)
        assert caught.value.lost
        assert len(office.slack.messages) == 1

    async def test_a_hanging_slack_is_given_up_in_time_and_may_have_posted(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(wire_module, "TIMEOUT_SECONDS", 0.2)
        office.slack.hang(POST, seconds=30)
        with pytest.raises(Retry) as caught:
            await post(office)
        assert caught.value.lost

    async def test_a_refused_connection_was_not_sent(self, office: Office) -> None:
        await office.slack.refuse_connections()
        with pytest.raises(Retry) as caught:
            await post(office)
        assert (caught.value.what, caught.value.lost) == ("unreachable", False)

    @pytest.mark.parametrize(
        "code",
        ["channel_not_found", "not_in_channel", "is_archived", "account_inactive", "token_revoked", "invalid_auth"],
    )
    async def test_a_place_that_cannot_be_reached_is_gone(self, office: Office, code: str) -> None:
        office.slack.fail(POST, code)
        with pytest.raises(Gone, match=code):
            await post(office)

    async def test_an_unknown_answer_is_rejected_by_its_code(self, office: Office) -> None:
        office.slack.fail(POST, "something_new", times=2)
        with pytest.raises(Rejected, match="something_new"):
            await post(office)

    async def test_an_error_that_is_no_code_is_not_passed_on(self, office: Office) -> None:
        office.slack.fail(POST, "See <https://evil.example> now", times=2)
        with pytest.raises(Retry, match="bad_answer"):
            await post(office)


class TestBlocksThatSlackRefuses:
    async def test_they_are_sent_once_more_in_the_plain_set(self, office: Office) -> None:
        office.slack.unsupported = frozenset({"rich_text", "header"})
        assert await post(office)
        (message,) = office.slack.messages
        assert {block["type"] for block in message.blocks} <= {"section", "actions", "context", "divider"}
        assert message.buttons == ["approve", "deny", "open_inbox"]
        assert len(office.slack.called(POST)) == 2

    @pytest.mark.parametrize("code", ["invalid_blocks", "msg_too_long", "msg_blocks_too_long"])
    async def test_refused_twice_is_rejected(self, office: Office, code: str) -> None:
        office.slack.fail(POST, code, times=2)
        with pytest.raises(Rejected, match=code):
            await post(office)
        assert len(office.slack.called(POST)) == 2

    async def test_an_update_falls_back_too(self, office: Office) -> None:
        request, message = await office.posted()
        office.slack.unsupported = frozenset({"rich_text"})
        await office.adapter.update(office.desk.card(request), PLACE, message.ts, "t")
        assert message.version == 1


class TestPlaces:
    async def test_a_place_may_name_the_workspace(self, office: Office) -> None:
        card = office.desk.card(a_request(PLACE))
        assert await office.adapter.post(card, "slack:T0TEAM/C0PAYMENTS", "t")

    @pytest.mark.parametrize(
        ("place", "kind"), [("slack:T9/C1", Gone), ("slack:#general", Rejected), ("inbox", Rejected)]
    )
    async def test_another_workspace_or_no_channel_is_not_posted_to(
        self, office: Office, place: str, kind: type[Exception]
    ) -> None:
        with pytest.raises(kind):
            await office.adapter.post(office.desk.card(a_request(PLACE)), place, "t")
        assert office.slack.called(POST) == []

    async def test_a_channel_that_slack_answers_under_another_id_is_kept_for_updates_and_taps(
        self, office: Office
    ) -> None:
        office.slack.add_channel("C0NEW", ["U0ANA"])
        office.slack.answers_channel["C0PAYMENTS"] = "C0NEW"
        request = a_request(PLACE)
        button = office.desk.ask(request)
        posted = await office.adapter.post(office.desk.card(request), PLACE, button)
        message = await office.slack.posted()
        assert posted == f"C0NEW/{message.ts}"
        await office.adapter.update(office.desk.card(request), PLACE, posted, button)
        assert message.version == 1
        assert "It is approved" in await office.tap(message, "approve", user="U0ANA")
        assert [post for _, post in office.desk.posts] == [posted]
        assert office.around.log.of("slack.channel_moved")

    async def test_a_post_that_was_deleted_in_slack_is_gone(self, office: Office) -> None:
        request, _ = await office.posted()
        with pytest.raises(Deleted, match="message_not_found"):
            await office.adapter.update(office.desk.card(request), PLACE, "1.1", "t")

    async def test_a_post_id_of_another_adapter_is_rejected(self, office: Office) -> None:
        with pytest.raises(Rejected):
            await office.adapter.update(office.desk.card(a_request(PLACE)), PLACE, "19:abc@thread", "t")


class TestFind:
    async def test_a_post_whose_answer_was_lost_is_found_by_its_metadata(self, office: Office) -> None:
        office.slack.drop(POST)
        request = a_request(PLACE)
        with pytest.raises(Retry):
            await office.adapter.post(office.desk.card(request), PLACE, office.desk.ask(request))
        assert await office.adapter.find(request.id, PLACE) == office.slack.messages[0].ts

    async def test_it_is_found_behind_other_messages(self, office: Office) -> None:
        request, message = await office.posted()
        for _ in range(450):
            office.slack._post({"channel": "C0PAYMENTS", "text": "chatter"})
        assert await office.adapter.find(request.id, PLACE) == message.ts

    async def test_the_same_metadata_from_somebody_else_is_not_ours(self, office: Office) -> None:
        request, message = await office.posted()
        message.user, message.bot_id = "U0ANA", "B0OTHER"
        assert await office.adapter.find(request.id, PLACE) is None

    async def test_it_stops_looking(self, office: Office) -> None:
        request, _ = await office.posted()
        for _ in range(2100):
            office.slack._post({"channel": "C0PAYMENTS", "text": "chatter"})
        assert await office.adapter.find(request.id, PLACE) is None
        assert len(office.slack.called("conversations.history")) == 10
        assert office.around.log.of("slack.history_too_long")


class TestStart:
    async def test_an_unreachable_slack_does_not_keep_the_service_from_starting(self) -> None:
        desk = MemoryDesk(admits=lambda _: True)
        async with FakeSlack() as slack:
            slack.add_channel("C0PAYMENTS")
            await slack.refuse_connections()
            around = Surroundings(desk, slack.settings())
            adapter = create(around.context)
            async with around.serving():
                await adapter.start()
                with pytest.raises(Retry):
                    await adapter.post(desk.card(a_request(PLACE)), PLACE, "t")
                with pytest.raises(LookupFailed):
                    await adapter.resolve("slack:U0ANA")
                await slack.accept_connections()

                async def can_post() -> bool:
                    try:
                        return bool(await adapter.post(desk.card(a_request(PLACE)), PLACE, "t"))
                    except Retry:
                        return False

                await wait_until(can_post)
                await adapter.stop()

    async def test_a_refused_token_is_a_clear_error_and_every_post_is_gone(self) -> None:
        desk = MemoryDesk(admits=lambda _: True)
        async with FakeSlack() as slack:
            around = Surroundings(desk, {**slack.settings(), "SLACK_BOT_TOKEN": "xoxb-old"})
            adapter = create(around.context)
            async with around.serving():
                await adapter.start()
                with pytest.raises(Gone, match="invalid_auth"):
                    await adapter.post(desk.card(a_request(PLACE)), PLACE, "t")
                await adapter.stop()
        (line,) = around.log.of("slack.token_refused")
        assert line["what"] == "invalid_auth"
        assert "xoxb-old" not in str(around.log.lines)

    async def test_before_the_start_nothing_is_sent(self, slack: FakeSlack) -> None:
        with pytest.raises(Retry, match="not_connected"):
            await Wire(read(slack.settings()), OneToken(slack.token)).call("auth.test")


class TestCheck:
    async def test_the_doctor_names_missing_scopes(self, office: Office) -> None:
        office.slack.scopes = "chat:write,users:read"
        found = {check.name: check for check in await office.adapter.check()}
        assert found["slack token"].ok
        assert not found["slack scopes"].ok
        assert "usergroups:read" in found["slack scopes"].detail
        assert found["slack address"].ok

    async def test_the_doctor_says_when_slack_cannot_be_asked(self, office: Office) -> None:
        await office.slack.refuse_connections()
        found = {check.name: check for check in await office.adapter.check()}
        assert not found["slack token"].ok

    async def test_the_doctor_says_that_the_clock_is_off(self, office: Office) -> None:
        office.around.clock_is_right = False
        found = {check.name: check for check in await office.adapter.check()}
        assert not found["slack clock"].ok


def test_a_stand_in_on_loopback_is_not_reached_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    settings = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s"}
    assert client(read(settings), token=None, session=None).proxy == "http://proxy.example:3128"
    local = {**settings, "SLACK_API_URL": "http://127.0.0.1:9/api"}
    assert client(read(local), token=None, session=None).proxy is None


async def test_tokens_and_cards_are_not_logged_by_slacks_library(office: Office, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    await post(office)
    assert "xoxb" not in caplog.text
    assert "A-1017" not in caplog.text
