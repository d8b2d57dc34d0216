"""Who may administer from Slack, tried at the running service: proved there and then, refused alone, on the record."""

from __future__ import annotations

import json

import pytest

from e2e.admin_office import OPS, POLICY, ROUTE, Admin, administering
from e2e.office import asked, recorded
from sayso_bot.domain.pauses import Scope
from sayso_bot.policy import digest
from service import until

BY_GROUP = POLICY.replace("admins: [email:olga@example.com]", "admins: [slack:S0OPS]")


async def refusals(admin: Admin) -> list[dict[str, object]]:
    return [json.loads(entry["data"]) for entry in await admin.sayso.journal("admin_refused")]


async def unchanged(admin: Admin) -> None:
    await admin.sayso.service.configuration.refresh()
    assert admin.sayso.service.configuration.pauses == ()
    assert admin.sayso.service.configuration.routing.routes == ()
    assert await admin.sayso.journal("paused") == []
    said = [message for message in admin.slack.messages if not message.buttons]
    assert said == [], "nothing is announced"


async def test_whoever_is_no_admin_in_slack_changes_nothing_and_is_told_alone() -> None:
    async with administering() as admin:
        slack = admin.slack
        slack.add_user("U0GUEST", name="Gus", email="olga@example.com", guest=True)
        slack.add_user("U0BOT2", name="Robot", bot=True, email="olga@example.com")
        slack.add_user("U0GONE", name="Gone", email="olga@example.com", deleted=True)
        slack.add_user("U0AWAY", name="Away", email="olga@example.com", team_id="T9OTHER", stranger=True)
        slack.add_user("U0CLAIM", name="Claim", email="olga@example.com", confirmed=False)
        for user in ("U0ANA", "U0BEN", "U0GUEST", "U0BOT2", "U0GONE", "U0AWAY", "U0CLAIM"):
            for text in ("pause", "route payments.* to ops"):
                dialog = await admin.typed(text, user=user)
                assert not dialog.submits, (user, dialog.words)
        await unchanged(admin)
        found = await refusals(admin)
        assert {entry["code"] for entry in found} == {"not_an_admin"}
        assert {entry["surface"] for entry in found} == {"slack"}
        assert len({entry["by"] for entry in found}) >= 3, "those whom Slack has proved: Ana, Ben, the guest"


async def test_a_member_of_the_group_administers_until_they_leave_it_also_with_the_dialog_open() -> None:
    async with administering(BY_GROUP) as admin:
        admin.slack.add_group("S0OPS", members=["U0OLGA"])
        said = await admin.submitted(await admin.typed("pause agent shop"), why="it loops")
        assert "agent shop is paused" in said
        dialog = await admin.typed("pause")
        admin.slack.add_group("S0OPS", members=[])
        assert "Only admins may do that" in await admin.submitted(dialog)
        await admin.sayso.service.configuration.refresh()
        assert [pause.scope for pause in admin.sayso.service.configuration.pauses] == [Scope(agent="shop")]


@pytest.mark.parametrize("method", ["users.info", "usergroups.users.list"])
async def test_while_slack_cannot_be_asked_who_somebody_is_nobody_administers(method: str) -> None:
    async with administering(BY_GROUP) as admin:
        admin.slack.add_group("S0OPS", members=["U0OLGA"])
        admin.slack.break_(method, status=500, times=50)
        dialog = await admin.typed("pause")
        assert not dialog.submits
        await unchanged(admin)


async def test_this_channel_is_used_by_who_says_so_in_it_and_the_card_comes_there() -> None:
    async with administering() as admin:
        dialog = await admin.typed("channel use payments.* for 2h because payments is away")
        assert "payments.* is asked in ops for 2h from when this is confirmed; if that is now, until" in dialog.words
        assert "1 approval from email:ana@example.com, as before" in dialog.words
        said = await admin.submitted(dialog, why="payments is away")
        assert "payments.*" in said
        request = await asked(admin.agent)
        await recorded(admin.sayso, request, OPS)
        await until(lambda: admin.said_in("C0PAYMENTS"))
        [told] = admin.said_in("C0PAYMENTS")
        assert told.startswith("Olga routed payments.* to ops until")
        assert "payments is away. Who may approve, how many and how long stay as they were." in told


