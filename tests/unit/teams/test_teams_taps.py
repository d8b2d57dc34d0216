"""Taps in Teams, on the wire: who counts, what the tapper is shown, and that nothing else is changed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sayso_adapters import answering
from sayso_adapters.buttons import opened
from sayso_adapters.teams import once as once_module
from sayso_bot.domain.form import Field, Form
from sayso_bot.domain.request import Cause, Status
from sayso_bot.errors import CannotCheck, Unavailable
from sayso_bot.testing.samples import a_request
from unit.teams.teams_office import CHANNEL, CHAT, PLACE, Office


class TestWhoMay:
    async def test_a_member_of_the_channel_is_a_person_with_their_entra_id_and_address(self, office: Office) -> None:
        _, message = await office.posted()
        assert "You approved" in await office.tap(message, "approve")
        (ballot,) = office.desk.ballots
        assert ballot.person.aliases == {office.teams.alias("29:ana"), "email:ana@example.com"}
        assert ballot.surface == "teams"

    @pytest.mark.parametrize("user", ["29:gus", "29:pia"])
    async def test_guests_and_people_of_other_tenants_decide_nothing(self, office: Office, user: str) -> None:
        request, message = await office.posted()
        said = await office.tap(message, "approve", user=user)
        whole = said.replace("\u200b", "")  # a long word may be broken where it does not fit
        assert f"Guests decide only where the policy names them, as {office.teams.alias(user)}" in whole
        assert office.desk.ballots == []
        assert office.desk.requests[request.id].votes == ()

    @pytest.mark.parametrize("user", ["29:gus", "29:pia"])
    async def test_a_guest_counts_where_the_policy_names_that_account(self, office: Office, user: str) -> None:
        named = office.teams.alias(user)
        _, message = await office.posted(a_request(PLACE, requirement={"approvers": (named,)}))
        assert "You approved" in await office.tap(message, "approve", user=user)
        (ballot,) = office.desk.ballots
        assert ballot.person.aliases == {named}

    async def test_a_guests_address_is_not_believed(self, office: Office) -> None:
        office.teams.add_user("29:fay", name="Fay", email="ana@example.com", guest=True)
        office.teams.conversations[CHANNEL].members.append("29:fay")
        _, message = await office.posted(a_request(PLACE, requirement={"approvers": ("email:ana@example.com",)}))
        assert "Guests decide only" in await office.tap(message, "approve", user="29:fay")

    async def test_who_is_not_in_the_conversation_decides_nothing(self, office: Office) -> None:
        _, message = await office.posted()
        assert "does not know your account" in await office.tap(message, "approve", user="29:eve")
        assert office.desk.ballots == []

    async def test_an_id_of_entra_that_is_not_the_accounts_decides_nothing(self, office: Office) -> None:
        _, message = await office.posted()
        payload = office.teams.payload(message, "approve", user="29:bob")
        payload["from"]["aadObjectId"] = office.teams.aad("29:ana")
        assert await office.teams.invoke(office.url, message, payload) == 200
        assert "does not know your account" in office.teams.told("29:bob")[-1]
        assert office.desk.ballots == []

    async def test_a_tap_without_an_id_of_entra_decides_nothing(self, office: Office) -> None:
        _, message = await office.posted()
        payload = office.teams.payload(message, "approve", user="29:ana")
        del payload["from"]["aadObjectId"]
        assert await office.teams.invoke(office.url, message, payload) == 200
        assert "did not say who you are" in office.teams.told("29:ana")[-1]

    @pytest.mark.parametrize(
        "member",
        [
            {"userRole": None},
            {"tenantId": None},
            {"userRole": "anonymous"},
            {"userPrincipalName": "ana_example.com#EXT#@contoso.onmicrosoft.com"},
        ],
        ids=str,
    )
    async def test_what_a_roster_does_not_say_is_taken_for_a_guest(
        self, office: Office, member: dict[str, Any]
    ) -> None:
        known = office.teams.users["29:ana"]
        for name, value in member.items():
            known.pop(name) if value is None else known.update({name: value})
        _, message = await office.posted()
        assert "Guests decide only" in await office.tap(message, "approve")

    @pytest.mark.parametrize("trouble", [(403, "Forbidden"), (500, "ServiceError"), (429, "TooManyRequests")])
    async def test_a_look_up_that_fails_admits_nobody_and_may_be_tried_again(
        self, office: Office, trouble: tuple[int, str]
    ) -> None:
        _, message = await office.posted()
        office.teams.fail("member", *trouble)
        assert "could not be asked who you are" in await office.tap(message, "approve")
        assert office.desk.ballots == []
        assert office.teams.seen(message, "29:ana") == message.buttons
        assert "You approved" in await office.tap(message, "approve")

    async def test_who_cannot_be_looked_up_in_their_own_chat_is_shown_nothing_but_how_to_try_again(
        self, office: Office
    ) -> None:
        request, _ = await office.posted()
        await office.ask(f"show {request.id}")
        shown = await office.teams.posted()
        office.adapter._people._accounts._entries.clear()
        office.teams.fail("member", 500)
        said = await office.tap(shown, "review")
        assert "could not be checked what you may see" in said
        assert "A-1017" not in said
        assert "A-1017" in await office.tap(shown, "close")

    async def test_a_burst_of_taps_is_one_look_up(self, office: Office) -> None:
        for _ in range(3):
            _, message = await office.posted()
            await office.tap(message, "deny")
        assert len(office.teams.called("member")) == 1


class TestDeliveries:
    async def test_the_same_tap_twice_is_one_vote_and_the_same_answer(self, office: Office) -> None:
        _, message = await office.posted(a_request(PLACE, requirement={"quorum": 2}))
        await office.tap(message, "approve", deliveries=3)
        assert len(office.desk.ballots) == 1
        assert len(set(office.teams.told("29:ana"))) == 1

    async def test_the_tap_records_the_post(self, office: Office) -> None:
        _, message = await office.posted()
        await office.tap(message, "approve")
        assert [post for _, post in office.desk.posts] == [message.id]

    async def test_a_tap_that_takes_long_is_answered_in_time_and_counts_all_the_same(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(once_module, "ANSWER_SECONDS", 0.1)
        office.desk.recording.clear()
        request, message = await office.posted()
        assert "not known yet" in await office.tap(message, "approve")
        office.desk.recording.set()
        await office.adapter._taps.finish(5)
        assert office.desk.requests[request.id].status is Status.APPROVED
        assert office.teams.late == 0

    async def test_a_slow_roster_does_not_hold_the_answer_back(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(once_module, "ANSWER_SECONDS", 0.1)
        _, message = await office.posted()
        office.teams.hang("member", seconds=0.5)
        async with asyncio.timeout(4):
            assert "not known yet" in await office.tap(message, "approve")

    async def test_a_store_that_is_away_for_a_moment_costs_nobody_a_tap(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(answering, "VOTE_PAUSES", (0.0, 0.0))
        office.desk.trouble = [Unavailable("away"), Unavailable("away")]
        _, message = await office.posted()
        assert "You approved" in await office.tap(message, "approve")

    async def test_a_tap_of_which_nobody_knows_says_so_and_may_be_tried_again(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(answering, "VOTE_PAUSES", ())
        office.desk.trouble = [Unavailable("away")]
        _, message = await office.posted()
        assert "may not have counted" in await office.tap(message, "approve")
        message.views.clear()
        assert "You approved" in await office.tap(message, "approve")

    async def test_two_people_who_tap_opposite_buttons_at_once_make_one_decision(self, office: Office) -> None:
        request, message = await office.posted()
        await asyncio.gather(office.tap(message, "approve", user="29:ana"), office.tap(message, "deny", user="29:bob"))
        assert len(office.desk.requests[request.id].votes) == 1


class TestRefusals:
    async def test_a_button_of_another_conversation_decides_nothing(self, office: Office) -> None:
        _, message = await office.posted()
        payload = office.teams.payload(message, "approve", user="29:ana")
        elsewhere = office.teams.envelope(CHAT, "29:ana")
        payload["conversation"] = elsewhere["conversation"]
        payload["channelData"] = elsewhere["channelData"]
        assert await office.teams.invoke(office.url, message, payload) == 200
        assert "made for another conversation" in office.teams.told("29:ana")[-1]
        assert office.desk.ballots == []

    async def test_a_button_that_nobody_made_decides_nothing(self, office: Office) -> None:
        _, message = await office.posted()
        said = await office.tap(message, "approve", data={"token": "btn_made-up"})
        assert "not known here" in said

    @pytest.mark.parametrize(
        "value",
        [None, {}, {"action": None}, {"action": {"type": "Action.Execute"}}, {"action": {"verb": 7, "data": []}}, []],
        ids=str,
    )
    async def test_what_is_no_tap_of_ours_is_answered_with_a_card_all_the_same(
        self, office: Office, value: object
    ) -> None:
        _, message = await office.posted()
        payload = {**office.teams.payload(message, "approve", user="29:ana"), "value": value}
        assert await office.teams.invoke(office.url, message, payload) == 200
        assert "not known here" in office.teams.told("29:ana")[-1]

    async def test_an_answer_after_the_end_is_told_how_it_ended_with_the_card_as_it_is(self, office: Office) -> None:
        request, message = await office.posted()
        office.desk.end(request.id, Status.EXPIRED, Cause.TIMEOUT)
        said = await office.tap(message, "deny")
        assert "Expired: nobody decided in time" in said
        assert "A-1017" in said
        assert "approve" not in str(message.views["29:ana"].get("actions", ""))

    async def test_a_card_of_an_earlier_revision_says_so_and_has_no_buttons(self, office: Office) -> None:
        request, message = await office.posted()
        office.desk.revise(request.id)
        said = await office.tap(message, "approve")
        assert "The request has changed since this card was made" in said
        assert "Action.Execute" not in str(message.views["29:ana"])

    async def test_a_refusal_is_shown_to_the_tapper_alone_and_nothing_is_posted(self, office: Office) -> None:
        _, message = await office.posted()
        before = message.card
        await office.tap(message, "approve", user="29:gus")
        assert (message.card, message.version, office.teams.thread(message)) == (before, 0, [])
        assert [who for who, _ in office.teams.private] == ["29:gus"]
        assert len(office.teams.messages) == 1

    async def test_a_request_that_was_opened_elsewhere_is_shown_to_who_may_see_it_alone(self, office: Office) -> None:
        _, message = await office.posted()
        request = a_request("inbox", requirement={"approvers": ("email:ana@example.com",)})
        office.desk.ask(request)
        office.desk._admits = lambda person: person.is_any("email:ana@example.com")
        chat = office.chat("29:bob")
        payload = office.teams.payload(message, "review", user="29:bob", data={"token": opened(request)})
        payload |= {name: office.teams.envelope(chat, "29:bob")[name] for name in ("conversation", "channelData")}
        assert await office.teams.invoke(office.url, message, payload) == 200
        assert "no request with this id that you may see" in office.teams.told("29:bob")[-1]


class TestDialogs:
    async def test_a_denial_that_wants_a_reason_is_given_in_the_cards_place(self, office: Office) -> None:
        request, message = await office.posted(a_request(PLACE, requirement={"reason": "deny"}))
        assert "Why do you deny it?" in await office.tap(message, "deny")
        said = await office.tap(message, "give", inputs={"reason": ""})
        assert office.desk.requests[request.id].votes == ()
        assert "reason" in said.lower()
        assert "You denied" in await office.tap(message, "give", inputs={"reason": "Too much."})
        (vote,) = office.desk.requests[request.id].votes
        assert (vote.outcome, vote.reason) == ("deny", "Too much.")

    async def test_a_typed_confirmation_that_is_wrong_is_marked_and_asked_again(self, office: Office) -> None:
        request, message = await office.posted(a_request(PLACE, requirement={"confirm": True}))
        await office.tap(message, "approve")
        await office.tap(message, "give", inputs={"typed": "payments.refunds"})
        assert office.desk.requests[request.id].votes == ()
        assert "You approved" in await office.tap(message, "give", inputs={"typed": "payments.refund"})

    async def test_a_form_is_filled_in_and_the_agent_is_given_it(self, office: Office) -> None:
        form = Form((Field(name="note", kind="text", label="What to write", required=True),))
        request, message = await office.posted(a_request(PLACE, form=form))
        assert "The agent asks" in await office.tap(message, "approve")
        await office.tap(message, "give", inputs={"form_0": ""})
        assert office.desk.requests[request.id].votes == ()
        assert "You approved" in await office.tap(message, "give", inputs={"form_0": "Refund as agreed."})
        (vote,) = office.desk.requests[request.id].votes
        assert vote.response == {"note": "Refund as agreed."}

    async def test_an_edit_makes_a_new_revision_and_a_wrong_one_is_marked(self, office: Office) -> None:
        request, message = await office.posted(a_request(PLACE, requirement={"editable": ("amount",)}))
        await office.tap(message, "edit")
        await office.tap(message, "give", inputs={"edit_0": "much"})
        assert office.desk.requests[request.id].revision == 1
        assert "You edited" in await office.tap(message, "give", inputs={"edit_0": "400"})
        after = office.desk.requests[request.id]
        assert (after.revision, after.params["amount"]) == (2, 400)

    async def test_a_request_that_does_not_fit_is_read_page_by_page_and_approved_on_the_last(
        self, office: Office
    ) -> None:
        params = {f"note_{number}": "x" * 2500 for number in range(20)}
        request, message = await office.posted(a_request(PLACE, params=params))
        assert "approve" not in message.buttons
        await office.tap(message, "review")
        for _ in range(30):
            if "give" in str(message.views["29:ana"]):
                break
            await office.tap(message, "next")
        assert "You approved" in await office.tap(message, "give")
        assert office.desk.requests[request.id].status is Status.APPROVED

    async def test_what_was_filled_in_is_there_again_where_it_could_not_be_checked_who_may_decide(
        self, office: Office
    ) -> None:
        form = Form((Field(name="note", kind="text", label="What to write", required=True),))
        request, message = await office.posted(a_request(PLACE, form=form, requirement={"reason": "always"}))
        await office.tap(message, "approve")
        office.desk.trouble = [CannotCheck("It could not be checked whether you may decide this.")]
        said = await office.tap(message, "give", inputs={"form_0": "Refund as agreed.", "reason": "A known customer."})
        assert "It could not be checked whether you may decide this." in said
        assert "Refund as agreed." in said
        assert "A known customer." in said
        assert office.desk.requests[request.id].votes == ()
        given = {"form_0": "Refund as agreed.", "reason": "A known customer."}
        assert "You approved" in await office.tap(message, "give", inputs=given)

    async def test_a_reason_for_a_denial_and_an_edit_are_there_again_where_it_could_not_be_checked_who_may(
        self, office: Office
    ) -> None:
        _, message = await office.posted(a_request(PLACE, requirement={"reason": "deny", "editable": ("amount",)}))
        for verb, name, text in (("deny", "reason", "Too much."), ("edit", "edit_0", "417")):
            await office.tap(message, verb)
            office.desk.trouble = [CannotCheck("It could not be checked whether you may decide this.")]
            said = await office.tap(message, "give", inputs={name: text})
            assert "It could not be checked" in said
            assert text in said
            assert "give" in office.teams.seen(message, "29:ana")
            await office.tap(message, "close")

    async def test_a_tap_that_could_not_be_checked_is_answered_with_the_card(self, office: Office) -> None:
        _, message = await office.posted()
        office.desk.trouble = [CannotCheck("It could not be checked whether you may decide this.")]
        assert "It could not be checked" in await office.tap(message, "approve")
        assert office.teams.seen(message, "29:ana") == message.buttons

    async def test_closing_a_dialog_shows_the_card_again(self, office: Office) -> None:
        _, message = await office.posted(a_request(PLACE, requirement={"reason": "deny"}))
        await office.tap(message, "deny")
        await office.tap(message, "close")
        assert message.views["29:ana"] == message.card


class TestOlderClients:
    """They submit a card as a message, and see no answer to a tap."""

    async def test_a_submitted_tap_counts_and_is_told_in_the_persons_own_chat(self, office: Office) -> None:
        request, message = await office.posted()
        office.chat("29:ana")
        assert await office.teams.submit(office.url, message, "approve", user="29:ana") == 202
        assert "You approved" in (await office.teams.until_told("29:ana"))[-1]
        assert office.desk.requests[request.id].status is Status.APPROVED
        assert office.teams.thread(message) == []

    async def test_a_refusal_of_a_submitted_tap_is_told_where_nobody_else_reads(self, office: Office) -> None:
        request, message = await office.posted()
        assert await office.teams.submit(office.url, message, "approve", user="29:gus") == 202
        told = await office.teams.posted()
        assert (told.conversation, "Guests decide only" in told.words) == (office.chat("29:gus"), True)
        assert office.teams.thread(message) == []
        assert office.desk.requests[request.id].votes == ()

    async def test_a_dialog_of_a_submitted_tap_goes_on_in_the_persons_chat(self, office: Office) -> None:
        request, message = await office.posted(a_request(PLACE, requirement={"reason": "deny"}))
        office.chat("29:ana")
        await office.teams.submit(office.url, message, "deny", user="29:ana")
        dialog = await office.teams.posted()
        assert "Why do you deny it?" in dialog.words
        assert "You denied" in await office.tap(dialog, "give", inputs={"reason": "Too much."})
        assert office.desk.requests[request.id].status is Status.DENIED
