"""A route that cannot be, or that one may not have meant: the same in Slack and on the page, and nothing half done."""

from __future__ import annotations

from html import unescape

import pytest

from e2e.admin_office import POLICY, Admin, administering, refused
from e2e.admin_page import olga_at_the_inbox
from service import serving
from unit.inbox.test_inbox_pages import words

CANNOT_BE = [
    ("payments.*", "payments", "The policy asks all of payments.* in payments anyway."),
    ("payments.*", "elsewhere", "The book main has no channel called elsewhere."),
    ("payments.*", "teams:19:x", "teams is not set up here"),
    ("payments.*", "slack:T0OTHER/C0X", "another workspace"),
    ("payments.*", "slack:C0NOBODY", "channel_not_found"),
]
MAY_NOT_BE_MEANT = [
    ("rockets.*", "ops", "No rule that asks people names an action of rockets.*, so this would do nothing now."),
    ("look", "ops", "No rule that asks people names an action of look, so this would do nothing now."),
    ("*", "ops", "* names every action that is asked."),
    ("read.*", "ops", "nobody could answer in ops"),
]


async def unchanged(admin: Admin) -> None:
    await admin.sayso.service.configuration.refresh()
    assert admin.sayso.service.configuration.routing.routes == ()
    assert admin.sayso.service.configuration.channels == {}
    assert [entry for kind in ("route_set", "channel_named") for entry in await admin.sayso.journal(kind)] == []
    assert [message for message in admin.slack.messages if "routed" in message.words] == [], "nothing is announced"


async def test_in_slack_a_route_that_cannot_be_is_refused_and_one_that_may_not_be_meant_is_asked_again() -> None:
    async with administering() as admin:
        for action, channel, said in CANNOT_BE:
            dialog = await admin.typed(f"route {action} to {channel}")
            told = await admin.submitted(dialog) if dialog.submits else dialog.words
            dialog.open = False
            assert said in told, (channel, told)
            assert "Nothing was changed" in told
        for action, channel, said in MAY_NOT_BE_MEANT:
            dialog = await admin.typed(f"route {action} to {channel}")
            assert said in dialog.words
            assert dialog.view["submit"]["text"] == "Do it anyway"
            dialog.open = False
        await unchanged(admin)


async def test_on_the_page_it_is_the_same() -> None:
    async with administering() as admin, olga_at_the_inbox(admin.sayso) as page:
        lasting = {"deed": "route", "lasting": ""}
        for action, channel, said in CANNOT_BE:
            to = {"to": channel} if ":" not in channel else {"to": "other", "to_place": channel}
            shown, form = await page.looks_at(action=action, **to, **lasting)
            told = unescape(words((await page.does(form)).text if form else shown))
            assert said in told, (channel, told)
            assert "Nothing was changed" in told
        for action, channel, said in MAY_NOT_BE_MEANT:
            shown, form = await page.looks_at(action=action, to=channel, **lasting)
            assert said in unescape(words(shown))
            assert (await page.does(form)).status_code == 409, "without having said that it is meant"
        await unchanged(admin)


@pytest.mark.parametrize("named", ["theirs", "night"])
async def test_another_book_s_channel_is_none_of_ours(named: str) -> None:
    """Neither one that the other book's policy names, nor one that its admins have named."""
    theirs = POLICY.replace("  ops: slack:C0OPS", "  theirs: slack:C0OPS")
    async with (
        administering() as admin,
        serving(policy=theirs, redis=admin.sayso.redis, environ=admin.slack.settings(), book="other") as other,
    ):
        terraform = await other.agent("terraform", kinds=frozenset({"admin"}))
        name = {"place": "slack:C0PAYMENTS"}
        done = await terraform.put("/v1/admin/channels/night", json=name, headers={"If-Match": "*"})
        assert done.status_code == 201
        body = {"action": "payments.*", "channel": named}
        refused(await admin.route(body), 422, "invalid_field", f"The book main has no channel called {named}.")
        await unchanged(admin)
