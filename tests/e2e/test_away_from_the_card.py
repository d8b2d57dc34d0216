"""A request that is opened away from its card, in the real service: who sees it, and whose answer counts."""

from __future__ import annotations

import json
from typing import Any

from e2e.office import asked, office, workspace
from fakes.slack import FakeSlack
from fakes.slack_surfaces import answer_faults, command, deliver, home_opened, list_tap
from fakes.slack_views import Dialog
from service import Sayso

ANYBODY_THERE = """
channels: {payments: slack:C0PAYMENTS}
rules:
  - action: "*"
    ask: {channel: payments, timeout: 30m}
"""


async def show(slack: FakeSlack, sayso: Sayso, request: str, user: str) -> str:
    status, answer = await deliver(sayso.url, command(f"show {request}", user=user, team="T0TEAM"), slack.signed)
    assert status == 200
    assert answer_faults(answer) == []
    return json.dumps(answer, ensure_ascii=False)


async def reviewed(slack: FakeSlack, sayso: Sayso, request: str, user: str) -> Dialog:
    tap: Any = list_tap("read_to_answer", request, user=user, team="T0TEAM", trigger=slack.trigger(user))
    assert (await deliver(sayso.url, tap, slack.signed))[0] == 200
    dialog = await slack.dialog()
    await slack.until_called("views.update")
    return dialog


async def test_a_member_of_the_channel_finds_it_on_their_home_and_approves_it_there() -> None:
    async with workspace() as slack, office(slack, policy=ANYBODY_THERE) as (sayso, agent):
        request = await asked(agent)
        assert (await deliver(sayso.url, home_opened("U0ANA", team="T0TEAM"), slack.signed))[0] == 200
        await slack.until_called("views.publish")
        assert "payments.refund: order “A-1”" in slack.home_words("U0ANA")
        assert "*: asked in payments, 1 approval from whoever is there" in slack.home_words("U0ANA")
        dialog = await reviewed(slack, sayso, request, "U0ANA")
        assert await slack.submit(sayso.url, dialog) == 200
        assert (await sayso.service.desk.look(request)).status == "approved"


async def test_who_is_not_in_the_channel_neither_sees_nor_approves_it_away_from_its_card() -> None:
    async with workspace() as slack, office(slack, policy=ANYBODY_THERE) as (sayso, agent):
        request = await asked(agent)
        slack.add_user("U0EVE", name="Eve", email="eve@example.com")
        assert "that you may see" in await show(slack, sayso, request, "U0EVE")
        dialog = await reviewed(slack, sayso, request, "U0ANA")
        assert await slack.submit(sayso.url, dialog, user="U0EVE") == 200
        assert "may decide this" in dialog.words
        assert (await sayso.service.desk.look(request)).status == "pending"
