"""An admin's commands in Slack: a dialog shows what would be done, and does it once, for who administers alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fakes.slack_surfaces import command, deliver
from fakes.slack_views import Dialog, submission, view_faults
from sayso_bot.domain.admin import Caller
from sayso_bot.domain.deeds import (
    ForgetChannel,
    Move,
    NameChannel,
    PauseScope,
    Resume,
    SetRoute,
    TestChannel,
    UndoRoute,
)
from sayso_bot.domain.pauses import Scope
from sayso_bot.errors import CannotCheck, ChangedMeanwhile, InvalidField, PlaceUnusable, Unavailable
from unit.slack.slack_office import Office

HERE = "slack:T0TEAM/C0PAYMENTS"


@pytest.fixture(autouse=True)
def ana_administers(office: Office) -> None:
    office.around.office.admits = _is_ana


def _is_ana(caller: Caller) -> bool:
    return caller.person is not None and caller.person.is_any("email:ana@example.com")


async def typed(office: Office, text: str, *, user: str = "U0ANA", **other: Any) -> Any:
    """Type ``/sayso text``; what Slack was answered."""
    payload = {**command(text, user=user, team="T0TEAM"), "trigger_id": office.slack.trigger(user), **other}
    status, answer = await deliver(office.url, payload, office.slack.signed)
    assert status == 200
    return answer


async def opened(office: Office, text: str, *, user: str = "U0ANA", **other: Any) -> Dialog:
    """The dialog that a command opens, once it says what would be done."""
    count = len(office.slack.dialogs) + 1
    await typed(office, text, user=user, **other)
    dialog = await office.slack.dialog(count=count)
    await office.slack.until_called("views.update", count=count)
    assert view_faults(dialog.view) == []
    return dialog


@pytest.mark.parametrize(
    ("text", "deed"),
    [
        ("route deploy.* to ops because they sleep", SetRoute("deploy.*", "ops", "they sleep")),
        ("route deploy.* to #ops for 2h", SetRoute("deploy.*", "ops", for_seconds=7200)),
        ("ROUTE deploy.* TO here", SetRoute("deploy.*", HERE, called="payments")),
        ("route deploy.* to slack:C0NIGHT", SetRoute("deploy.*", "slack:C0NIGHT")),
        ("route deploy.* slack:C0NIGHT", SetRoute("deploy.*", "slack:C0NIGHT")),
        ("route undo deploy.*", UndoRoute("deploy.*")),
        ("channel use deploy.*", SetRoute("deploy.*", HERE, called="payments")),
        ("channel name night", NameChannel("night", HERE)),
        ("channel forget night", ForgetChannel("night")),
        ("channel test", TestChannel(HERE)),
        ("pause", PauseScope(Scope())),
        ("pause agent refunder because a leak", PauseScope(Scope(agent="refunder"), "a leak")),
        ("pause deploy.*", PauseScope(Scope(action="deploy.*"))),
        ("resume everything", Resume(scope=Scope())),
        ("move deploy.* to ops", Move("ops", action="deploy.*")),
    ],
)  # fmt: skip
async def test_a_command_shows_what_it_would_do_and_does_it_when_submitted(
    office: Office, text: str, deed: Any
) -> None:
    dialog = await opened(office, text)
    assert f"{type(deed).__name__} would be done." in dialog.words
    assert dialog.submits
    assert office.around.office.done == []
    assert await office.slack.submit(office.url, dialog, _kept(deed)) == 200
    [(done, caller, call)] = office.around.office.done
    assert done == deed
    assert (caller.surface, caller.place, caller.guest) == ("slack", HERE, False)
    assert (call.version, call.confirmed, call.answered) == (1, False, "")
    assert f"{type(deed).__name__} was done." in dialog.words
    assert not dialog.submits


def _kept(deed: Any) -> dict[str, str]:
    return {"why": deed.why} if hasattr(deed, "why") else {}


async def test_what_slack_calls_every_private_channel_is_no_name_of_any(office: Office) -> None:
    dialog = await opened(office, "channel use deploy.*", channel_name="privategroup")
    await office.slack.submit(office.url, dialog, {"why": ""})
    [(done, _, _)] = office.around.office.done
    assert done == SetRoute("deploy.*", HERE)


async def test_the_reason_may_be_written_in_the_dialog(office: Office) -> None:
    dialog = await opened(office, "pause agent refunder because a leak")
    assert dialog.inputs["why"]["initial_value"] == "a leak"
    await office.slack.submit(office.url, dialog, {"why": "a leaked\n  key "})
    [(done, _, _)] = office.around.office.done
    assert done == PauseScope(Scope(agent="refunder"), "a leaked key")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("route", "Write it as: route deploy.* to CHANNEL"),
        ("route deploy.* into the void", "Write it as"),
        ("route deploy.* to ops for ever", "A time is written as"),
        ("route deploy.* to ops until 25:99", "A time is written as"),
        ("route de!ploy to ops", "An action is a pattern"),
        ("pause the world", "pause everything"),
        ("pause agent re_funder", "pause agent NAME"),
        ("pause agent", "Which agent? Write its name as well: pause agent NAME."),
        ("pause Agent because it loops", "Which agent?"),
        ("resume agent", "Which agent? Write its name as well: resume agent NAME."),
        ("pause action", "Which action? Write its pattern as well: pause action deploy.*"),
        ("channel", "Write it as: channel use"),
        ("channel paint it black", "Write it as: channel use"),
        ("move it", "Write it as: move req_"),
    ],
)
async def test_what_cannot_be_read_is_told_alone_with_how_it_is_written(office: Office, text: str, said: str) -> None:
    answer = await typed(office, text)
    assert answer["response_type"] == "ephemeral"
    assert said in answer["text"]
    assert office.slack.dialogs == []


async def test_here_is_nowhere_in_direct_messages(office: Office) -> None:
    answer = await typed(office, "channel use deploy.*", channel_id="D0ANA", channel_name="directmessage")
    assert "here is none" in answer["text"]


async def test_who_does_not_administer_is_told_so_alone_and_can_submit_nothing(office: Office) -> None:
    office.slack.add_user("U0GUEST", name="Gus", email="ana@example.com", guest=True)
    for user, said in (("U0BOB", "That is for admins"), ("U0GUEST", "That is for admins")):
        dialog = await opened(office, "pause", user=user)
        assert said in dialog.words
        assert not dialog.submits
    assert office.around.office.done == []
    assert office.slack.messages == []


async def test_an_admin_who_was_removed_while_the_dialog_was_open_does_nothing(office: Office) -> None:
    dialog = await opened(office, "pause")
    office.around.office.admits = lambda _: False
    await office.slack.submit(office.url, dialog, {"why": ""})
    assert "That is for admins" in dialog.words
    assert office.around.office.done == []


async def test_another_s_dialog_is_submitted_as_who_submits_it(office: Office) -> None:
    dialog = await opened(office, "pause")
    await office.slack.submit(office.url, dialog, {"why": ""}, user="U0BOB")
    assert office.around.office.done == []


async def test_submitted_twice_it_is_done_once(office: Office) -> None:
    dialog = await opened(office, "pause")
    payload = submission(dialog, {"why": "x"}, team="T0TEAM", user="U0ANA", shown=office.slack.shown(dialog))
    for _ in range(3):
        assert (await deliver(office.url, payload, office.slack.signed))[0] == 200
    assert len(office.around.office.done) == 1


async def test_what_must_be_confirmed_is_shown_and_submitting_confirms_it(office: Office) -> None:
    office.around.office.questions = ("* names every action that is asked.",)
    dialog = await opened(office, "route * to ops")
    assert "* names every action that is asked." in dialog.words
    assert dialog.view["submit"]["text"] == "Do it anyway"
    await office.slack.submit(office.url, dialog, {"why": ""})
    [(_, _, call)] = office.around.office.done
    assert call.answered


async def test_where_another_admin_was_quicker_it_is_shown_anew_and_may_be_submitted_then(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = await opened(office, "route deploy.* to ops")

    async def changed(*_: Any) -> Any:
        raise ChangedMeanwhile("Another admin has changed routes or channels since you looked.")

    with monkeypatch.context() as patched:
        patched.setattr(office.around.office, "do", changed)
        await office.slack.submit(office.url, dialog, {"why": "a"})
    assert "Another admin has changed something meanwhile" in dialog.words
    assert dialog.submits
    await office.slack.submit(office.url, dialog, {"why": "a"})
    assert len(office.around.office.done) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        PlaceUnusable("A test message could not be posted to ops: not_in_channel. Nothing was changed."),
        CannotCheck("It could not be checked whether you are an admin. Nothing was changed."),
        Unavailable("slack did not say whether a test message could be posted. Nothing was changed."),
    ],
)
async def test_a_refusal_takes_the_dialog_s_place(office: Office, trouble: Any) -> None:
    dialog = await opened(office, "route deploy.* to ops")
    office.around.office.trouble = [trouble]
    await office.slack.submit(office.url, dialog, {"why": ""})
    assert trouble.detail in dialog.words
    assert not dialog.submits


async def test_a_reason_that_is_too_long_is_marked_where_it_is_written(office: Office) -> None:
    dialog = await opened(office, "pause")
    office.around.office.trouble = [InvalidField("A reason has at most 500 characters.", field="reason")]
    await office.slack.submit(office.url, dialog, {"why": "x"})
    assert dialog.errors["why"] == "A reason has at most 500 characters."


async def test_nobody_else_can_carry_out_what_an_admin_typed(office: Office) -> None:
    theirs = await opened(office, "pause")
    office.around.office.admits = lambda caller: True
    own = await opened(office, "pause deploy.*", user="U0BOB")
    token = {"private_metadata": theirs.view["private_metadata"]}
    await office.slack.submit(office.url, own, {"why": ""}, view=token)
    assert office.around.office.done == []
    assert "Somebody else has typed this command" in own.words


async def test_a_dialog_from_too_long_ago_or_with_garbage_does_nothing(office: Office) -> None:
    dialog = await opened(office, "pause")
    for token in ("adm_never", "btn_x", "\u202e"):
        stale = await opened(office, "pause")
        await office.slack.submit(office.url, stale, {"why": ""}, view={"private_metadata": token})
        stale.open = False
    office.around.shelf.kept.clear()
    await office.slack.submit(office.url, dialog, {"why": ""})
    assert office.around.office.done == []
    assert "from too long ago" in dialog.words


async def test_a_deed_that_takes_longer_than_slack_waits_is_told_when_it_is_done(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso_adapters.slack.once.ACKNOWLEDGE_SECONDS", 0.05)
    dialog = await opened(office, "route deploy.* to ops")
    do = office.around.office.do

    async def slowly(*given: Any) -> Any:
        await asyncio.sleep(0.1)
        return await do(*given)

    monkeypatch.setattr(office.around.office, "do", slowly)
    assert await office.slack.submit(office.url, dialog, {"why": ""}) == 503
    assert (await office.slack.until_told("U0ANA"))[-1] == "SetRoute was done."
    assert len(office.around.office.done) == 1
