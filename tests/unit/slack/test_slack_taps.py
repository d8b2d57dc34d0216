"""Who may tap, what becomes of a tap, and what the tapper alone is told."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.parse import urlencode

import pytest

from sayso_adapters import answering
from sayso_adapters.slack import adapter as adapter_module
from sayso_adapters.slack import once as once_module
from sayso_bot.domain.request import Cause, Status
from sayso_bot.errors import CannotCheck, Unavailable
from sayso_bot.testing.samples import a_request
from unit.slack.slack_office import PLACE, Office, opened_office, wait_until


class TestWhoMayNot:
    """Each is refused with a sentence, to them alone; nothing reaches the vote, the card stays."""

    async def refused(self, office: Office, user: str, **other: Any) -> str:
        _, message = await office.posted()
        said = await office.tap(message, "approve", user=user, **other)
        assert office.desk.ballots == []
        assert office.desk.posts == []
        assert message.version == 0
        assert len(office.slack.messages) == 1
        return said

    async def test_somebody_of_another_workspace(self, office: Office) -> None:
        assert "another workspace" in await self.refused(office, "U0ANA", team="T9OTHER")

    async def test_a_payload_without_a_team(self, office: Office) -> None:
        assert "another workspace" in await self.refused(office, "U0ANA", team="")

    async def test_an_account_that_belongs_elsewhere_whatever_the_payload_says(self, office: Office) -> None:
        office.slack.add_user("U0GUEST", name="Eve", team_id="T9OTHER")
        assert "another workspace" in await self.refused(office, "U0GUEST")

    async def test_a_deactivated_account(self, office: Office) -> None:
        office.slack.add_user("U0GONE", name="Gone", deleted=True)
        assert "deactivated" in await self.refused(office, "U0GONE")

    async def test_a_bot(self, office: Office) -> None:
        office.slack.add_user("U0BOT2", name="Robot", bot=True)
        assert "Bots do not decide" in await self.refused(office, "U0BOT2")

    @pytest.mark.parametrize("flag", ["is_restricted", "is_ultra_restricted", "is_stranger"])
    async def test_a_guest_whom_the_policy_does_not_name(self, office: Office, flag: str) -> None:
        flags: dict[str, Any] = {flag: True}
        office.slack.add_user("U0GUEST", name="Gus", **flags)
        assert "Guests decide only where the policy names them, as slack:U0GUEST" in await self.refused(
            office, "U0GUEST"
        )

    async def test_an_account_that_slack_does_not_know(self, office: Office) -> None:
        office.slack.add_channel("C0PAYMENTS", ["U0NOBODY"])
        assert "does not know your account" in await self.refused(office, "U0NOBODY")

    async def test_anybody_while_slack_cannot_say_who_they_are(self, office: Office) -> None:
        office.slack.fail("users.info", "internal_error")
        said = await self.refused(office, "U0ANA")
        assert "could not be asked who you are, so your tap may not have counted." in said
        assert "Nothing was changed" not in said, "another delivery of it may have counted"

    async def test_and_may_once_slack_can(self, office: Office) -> None:
        office.slack.fail("users.info", "internal_error")
        _, message = await office.posted()
        await office.tap(message, "approve", user="U0ANA")
        assert "It is approved" in await office.tap(message, "approve", user="U0ANA")


class TestAGuestWhomThePolicyNames:
    @pytest.mark.parametrize("name", ["slack:U0GUEST", "slack:T0TEAM/U0GUEST"])
    async def test_may_tap(self, office: Office, name: str) -> None:
        office.slack.add_user("U0GUEST", name="Gus", guest=True)
        _, message = await office.posted(a_request(PLACE, requirement={"approvers": ("slack:S0X", name)}))
        assert "It is approved" in await office.tap(message, "approve", user="U0GUEST")

    @pytest.mark.parametrize(
        "name", ["slack:T9OTHER/U0GUEST", "slack:S0GROUP", "email:gus@example.com", "slack:U0GUEST2"]
    )
    async def test_by_nothing_else_than_that_very_account(self, office: Office, name: str) -> None:
        office.slack.add_user("U0GUEST", name="Gus", email="gus@example.com", guest=True)
        _, message = await office.posted(a_request(PLACE, requirement={"approvers": (name,)}))
        assert "Guests decide only" in await office.tap(message, "approve", user="U0GUEST")
        assert office.desk.ballots == []


class TestWhoATapProves:
    async def test_the_email_counts_only_when_slack_says_that_it_was_confirmed(self, office: Office) -> None:
        office.slack.add_user("U0BOB", name="Bob", email="bob@example.com", confirmed=False)
        _, message = await office.posted()
        await office.tap(message, "approve", user="U0BOB")
        assert office.desk.ballots[0].person.aliases == {"slack:T0TEAM/U0BOB"}

    async def test_a_name_is_made_visible_and_bounded(self, office: Office) -> None:
        office.slack.add_user("U0BOB", name="Bob\u202e\n" + "x" * 200)
        _, message = await office.posted()
        await office.tap(message, "approve", user="U0BOB")
        name = office.desk.ballots[0].person.name
        assert name.startswith("Bob⟨U+202E⟩⟨U+000A⟩x")
        assert len(name) <= 80

    async def test_the_ballot_says_what_was_tapped_and_the_post_is_recorded(self, office: Office) -> None:
        _, message = await office.posted()
        await office.tap(message, "deny", user="U0ANA")
        (ballot,) = office.desk.ballots
        assert (ballot.surface, ballot.outcome) == ("slack", "deny")
        assert [(button.place, post) for button, post in office.desk.posts] == [(PLACE, message.ts)]

    async def test_a_person_is_looked_up_once_for_a_burst_of_taps(self, office: Office) -> None:
        for _ in range(3):
            _, message = await office.posted()
            await office.tap(message, "approve", user="U0ANA")
        assert len(office.slack.called("users.info")) == 1


class TestWhatTheTapperIsTold:
    async def test_an_approval_that_decides(self, office: Office) -> None:
        _, message = await office.posted()
        assert await office.tap(message, "approve", user="U0ANA") == (
            "You approved payments.refund. It is approved, and the agent is told."
        )

    async def test_an_approval_that_does_not_yet_decide(self, office: Office) -> None:
        _, message = await office.posted(a_request(PLACE, requirement={"quorum": 2}))
        assert "It now has 1 of 2 approvals" in await office.tap(message, "approve", user="U0ANA")

    async def test_a_denial(self, office: Office) -> None:
        _, message = await office.posted()
        assert "You denied payments.refund" in await office.tap(message, "deny", user="U0ANA")

    async def test_a_tap_after_the_deadline_is_told_that_it_expired(self, office: Office) -> None:
        request, message = await office.posted()
        office.desk.end(request.id, Status.EXPIRED, Cause.TIMEOUT)
        assert "Expired: nobody decided in time" in await office.tap(message, "approve", user="U0ANA")

    async def test_a_tap_on_an_earlier_revision_is_told_so(self, office: Office) -> None:
        request, message = await office.posted()
        office.desk.revise(request.id)
        assert "has changed" in await office.tap(message, "approve", user="U0ANA")

    @pytest.mark.parametrize("value", ["forged", "btn_", "btn_\ud800", "btn_x\n", "btn_" + "x" * 65])
    async def test_a_button_that_was_never_made_here(self, office: Office, value: str) -> None:
        _, message = await office.posted()
        assert "not known here" in await office.tap(message, "approve", user="U0ANA", value=value)
        assert office.desk.ballots == []

    @pytest.mark.parametrize("post", ["garbage", "1.1/../x", "C1/1.1", "1.1 2.2"])
    async def test_a_message_that_slack_could_not_have_made_takes_no_vote(self, office: Office, post: str) -> None:
        _, message = await office.posted()
        payload = office.slack.payload(message, "approve", user="U0ANA")
        payload["container"]["message_ts"] = payload["message"]["ts"] = post
        body = urlencode({"payload": json.dumps(payload)})
        assert await office.slack.send(office.url, body, office.slack.signed(body)) == 200
        assert (office.desk.ballots, office.desk.posts) == ([], [])

    async def test_an_action_of_another_version(self, office: Office) -> None:
        _, message = await office.posted()
        assert "not known here" in await office.tap(message, "snooze", user="U0ANA")

    async def test_a_button_in_another_channel(self, office: Office) -> None:
        office.slack.add_channel("C0OTHER", ["U0ANA"])
        _, message = await office.posted()
        assert "another channel" in await office.tap(message, "approve", user="U0ANA", channel="C0OTHER")
        assert office.desk.ballots == []
        assert office.desk.posts == []

    async def test_opening_the_link_says_nothing(self, office: Office) -> None:
        _, message = await office.posted()
        assert await office.slack.tap(office.url, message, "open_inbox", user="U0ANA") == 200
        assert office.slack.ephemerals == []

    async def test_the_desks_sentence_when_it_cannot_check(self, office: Office) -> None:
        _, message = await office.posted()
        office.desk.trouble.append(CannotCheck("Slack could not say who is in the group. Nothing was changed."))
        assert "who is in the group" in await office.tap(message, "approve", user="U0ANA")

    async def test_by_direct_message_where_slack_does_not_allow_it_in_the_channel(self, office: Office) -> None:
        office.slack.fail("chat.postEphemeral", "user_not_in_channel")
        _, message = await office.posted()
        assert "It is approved" in await office.tap(message, "approve", user="U0ANA")

    async def test_again_when_slack_asks_for_a_pause(self, office: Office) -> None:
        office.slack.limit_rate("chat.postEphemeral", after=0)
        _, message = await office.posted()
        assert "It is approved" in await office.tap(message, "approve", user="U0ANA")

    async def test_when_it_cannot_be_told_it_is_logged_and_the_vote_stands(self, office: Office) -> None:
        office.slack.fail("chat.postEphemeral", "not_in_channel")
        request, message = await office.posted()
        office.slack.fail("chat.postMessage", "cannot_dm_bot")
        assert await office.slack.tap(office.url, message, "approve", user="U0ANA") == 200
        await office.slack.until_called("chat.postMessage", count=2)
        assert (await office.desk.look(request.id)).status is Status.APPROVED


class TestDeliveries:
    async def test_a_retry_of_slack_has_the_effect_of_one_tap(self, office: Office) -> None:
        _, message = await office.posted(a_request(PLACE, requirement={"quorum": 2}))
        await office.tap(message, "approve", user="U0ANA", deliveries=3)
        assert len(office.desk.ballots) == 1
        assert len(office.slack.told("U0ANA")) == 1

    async def test_many_deliveries_at_once_vote_once(self, office: Office) -> None:
        _, message = await office.posted(a_request(PLACE, requirement={"quorum": 2}))
        stamp: dict[str, Any] = {"action_ts": "1763920012.000001"}
        await asyncio.gather(
            *(office.slack.tap(office.url, message, "approve", user="U0ANA", **stamp) for _ in range(10))
        )
        assert len(office.desk.ballots) == 1

    async def test_a_tap_that_is_not_recorded_in_time_is_not_acknowledged_and_told_when_it_is(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(once_module, "ACKNOWLEDGE_SECONDS", 0.1)
        office.desk.recording.clear()
        request, message = await office.posted()
        assert await office.slack.tap(office.url, message, "approve", user="U0ANA") == 503
        assert (await office.desk.look(request.id)).votes == ()
        assert office.slack.told("U0ANA") == []
        office.desk.recording.set()
        assert "It is approved" in (await office.slack.until_told("U0ANA"))[-1]
        assert (await office.desk.look(request.id)).status is Status.APPROVED

    async def test_another_delivery_of_a_slow_tap_waits_for_the_first_and_votes_once(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(once_module, "ACKNOWLEDGE_SECONDS", 0.1)
        office.desk.recording.clear()
        _, message = await office.posted()
        stamp: dict[str, Any] = {"action_ts": "1763920012.000002"}
        assert await office.slack.tap(office.url, message, "approve", user="U0ANA", **stamp) == 503
        office.desk.recording.set()
        assert await office.slack.tap(office.url, message, "approve", user="U0ANA", **stamp) == 200
        assert len(office.desk.ballots) == len(office.desk.counted) == 1
        assert len(await office.slack.until_told("U0ANA")) == 1

    async def test_slack_is_answered_in_time_however_slow_the_look_up_is(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(once_module, "ACKNOWLEDGE_SECONDS", 0.1)
        office.slack.hang("users.info", seconds=1.5)
        _, message = await office.posted()
        began = time.monotonic()
        assert await office.slack.tap(office.url, message, "approve", user="U0ANA") == 503
        assert time.monotonic() - began < 1.2
        assert "It is approved" in (await office.slack.until_told("U0ANA"))[-1]

    async def test_the_vote_is_recorded_before_slack_is_answered(self, office: Office) -> None:
        request, message = await office.posted()
        assert await office.slack.tap(office.url, message, "approve", user="U0ANA") == 200
        assert (await office.desk.look(request.id)).status is Status.APPROVED

    async def test_a_store_that_is_away_for_a_moment_costs_no_tap(self, office: Office) -> None:
        _, message = await office.posted()
        office.desk.trouble.append(Unavailable("Sayso cannot answer right now."))
        assert "It is approved" in await office.tap(message, "approve", user="U0ANA")
        assert len({ballot.operation for ballot in office.desk.ballots}) == 1

    async def test_a_vote_whose_answer_the_store_lost_is_told_like_any_other(self, office: Office) -> None:
        _, message = await office.posted()
        office.lose_answers("vote")
        assert "It is approved" in await office.tap(message, "approve", user="U0ANA")
        assert len(office.desk.counted) == 1
        assert len(office.slack.told("U0ANA")) == 1

    async def test_a_click_that_is_delivered_to_another_replica_is_told_there_as_things_stand(
        self, office: Office
    ) -> None:
        request, message = await office.posted(a_request(PLACE, requirement={"quorum": 2}))
        stamp = "1763920012.000010"
        await office.tap(message, "approve", user="U0ANA", action_ts=stamp)
        async with opened_office(office.slack, office.desk) as other:
            assert "It now has 1 of 2 approvals" in await other.tap(message, "approve", user="U0ANA", action_ts=stamp)
        assert len(office.desk.counted) == 1
        office.desk.end(request.id, Status.EXPIRED, Cause.TIMEOUT)
        async with opened_office(office.slack, office.desk) as other:
            assert await other.tap(message, "approve", user="U0ANA", action_ts=stamp) == (
                "Your approval of payments.refund counted. Expired: nobody decided in time."
            )

    async def test_a_vote_for_params_that_have_changed_since_is_not_told_as_one_for_those(self, office: Office) -> None:
        request, message = await office.posted(a_request(PLACE, requirement={"quorum": 2}))
        stamp = "1763920012.000011"
        await office.tap(message, "approve", user="U0ANA", action_ts=stamp)
        office.desk.revise(request.id)
        office.desk.end(request.id, Status.APPROVED, Cause.VOTES)
        async with opened_office(office.slack, office.desk) as other:
            assert await other.tap(message, "approve", user="U0ANA", action_ts=stamp) == (
                "Your approval of payments.refund counted until the request changed. Look at the card as it is now."
            )

    async def test_a_store_that_stays_away_is_told_without_claiming_what_is_not_known(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(answering, "VOTE_PAUSES", (0.0, 0.0))
        _, message = await office.posted()
        office.desk.trouble.extend([Unavailable("redis says no")] * 3)
        said = await office.tap(message, "approve", user="U0ANA", answered=503)
        assert "may not have counted" in said
        assert "redis" not in said

    async def test_a_bug_is_told_without_its_text_and_logged_by_who_runs_the_task(self, office: Office) -> None:
        _, message = await office.posted()
        office.desk.trouble.append(RuntimeError("a bug with a secret"))
        said = await office.tap(message, "approve", user="U0ANA", answered=503)
        assert "may not have counted" in said
        assert "secret" not in said
        assert await office.failed() == ["a bug with a secret"]

    async def test_after_a_failure_another_delivery_of_the_click_tries_again(self, office: Office) -> None:
        _, message = await office.posted()
        office.slack.fail("users.info", "internal_error")
        stamp = "1763920012.000009"
        assert "could not be asked" in await office.tap(message, "approve", user="U0ANA", action_ts=stamp)
        assert "It is approved" in await office.tap(message, "approve", user="U0ANA", action_ts=stamp)


class TestStopping:
    async def test_a_tap_under_way_is_told_before_slack_is_left(self, office: Office) -> None:
        office.desk.recording.clear()
        _, message = await office.posted()
        async with asyncio.TaskGroup() as group:
            tapped = group.create_task(office.slack.tap(office.url, message, "approve", user="U0ANA"))
            await wait_until(lambda: _is_voting(office))
            stopped = group.create_task(office.adapter.stop())
            await asyncio.sleep(0)
            office.desk.recording.set()
        assert stopped.done()
        assert tapped.result() == 200
        assert "It is approved" in office.slack.told("U0ANA")[-1]

    async def test_it_waits_for_taps_a_moment_and_no_longer(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(adapter_module, "FINISH_SECONDS", 0.1)
        monkeypatch.setattr(once_module, "ACKNOWLEDGE_SECONDS", 0.1)
        office.desk.recording.clear()
        _, message = await office.posted()
        assert await office.slack.tap(office.url, message, "approve", user="U0ANA") == 503
        async with asyncio.timeout(5):
            await office.adapter.stop()

    async def test_a_tap_after_that_is_not_taken(self, office: Office) -> None:
        _, message = await office.posted()
        await office.adapter.stop()
        assert await office.slack.tap(office.url, message, "approve", user="U0ANA") == 503
        assert office.desk.ballots == []


async def _is_voting(office: Office) -> bool:
    return bool(office.desk.ballots)
