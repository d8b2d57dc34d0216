"""What time and other workspaces do to who may decide in Slack: an open dialog, a dismissal, a second installation."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from e2e.office import asked, install, office, recorded, workspace
from fakes.slack_oauth import FakeSlackApp
from sayso_adapters.slack import many
from sayso_bot.domain.request import Status
from sayso_bot.errors import CannotCheck
from service import ANA, BEN, serving

ANYBODY = """
channels: {payments: slack:C0PAYMENTS}
rules:
  - action: "*"
    ask: {channel: payments, reason: always, editable: [order], timeout: 30m}
"""
TWO = """
channels: {payments: slack:C0PAYMENTS}
rules:
  - action: "*"
    ask: {channel: payments, approvers: [%s], quorum: 2, timeout: 30m}
"""

IN_INBOX = """
rules:
  - action: "*"
    ask: {channel: inbox, approvers: ["slack:T1ONE/S0FINANCE", "email:ben@example.com"], quorum: 2, timeout: 30m}
"""


@pytest.mark.parametrize("done", ["approve", "edit"])
async def test_a_dialog_that_stays_open_admits_nobody_who_has_left_the_channel(done: str) -> None:
    async with workspace() as slack, office(slack, policy=ANYBODY) as (sayso, agent):
        request = await asked(agent)
        message = await slack.posted()
        await recorded(sayso, request)
        await slack.tap(sayso.url, message, done, user="U0BEN")
        dialog = await slack.dialog()
        slack.add_channel("C0PAYMENTS", members=["U0ANA"])
        given = {"reason": "Mine"} if done == "approve" else {"edit_0": "B-9"}
        await slack.submit(sayso.url, dialog, given)
        after = await sayso.service.desk.look(request)
        assert (after.status, after.revision, after.votes) == (Status.PENDING, 1, ())


@pytest.mark.parametrize("ben", ["slack:T0TEAM/U0BEN", "email:ben@example.com"])
async def test_the_approval_of_a_deactivated_account_does_not_complete_a_quorum(ben: str) -> None:
    policy = TWO % f'"slack:T0TEAM/U0ANA", "{ben}"'
    async with workspace() as slack, office(slack, policy=policy) as (sayso, agent):
        request = await asked(agent)
        message = await slack.posted()
        await recorded(sayso, request)
        await slack.tap(sayso.url, message, "approve", user="U0BEN")
        slack.add_user("U0BEN", name="Ben", email="ben@example.com", deleted=True)
        await slack.tap(sayso.url, message, "approve", user="U0ANA")
        after = await sayso.service.desk.look(request)
        assert (after.status, [vote.name for vote in after.votes]) == (Status.PENDING, ["Ana"])


async def test_an_approval_from_the_inbox_stays_while_slack_refuses_the_token_of_the_workspace_that_knows_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(many, "READ_AGAIN_AFTER_SECONDS", 0.0)
    async with FakeSlackApp() as app:
        workspace = app.add_workspace("T1ONE")
        workspace.add_user("U0ANA", name="Ana", email="ana@example.com")
        workspace.add_group("S0FINANCE", members=["U0ANA"])
        async with serving(policy=IN_INBOX, environ=app.settings()) as sayso:
            await install(app, sayso, "T1ONE")
            request = await asked(await sayso.agent("refunder"))
            await sayso.vote(request, "approve", person=ANA)
            app.revoke("T1ONE")
            for _ in range(2):  # Slack refuses the token, and is not asked again for a minute
                with pytest.raises(CannotCheck):
                    await sayso.vote(request, "approve", person=BEN)
            after = await sayso.service.desk.look(request)
            assert (after.status, [vote.name for vote in after.votes]) == (Status.PENDING, ["Ana"])


async def test_a_later_installation_does_not_share_what_was_asked_without_a_workspace() -> None:
    async with FakeSlackApp() as app:
        one, two = app.add_workspace("T1ONE"), app.add_workspace("T2TWO")
        for place, user in ((one, "U0ANA"), (two, "U0EVE")):
            place.add_user(user, name=user)
            place.add_channel("C0PAYMENTS", [user])
        policy = ANYBODY.replace("reason: always, ", "")
        async with serving(policy=policy, environ=app.settings()) as sayso:
            await install(app, sayso, "T1ONE")
            request = await asked(await sayso.agent("refunder"))
            message = await one.posted()
            await recorded(sayso, request)
            await install(app, sayso, "T2TWO")
            body = urlencode({"payload": json.dumps(two.payload(message, "approve", user="U0EVE"))})
            assert await two.send(sayso.url, body, two.signed(body)) == 200
            after = await sayso.service.desk.look(request)
            assert (after.status, after.votes) == (Status.PENDING, ())
