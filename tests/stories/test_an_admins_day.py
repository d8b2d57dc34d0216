"""An admin's day: refunds are asked elsewhere while a team is away, an agent is stopped, a key is replaced, all undone;
for the night they are asked in Teams.

In Slack, in Teams and in the inbox, at a service with a second replica beside it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from e2e.admin_office import OPS, POLICY, Admin, administering
from e2e.admin_page import Page, olga_at_the_inbox
from e2e.office import PAYMENTS, asked, recorded
from e2e.teams_admin import confirmed, typed
from fakes.teams import FakeTeams
from sayso_bot.errors import ApprovalsPaused, NotAnApprover
from sayso_bot.policy import digest
from service import ANA, BEN, Sayso, serving, until

NIGHT = "19:night@thread.tacv2"
WITH_TEAMS = POLICY.replace("channels:\n", f'channels:\n  night: "teams:{NIGHT}"\n')
WITHOUT_OLGA = WITH_TEAMS.replace("olga@example.com", "somebody.else@example.com")


async def test_an_admins_day() -> None:
    async with (
        FakeTeams() as teams,
        administering(WITH_TEAMS, beside=teams.settings()) as admin,
        serving(
            policy=WITH_TEAMS, redis=admin.sayso.redis, environ={**admin.slack.settings(), **teams.settings()}
        ) as second,
        olga_at_the_inbox(second) as page,
    ):
        earlier = await asked(admin.agent)
        await recorded(admin.sayso, earlier)
        await _the_payments_team_is_at_a_fair(admin, second)
        await _what_waited_is_taken_along(admin, earlier)
        await _an_agent_loops(admin, second, page, earlier)
        await _its_key_is_replaced(admin, page)
        await _the_team_is_back(admin, second)
        await _the_night_shift_is_in_teams(admin, second, teams)
        await _olga_is_no_admin_any_more(admin, page)
        await _the_day_is_on_the_record(admin)


async def _the_payments_team_is_at_a_fair(admin: Admin, second: Sayso) -> None:
    """Morning. Whoever is not an admin only finds out that they are not."""
    dialog = await admin.typed("channel use payments.*", user="U0BEN")
    assert "Only admins may do that" in dialog.words

    dialog = await admin.typed("channel use payments.* until 18:00 because payments is at the fair")
    assert "not in payments any more; 1 approval from email:ana@example.com, as before" in dialog.words
    assert "1 pending request stays where it is; move takes it along." in dialog.words
    await admin.submitted(dialog, why="payments is at the fair")
    for channel in ("C0PAYMENTS", "C0OPS"):
        await until(lambda: any("Olga routed payments.* to ops" in said for said in admin.said_in(channel)))  # noqa: B023

    routed = await asked(await second.agent("shop"))
    await recorded(second, routed, OPS)
    with pytest.raises(NotAnApprover):
        await second.vote(routed, "approve", person=BEN, surface="slack")
    await second.vote(routed, "approve", person=ANA)


async def _what_waited_is_taken_along(admin: Admin, earlier: str) -> None:
    old = next(message for message in admin.slack.messages if message.channel == "C0PAYMENTS" and message.buttons)
    await admin.submitted(await admin.typed(f"move {earlier} to ops"), why="nobody sees it there")
    await recorded(admin.sayso, earlier, OPS)
    await until(lambda: "Asked in ops now, by Olga: nobody sees it there." in old.words)
    assert old.button("approve") is None


async def _an_agent_loops(admin: Admin, second: Sayso, page: Page, earlier: str) -> None:
    """Noon, on the page. Nothing of that agent is asked or approved until somebody has looked at it."""
    told, form = await page.looks_at(deed="pause", kind="agent", what="refunder")
    assert "1 pending request" in told
    done = await page.does(form, why="it asks the same again and again")
    assert done.status_code == 200

    await until(lambda: "Paused by Olga" in _card_of(admin, earlier).words)
    held = await admin.agent.post("/v1/requests", json={"action": "payments.refund", "params": {}})
    assert (held.status_code, held.json()["code"]) == (423, "paused")
    for sayso in (admin.sayso, second):
        with pytest.raises(ApprovalsPaused):
            await sayso.vote(earlier, "approve", person=ANA)
    free = await asked(await second.agent("other"))
    await second.vote(free, "deny", person=ANA)

    dialog = await admin.typed("resume agent refunder")
    assert "Paused by Olga" in dialog.words
    await admin.submitted(dialog)
    await until(lambda: "Paused by Olga" not in _card_of(admin, earlier).words)
    assert (await admin.agent.get(f"/v1/requests/{earlier}")).json()["status"] == "pending", "no vote came after it"
    await second.vote(earlier, "approve", person=ANA)


def _card_of(admin: Admin, request: str) -> Any:
    return next(found for found in admin.slack.messages if found.channel == "C0OPS" and request in found.words)


async def _its_key_is_replaced(admin: Admin, page: Page) -> None:
    """Afternoon. The old key works until the program has the new one."""
    [key] = [key for key in admin.sayso.service.configuration.keys if key.name == "refunder"]
    _, form = await page.looks_at(deed="rotate", key=key.id, overlap="1h")
    told = (await page.does(form)).text
    secret = told.partition('id="secret">')[2].partition("<")[0]
    for client in (admin.agent, admin.sayso.client(secret)):
        assert (await client.get("/v1/requests")).status_code == 200
    assert secret not in (await page.does(form)).text, "it is shown once"
    _, form = await page.looks_at(deed="revoke", key=key.id)
    await page.does(form)
    assert (await admin.agent.get("/v1/requests")).status_code == 401


async def _the_team_is_back(admin: Admin, second: Sayso) -> None:
    """Evening, earlier than thought."""
    await admin.submitted(await admin.typed("route undo payments.*"), why="they are back")
    await until(lambda: any("is asked where the policy says again" in said for said in admin.said_in("C0PAYMENTS")))
    await recorded(second, await asked(await second.agent("late")), PAYMENTS)


async def _the_night_shift_is_in_teams(admin: Admin, second: Sayso, teams: FakeTeams) -> None:
    """Late. Ana is on duty, and there only; the place is learnt by one replica and used by the other."""
    for user in ("ana", "ben", "olga"):
        teams.add_user(f"29:{user}", name=user.title(), email=f"{user}@example.com")
    teams.add_channel(NIGHT, [*teams.users], name="night")
    await teams.install(admin.sayso.url, NIGHT, user="29:olga")

    await teams.say(second.url, "channel use payments.*", user="29:ben", conversation=NIGHT)
    assert "Only admins may do that" in (await teams.until_told("29:ben"))[-1]

    card = await typed(teams, second.url, "channel use payments.* for 3h", user="29:olga", at=NIGHT)
    assert "payments.* is asked in night for 3h from when this is confirmed; if that is now, until" in card.words
    await confirmed(teams, second.url, card, user="29:olga", why="Slack is asleep")
    await until(lambda: any("Olga routed payments.* to night" in said for said in admin.said_in("C0PAYMENTS")))

    request = await asked(await second.agent("nightly"))
    await recorded(second, request, f"teams:{NIGHT}")
    shown = next(message for message in teams.messages if "approve" in message.buttons)
    await teams.tap(admin.sayso.url, shown, "approve", user="29:ben")
    assert (await second.service.desk.look(request)).status == "pending"
    await teams.tap(admin.sayso.url, shown, "approve", user="29:ana")
    assert (await second.service.desk.look(request)).status == "approved"
    await until(lambda: shown.buttons == [])
    assert (teams.faults, teams.late) == ([], 0)


async def _olga_is_no_admin_any_more(admin: Admin, page: Page) -> None:
    _, form = await page.looks_at(deed="pause", kind="everything")
    dialog = await admin.typed("pause")
    service = admin.sayso.service
    before = service.configuration.policy.digest
    assert (await service.store.activate(digest(WITHOUT_OLGA), WITHOUT_OLGA, before, "test")).changed
    assert (await page.does(form, confirmed="yes")).status_code == 403
    assert (await page.client.get("/inbox/admin")).status_code == 403
    assert "Only admins may do that" in await admin.submitted(dialog)
    assert service.configuration.pauses == ()


async def _the_day_is_on_the_record(admin: Admin) -> None:
    done = [
        entry["kind"]
        for entry in await admin.sayso.journal()
        if entry["kind"] in {"admin_refused", "route_set", "moved", "paused", "resumed", "key_rotated", "route_undone"}
    ]
    assert done == [
        "admin_refused", "route_set", "moved", "paused", "resumed", "key_rotated", "route_undone", "admin_refused",
        "route_set", "admin_refused", "admin_refused", "admin_refused",
    ]  # fmt: skip
    by = [json.loads(entry["data"])["by"] for entry in await admin.sayso.journal("route_set")]
    assert [(each["name"], each["surface"], each["evidence"]) for each in by] == [
        ("Olga", "slack", "email:olga@example.com"),
        ("Olga", "teams", "email:olga@example.com"),
    ]