async def test_of_two_admins_with_a_dialog_each_the_second_sees_how_it_is_now() -> None:
    async with administering(POLICY.replace("olga@example.com]", "olga@example.com, email:ben@example.com]")) as admin:
        one = await admin.typed("route payments.* to ops")
        two = await admin.typed("route payments.refund to open", user="U0BEN")
        await admin.submitted(one)
        said = await admin.submitted(two, user="U0BEN")
        assert "Another admin has changed something meanwhile." in said
        assert len(admin.sayso.service.configuration.routing.routes) == 1
        await admin.submitted(two, user="U0BEN")
        await admin.sayso.service.configuration.refresh()
        assert len(admin.sayso.service.configuration.routing.routes) == 2


async def test_a_dialog_that_asked_nothing_says_yes_to_nothing_that_a_newer_policy_has_it_ask() -> None:
    async with administering() as admin:
        dialog = await admin.typed("route payments.* to ops")
        assert dialog.view["submit"]["text"] == "Do it"
        asked_in_the_inbox = "  - {name: notes, action: payments.note, ask: {channel: inbox}}\n"
        newer, active = POLICY + asked_in_the_inbox, admin.sayso.service.configuration.policy.digest
        assert (await admin.sayso.service.store.activate(digest(newer), newer, active, "test")).changed
        said = await admin.submitted(dialog)
        assert "Something has changed meanwhile, so this must be confirmed." in said
        assert "nobody could answer in ops" in said
        assert await admin.listed("routes") == []
        assert dialog.view["submit"]["text"] == "Do it anyway"
        await admin.submitted(dialog)
        assert [route["action"] for route in await admin.listed("routes")] == ["payments.*"]


async def test_a_pause_is_not_lost_to_whoever_changes_routes_while_its_dialog_is_open() -> None:
    async with administering() as admin:
        pause = await admin.typed("pause payments.*")
        another = await admin.typed("pause agent shop")
        await admin.route()
        assert "payments.* is paused" in await admin.submitted(pause)
        assert "agent shop is paused" in await admin.submitted(another)
        resume = await admin.typed("resume payments.*")
        await admin.route({**ROUTE, "channel": "open"})
        assert "payments.* goes on" in await admin.submitted(resume)


async def test_a_dialog_ends_the_pause_that_it_has_shown_and_no_later_one() -> None:
    async with administering() as admin:
        first = (await admin.client.post("/v1/admin/pauses", json={"action": "payments.*"})).json()
        dialog = await admin.typed("resume payments.*")
        await admin.client.delete(f"/v1/admin/pauses/{first['id']}")
        body = {"action": "payments.*", "reason": "a leak"}
        later = (await admin.client.post("/v1/admin/pauses", json=body)).json()
        assert "There is no such pause: somebody may have ended it." in await admin.submitted(dialog)
        assert await admin.listed("pauses") == [later]
        dialog = await admin.typed("resume payments.*")
        assert "a leak" in dialog.words
        assert "payments.* goes on" in await admin.submitted(dialog)


async def test_a_dialog_says_yes_to_the_questions_that_it_has_shown_and_to_no_other() -> None:
    async with administering() as admin:
        dialog = await admin.typed("route * to ops")
        assert "* names every action that is asked." in dialog.words
        newer = POLICY + "  - {name: notes, action: payments.note, ask: {channel: inbox}}\n"
        active = admin.sayso.service.configuration.policy.digest
        assert (await admin.sayso.service.store.activate(digest(newer), newer, active, "test")).changed
        said = await admin.submitted(dialog)
        assert "so this must be confirmed" in said
        assert "“notes” names no approvers" in said
        assert await admin.listed("routes") == []
        await admin.submitted(dialog)
        assert len(await admin.listed("routes")) == 1
