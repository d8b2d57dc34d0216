"""The dialogs: what they ask, what a submission does, and what a forged, late or repeated one does not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.slack_views import Dialog, form_of, post_form, submission
from fakes.slack_workspace import Message
from sayso_adapters import answering
from sayso_adapters.slack import once as once_module
from sayso_bot.domain.form import Field, Form
from sayso_bot.domain.request import Cause, Request, Status
from sayso_bot.errors import CannotCheck, Unavailable
from sayso_bot.testing.samples import a_request
from service import until
from unit.slack.slack_office import PLACE, Office, opened_office

FORM = Form(
    (
        Field("account", "choose", "Which account?", options=("Main", "Reserve")),
        Field("tags", "choose", "Tags", options=("a", "b"), multiple=True, required=False),
        Field("note", "text", "A note", required=False),
        Field("limit", "number", "Up to how much?", least=1, most=500),
        Field("day", "date", "From when?", required=False),
        Field("hour", "time", "At what time?", required=False),
        Field("until", "datetime", "Until when?", required=False),
    )
)


async def opened(
    office: Office, action: str = "approve", *, user: str = "U0ANA", request: Request | None = None, **requirement: Any
) -> tuple[Request, Dialog, Message]:
    """A request whose card was tapped, and the dialog that this opened."""
    request, message = await office.posted(request or a_request(PLACE, requirement=requirement))
    count = len(office.slack.dialogs) + 1
    assert await office.slack.tap(office.url, message, action, user=user) == 200
    return request, await office.slack.dialog(count=count), message


async def submitted(office: Office, dialog: Dialog, values: dict[str, Any] | None = None, **other: Any) -> str:
    """Submit, and return what the person was told alone."""
    user = other.get("user") or dialog.user
    count = len(office.slack.told(user)) + 1
    assert await office.slack.submit(office.url, dialog, values, **other) == 200
    return (await office.slack.until_told(user, count=count))[-1]


class TestAReason:
    async def test_is_asked_before_an_approval_counts(self, office: Office) -> None:
        _, dialog, _ = await opened(office, reason="always")
        assert office.desk.ballots == []
        assert list(dialog.inputs) == ["reason"]
        assert "It is approved" in await submitted(office, dialog, {"reason": "Checked with Bob."})
        assert [vote.reason for vote in office.desk.counted] == ["Checked with Bob."]
        assert not dialog.open

    @pytest.mark.parametrize("rule", ["always", "deny"])
    async def test_is_asked_before_a_denial(self, office: Office, rule: str) -> None:
        _, dialog, _ = await opened(office, "deny", reason=rule)
        assert "You denied" in await submitted(office, dialog, {"reason": "Not ours."})

    async def test_is_not_asked_for_an_approval_where_only_denials_need_one(self, office: Office) -> None:
        _, message = await office.posted(a_request(PLACE, requirement={"reason": "deny"}))
        assert "It is approved" in await office.tap(message, "approve", user="U0ANA")
        assert office.slack.dialogs == []

    async def test_of_blanks_is_refused_at_its_field_and_can_be_mended(self, office: Office) -> None:
        _, dialog, _ = await opened(office, reason="always")
        assert await office.slack.submit(office.url, dialog, {"reason": "  "}) == 200
        assert "wants a reason" in dialog.errors["reason"]
        assert office.desk.counted == []
        assert "It is approved" in await submitted(office, dialog, {"reason": "Checked."})

    async def test_the_dialog_repeats_what_is_approved(self, office: Office) -> None:
        request, dialog, _ = await opened(office, reason="always")
        for word in ("payments.refund", "A-1017", "900", "EUR", f"{request.id} · revision 1", "The parcel was lost."):
            assert word in dialog.words

    async def test_the_dialog_carries_the_opaque_button_and_nothing_else(self, office: Office) -> None:
        _, dialog, message = await opened(office, reason="always")
        assert dialog.view["private_metadata"] == (message.button("approve") or {})["value"]


class TestTypedConfirmation:
    async def test_counts_when_it_is_exact(self, office: Office) -> None:
        _, dialog, _ = await opened(office, confirm=True)
        assert await office.slack.submit(office.url, dialog, {"typed": "payments.refunds"}) == 200
        assert "type payments.refund exactly" in dialog.errors["typed"]
        assert office.desk.counted == []
        assert "It is approved" in await submitted(office, dialog, {"typed": "payments.refund"})

    async def test_goes_with_a_reason_and_a_form_in_one_dialog(self, office: Office) -> None:
        asked = a_request(PLACE, form=FORM, requirement={"confirm": True, "reason": "always", "forms": True})
        _, dialog, _ = await opened(office, request=asked)
        assert list(dialog.inputs) == [*(f"form_{n}" for n in range(7)), "reason", "typed"]


class TestTheAgentsForm:
    async def test_is_labelled_as_the_agents(self, office: Office) -> None:
        _, dialog, _ = await opened(office, request=a_request(PLACE, form=FORM, requirement={"forms": True}))
        labels = [b["label"]["text"] for b in dialog.view["blocks"] if b["type"] == "input"]
        assert all(label.startswith("The agent asks · ") for label in labels)

    async def test_its_answers_reach_the_vote_in_their_kinds(self, office: Office) -> None:
        _, dialog, _ = await opened(office, request=a_request(PLACE, form=FORM, requirement={"forms": True}))
        values = {
            "form_0": "Reserve",
            "form_1": ["a", "b"],
            "form_2": "as agreed",
            "form_3": "12.5",
            "form_4": "2026-11-24",
            "form_5": "09:30",
            "form_6": 1_795_000_000,
        }
        assert "It is approved" in await submitted(office, dialog, values)
        (vote,) = office.desk.counted
        assert vote.response == {
            "account": "Reserve",
            "tags": ["a", "b"],
            "note": "as agreed",
            "limit": 12.5,
            "day": "2026-11-24",
            "hour": "09:30",
            "until": "2026-11-18T11:06:40Z",
        }

    async def test_what_is_wrong_is_said_at_its_field(self, office: Office) -> None:
        _, dialog, _ = await opened(office, request=a_request(PLACE, form=FORM, requirement={"forms": True}))
        assert await office.slack.submit(office.url, dialog, {"form_0": "Main", "form_3": "900"}) == 200
        assert dialog.errors == {"form_3": "This must be at most 500."}
        assert office.desk.counted == []

    async def test_an_option_that_slack_cannot_hold_stands_above_in_full(self, office: Office) -> None:
        long = ("x" * 74 + "yes", "x" * 74 + "no")
        form = Form((Field("which", "choose", "Which?", options=long),))
        _, dialog, _ = await opened(office, request=a_request(PLACE, form=form, requirement={"forms": True}))
        assert f"1. {long[0]}\n2. {long[1]}" in dialog.words
        await submitted(office, dialog, {"form_0": "Option 2"})
        assert (office.desk.counted[0].response or {})["which"] == long[1]

    async def test_is_not_asked_of_who_denies(self, office: Office) -> None:
        asked = a_request(PLACE, form=FORM, requirement={"forms": True})
        _, message = await office.posted(asked)
        assert "You denied" in await office.tap(message, "deny", user="U0ANA")


class TestAnEdit:
    async def test_changes_the_params_and_says_so(self, office: Office) -> None:
        request, dialog, _ = await opened(office, "edit", editable=("amount", "currency"))
        assert {name: e["initial_value"] for name, e in dialog.inputs.items()} == {"edit_0": "900", "edit_1": "EUR"}
        assert "You edited payments.refund" in await submitted(office, dialog, {"edit_0": "100"})
        after = await office.desk.look(request.id)
        assert (after.revision, after.params) == (2, {"order": "A-1017", "amount": 100, "currency": "EUR"})

    async def test_of_another_kind_is_refused_at_its_field(self, office: Office) -> None:
        request, dialog, _ = await opened(office, "edit", editable=("amount",))
        assert await office.slack.submit(office.url, dialog, {"edit_0": '"much"'}) == 200
        assert "must stay a number" in dialog.errors["edit_0"]
        assert (await office.desk.look(request.id)).revision == 1

    async def test_of_what_no_input_can_hold_is_left_to_the_inbox(self, office: Office) -> None:
        params = {"note": "x" * 3001, "hidden": "a\u202eb", "amount": 1}
        asked = a_request(PLACE, params=params, requirement={"editable": tuple(params)})
        request, dialog, _ = await opened(office, "edit", request=asked)
        assert list(dialog.inputs) == ["edit_2"]
        assert "“note”, “hidden” cannot be edited here, only in the inbox." in dialog.words
        await submitted(office, dialog, {"edit_2": "2"})
        assert (await office.desk.look(request.id)).params == {**params, "amount": 2}

    async def test_may_empty_a_text(self, office: Office) -> None:
        request, dialog, _ = await opened(office, "edit", editable=("currency",))
        await submitted(office, dialog, {"edit_0": ""})
        assert (await office.desk.look(request.id)).params["currency"] == ""


class TestWhatIsTried:
    """Each through the signed endpoint; nothing is changed by any of them."""

    async def test_a_submission_of_somebody_who_may_not_decide(self, office: Office) -> None:
        request, dialog, _ = await opened(office, reason="always")
        office.desk._admits = lambda person: False
        assert await office.slack.submit(office.url, dialog, {"reason": "Me."}) == 200
        assert "you are not an approver" in dialog.words
        assert not dialog.submits
        assert (await office.desk.look(request.id)).votes == ()

    async def test_a_submission_of_an_earlier_revision(self, office: Office) -> None:
        request, dialog, _ = await opened(office, reason="always")
        office.desk.revise(request.id, {"order": "A-1017", "amount": 9_000, "currency": "EUR"})
        assert await office.slack.submit(office.url, dialog, {"reason": "Checked."}) == 200
        assert "has changed" in dialog.words
        assert office.desk.counted == []

    async def test_an_edit_of_an_earlier_revision(self, office: Office) -> None:
        request, dialog, _ = await opened(office, "edit", editable=("amount",))
        office.desk.revise(request.id, {"amount": 9_000, "order": "A-1017"})
        assert await office.slack.submit(office.url, dialog, {"edit_0": "1"}) == 200
        assert "has changed" in dialog.words
        assert (await office.desk.look(request.id)).params["amount"] == 9_000

    async def test_a_submission_after_the_end(self, office: Office) -> None:
        request, dialog, _ = await opened(office, reason="always")
        office.desk.end(request.id, Status.CANCELLED, Cause.AGENT)
        assert await office.slack.submit(office.url, dialog, {"reason": "Checked."}) == 200
        assert "Cancelled by the agent" in dialog.words

    async def test_submitted_twice_counts_once(self, office: Office) -> None:
        _, dialog, _ = await opened(office, reason="always", quorum=2)
        await asyncio.gather(*(office.slack.submit(office.url, dialog, {"reason": "Once."}) for _ in range(5)))
        await office.slack.until_told("U0ANA")
        assert len(office.desk.ballots) == len(office.desk.counted) == 1
        assert len(office.slack.told("U0ANA")) == 1

    async def test_one_whose_answer_the_store_lost_is_told_like_any_other(self, office: Office) -> None:
        _, dialog, _ = await opened(office, reason="always", editable=("amount",))
        office.lose_answers("vote")
        assert "It is approved" in await submitted(office, dialog, {"reason": "Once."})
        assert len(office.desk.counted) == 1
        _, dialog, _ = await opened(office, "edit", editable=("amount",))
        office.lose_answers("edit")
        assert "You edited payments.refund" in await submitted(office, dialog, {"edit_0": "1"})

    async def test_one_that_counted_before_the_store_stayed_away_is_told_when_it_is_sent_again(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(answering, "VOTE_PAUSES", (0.0,))
        _, dialog, _ = await opened(office, reason="always")
        office.lose_answers("vote", times=2)
        assert await office.slack.submit(office.url, dialog, {"reason": "Once."}) == 503
        assert "may not have counted" in (await office.slack.until_told("U0ANA"))[-1]
        assert "It is approved" in await submitted(office, dialog, {"reason": "Once."})
        assert len(office.desk.counted) == 1

    async def test_a_guest(self, office: Office) -> None:
        office.slack.add_user("U0GUEST", name="Gus", guest=True)
        _, dialog, _ = await opened(office, reason="always")
        assert await office.slack.submit(office.url, dialog, {"reason": "Me."}, user="U0GUEST") == 200
        assert "Guests decide only where the policy names them" in dialog.words
        assert office.desk.ballots == []

    async def test_somebody_of_another_team(self, office: Office) -> None:
        _, dialog, _ = await opened(office, reason="always")
        assert await office.slack.submit(office.url, dialog, {"reason": "Me."}, team="T9OTHER") == 200
        assert "another workspace" in dialog.words
        assert office.desk.ballots == []

    async def test_a_tap_of_another_team_opens_nothing(self, office: Office) -> None:
        _, message = await office.posted(a_request(PLACE, requirement={"reason": "always"}))
        assert "another workspace" in await office.tap(message, "approve", user="U0ANA", team="T9OTHER")
        assert office.slack.dialogs == []

    @pytest.mark.parametrize("garbage", ["", "btn_", "btn_never-made", '{"request_id": "req_1"}', "\ud800", 7, None])
    async def test_a_view_that_carries_garbage(self, office: Office, garbage: Any) -> None:
        _, dialog, _ = await opened(office, reason="always")
        view = {"private_metadata": garbage}
        assert await office.slack.submit(office.url, dialog, {"reason": "Me."}, view=view) == 200
        assert "not known here" in dialog.words
        assert office.desk.ballots == []

    @pytest.mark.parametrize(
        "state", [None, [], {"values": []}, {"values": {"reason": 1}}, {"values": {"reason": {"answer": []}}}]
    )
    async def test_a_view_without_the_answers(self, office: Office, state: Any) -> None:
        _, dialog, _ = await opened(office, reason="always")
        payload_view = {"state": state}
        payload = submission(dialog, {}, team="T0TEAM", user="U0ANA", shown=office.slack.shown(dialog))
        payload["view"].update(payload_view)
        body = form_of(payload)
        status, told = await post_form(office.url, payload, office.slack.signed(body), body)
        assert (status, told["response_action"]) == (200, "errors")
        assert office.desk.counted == []

    async def test_a_forged_submission(self, office: Office) -> None:
        _, dialog, _ = await opened(office, reason="always")
        payload = submission(dialog, {"reason": "x"}, team="T0TEAM", user="U0ANA", shown=office.slack.shown(dialog))
        body = form_of(payload)
        status, _ = await post_form(office.url, payload, office.slack.signed(body, secret="another"), body)
        assert status == 401
        assert office.desk.ballots == []


class TestTrouble:
    async def test_a_trigger_that_is_too_old_is_told_and_changes_nothing(self, office: Office) -> None:
        _, message = await office.posted(a_request(PLACE, requirement={"reason": "always"}))
        office.slack.fail("views.open", "expired_trigger_id")
        assert "could not be opened in time" in await office.tap(message, "approve", user="U0ANA")

    async def test_a_retried_tap_opens_one_dialog(self, office: Office) -> None:
        _, message = await office.posted(a_request(PLACE, requirement={"reason": "always"}))
        assert await office.slack.tap(office.url, message, "approve", user="U0ANA", deliveries=3) == 200
        assert len(office.slack.dialogs) == 1
        assert office.slack.told("U0ANA") == []

    async def test_the_dialog_opens_before_slack_is_asked_anything_else(self, office: Office) -> None:
        before = len(office.slack.calls)
        await opened(office, reason="always")
        called = [method for method, _ in office.slack.calls[before:]]
        assert called == ["chat.postMessage", "views.open", "users.info", "views.update"]
        await opened(office, reason="always")
        assert [method for method, _ in office.slack.calls[before + 4 :]] == ["chat.postMessage", "views.open"]

    async def test_a_dialog_that_cannot_be_filled_is_told(self, office: Office) -> None:
        _, message = await office.posted(a_request(PLACE, requirement={"reason": "always"}))
        office.slack.fail("views.update", "internal_error")
        assert "could not be opened in time" in await office.tap(message, "approve", user="U0ANA")

    async def test_while_slack_cannot_say_who_somebody_is_they_are_shown_nothing(self, office: Office) -> None:
        office.slack.fail("users.info", "internal_error")
        _, dialog, _ = await opened(office, reason="always")
        assert "could not be asked who you are" in dialog.words
        assert not dialog.submits

    async def test_nobody_counts_while_slack_cannot_say_who_they_are_and_what_was_written_stays(
        self, office: Office
    ) -> None:
        _, dialog, _ = await opened(office, reason="always")
        office.slack.fail("users.info", "internal_error")
        assert await office.slack.submit(office.url, dialog, {"reason": "Checked."}, user="U0BOB") == 200
        assert "could not be asked who you are" in dialog.errors["reason"]
        assert "It is approved" in await submitted(office, dialog, {"reason": "Checked."}, user="U0BOB")

    async def test_a_replica_that_slack_has_not_answered_yet_says_so_and_keeps_what_was_written(
        self, office: Office
    ) -> None:
        _, dialog, _ = await opened(office, reason="always")
        office.slack.break_("auth.test", status=503, times=100)
        async with opened_office(office.slack, office.desk) as other:
            assert await office.slack.submit(other.url, dialog, {"reason": "Checked."}) == 200
            assert "could not be asked who you are" in dialog.errors["reason"]
            assert await office.slack.step(other.url, dialog, "deny") == 200
            await until(lambda: "could not be asked who you are" in dialog.words)
        assert office.desk.ballots == []

    async def test_membership_that_cannot_be_checked_keeps_what_was_written(self, office: Office) -> None:
        _, dialog, _ = await opened(office, reason="always")
        office.desk.trouble.append(CannotCheck("Slack could not say who is in the group."))
        assert await office.slack.submit(office.url, dialog, {"reason": "Checked."}) == 200
        assert "who is in the group" in dialog.errors["reason"]
        assert "It is approved" in await submitted(office, dialog, {"reason": "Checked."})

    async def test_what_is_not_recorded_in_time_is_not_acknowledged_and_told_when_it_is(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(once_module, "ACKNOWLEDGE_SECONDS", 0.1)
        _, dialog, _ = await opened(office, reason="always")
        office.desk.recording.clear()
        assert await office.slack.submit(office.url, dialog, {"reason": "Checked."}) == 503
        assert dialog.open
        office.desk.recording.set()
        assert "It is approved" in (await office.slack.until_told("U0ANA"))[-1]

    async def test_a_refusal_that_comes_too_late_for_the_dialog_is_told_alone(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(once_module, "ACKNOWLEDGE_SECONDS", 0.1)
        _, dialog, _ = await opened(office, confirm=True)
        office.desk.recording.clear()
        assert await office.slack.submit(office.url, dialog, {"typed": "no"}) == 503
        office.desk.recording.set()
        assert "exactly" in (await office.slack.until_told("U0ANA"))[-1]

    async def test_a_bug_is_told_without_its_text(self, office: Office) -> None:
        _, dialog, _ = await opened(office, reason="always")
        office.desk.trouble.append(RuntimeError("a bug with a secret"))
        assert await office.slack.submit(office.url, dialog, {"reason": "Checked."}) == 503
        said = (await office.slack.until_told("U0ANA"))[-1]
        assert "may not have counted" in said
        assert "secret" not in said
        assert await office.failed() == ["a bug with a secret"]

    async def test_a_store_that_is_away_for_a_moment_costs_no_submission(self, office: Office) -> None:
        _, dialog, _ = await opened(office, reason="always")
        office.desk.trouble.append(Unavailable("Sayso cannot answer right now."))
        assert "It is approved" in await submitted(office, dialog, {"reason": "Checked."})
        assert len({ballot.operation for ballot in office.desk.ballots}) == 1
