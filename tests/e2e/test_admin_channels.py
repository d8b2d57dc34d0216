"""Names of places, and what becomes known when one stops working."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from e2e.admin_office import OPS, POLICY, Admin, administering, refused
from e2e.office import asked, later, recorded
from sayso_bot.office.admins import Admins
from sayso_bot.policy import digest
from sayso_bot.workers.illness import LOOK_SECONDS
from service import until


async def test_a_place_gets_a_name_after_a_test_and_loses_it_when_nothing_depends_on_it() -> None:
    async with administering() as admin:
        admin.slack.add_channel("C0NIGHT", members=["U0ANA"])

        async def call(method: str, path: str, **more: Any) -> httpx.Response:
            headers = {"If-Match": await admin.version()}
            return await admin.client.request(method, f"/v1/admin/channels/{path}", headers=headers, **more)

        night = {"place": "slack:C0NIGHT", "reason": "nights"}
        made = await call("PUT", "night", json=night)
        assert (made.status_code, made.json()["place"]) == (201, "slack:C0NIGHT")
        assert admin.said_in("C0NIGHT")[0].startswith("A test")
        refused(await call("PUT", "night", json=night), 409, "no_effect")
        refused(await call("PUT", "payments", json=night), 409, "taken", "the policy's names stand")
        refused(await call("PUT", "inbox", json=night), 409, "taken")
        refused(await call("PUT", "no%20name", json=night), 422, "invalid_field", "A name has")
        await admin.route({"action": "payments.*", "channel": "night"})
        listed = {channel["name"]: channel for channel in await admin.listed("channels")}
        assert len(listed["night"]["routes"]) == 1
        assert listed["payments"]["set_by"] is None
        refused(await call("DELETE", "night"), 409, "in_use", "payments.*")
        refused(await call("DELETE", "payments"), 404, "not_found", "the policy's")
        [route] = await admin.listed("routes")
        await admin.undo(route["id"])
        assert (await call("DELETE", "night")).status_code == 200
        refused(await call("DELETE", "night"), 404, "not_found")
        test = await admin.client.post("/v1/admin/channels/ops/test")
        assert test.json()["said"] == "A test message was posted to ops."


async def test_a_name_is_given_to_another_place_where_no_route_leads_by_it_and_both_are_told() -> None:
    async with administering() as admin:

        async def names(channel: str, reason: str) -> httpx.Response:
            body, headers = {"place": f"slack:{channel}", "reason": reason}, {"If-Match": await admin.version()}
            return await admin.client.put("/v1/admin/channels/night", json=body, headers=headers)

        assert (await names("C0OPEN", "nights")).status_code == 201
        route = (await admin.route({"action": "payments.*", "channel": "night"})).json()
        dialog = await admin.typed("channel name night", channel="C0OTHER", called="other")
        taken = "The route of payments.* leads to night, which is slack:C0OPEN. Nothing was changed; undo it first."
        assert taken in dialog.words
        dialog.open = False
        refused(await names("C0OTHER", "other nights"), 409, "in_use", taken)
        await admin.undo(route["id"])
        dialog = await admin.typed("channel name night", channel="C0OTHER", called="other")
        assert "slack:T0TEAM/C0OTHER may be called night in routes and moves." in dialog.words
        assert "slack:C0OPEN is called night no longer. the key terraform had named it: nights." in dialog.words
        dialog.open = False
        assert (await names("C0OTHER", "other nights")).status_code in (200, 201)
        await until(lambda: any("named this channel night in Sayso" in said for said in admin.said_in("C0OTHER")))
        gave = "the key terraform gave the name night, which this channel had in Sayso, to slack:C0OTHER: other nights."
        await until(lambda: gave in admin.said_in("C0OPEN"))


async def test_a_channel_is_told_that_its_name_is_forgotten() -> None:
    async with administering() as admin:
        await admin.submitted(await admin.typed("channel name night", channel="C0OTHER", called="other"))
        await admin.submitted(await admin.typed("channel forget night"), why="it is day")
        told = "Olga took the name night from this channel in Sayso: it is day."
        await until(lambda: told in admin.said_in("C0OTHER"))


async def test_a_new_name_is_none_by_which_a_route_leads_to_another_place() -> None:
    """One that the policy gave when the route was set, and gives no more."""
    async with administering() as admin:
        await admin.route()
        service, without = admin.sayso.service, POLICY.replace("  ops: slack:C0OPS\n", "")
        active = service.configuration.policy.digest
        assert (await service.store.activate(digest(without), without, active, "test")).changed
        dialog = await admin.typed("channel use deploy.*", channel="C0OTHER", called="ops")
        assert "deploy.* is asked in ops-2 for good." in dialog.words


async def test_a_route_to_a_place_without_a_name_names_it_in_the_same_step() -> None:
    async with administering() as admin:
        admin.slack.add_channel("C0NIGHT", members=["U0ANA"])
        made = await admin.route({"action": "payments.*", "channel": "slack:C0NIGHT"})
        assert made.json()["channel"] == "slack-C0NIGHT"
        assert {channel["name"] for channel in await admin.listed("channels")} >= {"slack-C0NIGHT"}
        kinds = [entry["kind"] for entry in await admin.sayso.journal()]
        assert kinds.index("channel_named") + 1 == kinds.index("route_set")


async def test_a_place_is_not_named_after_the_channel_where_a_route_to_it_was_typed() -> None:
    async with administering() as admin:
        admin.slack.add_channel("C0NIGHT", members=["U0ANA"])
        dialog = await admin.typed("route payments.* to slack:C0NIGHT", channel="C0OTHER", called="other")
        assert "payments.* is asked in slack-C0NIGHT for good." in dialog.words
        assert "slack-C0NIGHT is slack:C0NIGHT, which has no name in Sayso yet and gets this one." in dialog.words
        await admin.submitted(dialog)
        names = {channel["name"]: channel["place"] for channel in await admin.listed("channels")}
        assert names["slack-C0NIGHT"] == "slack:C0NIGHT"
        assert "other" not in names
        here = await admin.typed("route deploy.* to here", channel="C0OTHER", called="other")
        assert "other is slack:T0TEAM/C0OTHER, which has no name in Sayso yet and gets this one." in here.words


async def test_admins_are_told_at_their_accounts_and_nothing_goes_to_an_e_mail_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with administering() as admin:
        books, told_at = admin.sayso.service.store.office, list[str]()
        tell = books.tell

        async def seen(fact: str, value: str, before: str | None, notices: Any) -> bool:
            told_at.extend(at for _, at in notices)
            return await tell(fact, value, before, notices)

        monkeypatch.setattr(books, "tell", seen)
        await admin.sayso.service.office.report(OPS, "is_archived")
        await until(lambda: told_at)
        await asyncio.sleep(2 * LOOK_SECONDS)
        assert told_at == ["slack:T0TEAM/U0OLGA"]


async def test_a_channel_that_stops_working_is_reported_once_to_the_admins_with_what_depends_on_it() -> None:
    async with administering() as admin:
        await admin.route()
        await until(lambda: len(admin.said_in("C0OPS")) == 2)
        admin.slack.fail("chat.postMessage", "is_archived")
        request = await asked(admin.agent)
        await until(lambda: any("cannot be reached (is_archived)" in said for said in admin.said_to_olga()))
        [said] = admin.said_to_olga()
        assert "The channel ops (slack:C0OPS)" in said
        assert "payments.* (set by the key terraform)" in said
        [route] = await admin.listed("routes")
        assert route["ill"]["what"] == "is_archived"
        await later(admin.sayso, 130)
        await recorded(admin.sayso, request, OPS)
        await told(admin, "can be reached again")
        assert (await admin.listed("routes"))[0]["ill"] is None


@pytest.mark.parametrize(("fallback", "place"), [("inbox", "inbox"), ("ops", OPS)])
async def test_a_channel_whose_cards_go_to_the_fallback_is_reported_too(fallback: str, place: str) -> None:
    async with administering(
        POLICY.replace("channel: payments,", f"channel: payments, fallback: {fallback},")
    ) as admin:
        admin.slack.fail("chat.postMessage", "is_archived")
        request = await asked(admin.agent)
        await until(lambda: _is_at(admin, request, place))
        assert "The channel payments" in await told(admin, "cannot be reached (is_archived)")
        assert (await _channel(admin, "payments"))["ill"]["what"] == "is_archived"
        await recorded(admin.sayso, await asked(admin.agent))
        await told(admin, "can be reached again")
        assert (await _channel(admin, "payments"))["ill"] is None
        assert len(admin.said_to_olga()) == 2


async def test_a_channel_that_takes_no_new_cards_is_no_better_for_an_old_one_that_changes() -> None:
    async with administering(POLICY.replace("channel: payments,", "channel: payments, fallback: inbox,")) as admin:
        old = await asked(admin.agent)
        await recorded(admin.sayso, old)
        admin.slack.fail("chat.postMessage", "restricted_action")
        new = await asked(admin.agent)
        await until(lambda: _is_at(admin, new, "inbox"))
        await told(admin, "cannot be reached (restricted_action)")
        await admin.agent.post(f"/v1/requests/{old}/cancel")
        await until(lambda: admin.slack.called("chat.update"))
        await asyncio.sleep(2 * LOOK_SECONDS)
        assert (await _channel(admin, "payments"))["ill"]["what"] == "restricted_action"
        assert len(admin.said_to_olga()) == 1


async def test_a_channel_in_which_only_lists_are_shown_gets_well_and_is_reported_when_it_is_ill_again() -> None:
    async with administering(POLICY.replace("timeout: 30m}", "timeout: 30m, digest: true}")) as admin:
        for count, method in enumerate(("chat.postMessage", "chat.update"), 1):
            admin.slack.fail(method, "is_archived")
            await asked(admin.agent)
            await told(admin, "cannot be reached (is_archived)", count=count)
            await later(admin.sayso, 130)
            await told(admin, "can be reached again", count=count)


async def test_admins_who_could_not_be_looked_up_are_told_as_soon_as_they_can_be() -> None:
    async with administering() as admin:
        admin.slack.break_("users.lookupByEmail", status=503, times=2)
        admin.slack.fail("chat.postMessage", "is_archived")
        await asked(admin.agent)
        await until(lambda: _is_ill(admin, "payments"))
        assert admin.said_to_olga() == []
        await told(admin, "cannot be reached (is_archived)")
        assert len(await admin.sayso.journal("place_ill")) == 1


async def test_admins_who_could_not_be_looked_up_are_told_later_that_a_channel_works_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with administering() as admin:
        admin.slack.fail("chat.postMessage", "is_archived")
        await asked(admin.agent)
        await told(admin, "cannot be reached (is_archived)")
        looked_up = asyncio.Event()
        places = Admins.places

        async def unknown(_: Admins) -> None:
            looked_up.set()

        monkeypatch.setattr(Admins, "places", unknown)
        await later(admin.sayso, 130)
        await until(looked_up.is_set)
        assert not await _is_ill(admin, "payments")
        monkeypatch.setattr(Admins, "places", places)
        await told(admin, "can be reached again")
        assert len(admin.said_to_olga()) == 2


async def test_an_admin_whose_look_up_failed_is_told_with_the_others_when_it_does_not() -> None:
    policy = POLICY.replace("admins: [", 'admins: ["email:ana@example.com", ')
    async with administering(policy) as admin:
        admin.slack.break_("users.lookupByEmail", status=503, times=1)
        admin.slack.fail("chat.postMessage", "is_archived")
        await asked(admin.agent)
        await told(admin, "cannot be reached (is_archived)")
        said = [message.text for message in admin.slack.messages if message.channel == "DU0ANA"]
        assert [text for text in said if "cannot be reached (is_archived)" in text] == admin.said_to_olga()


async def test_a_test_that_arrives_brings_the_stuck_cards_of_its_channel_and_nobody_is_told_that_it_is_ill_again() -> (
    None
):
    async with administering() as admin:
        admin.slack.fail("chat.postMessage", "not_in_channel", times=2)
        requests = [await asked(admin.agent) for _ in range(2)]
        await told(admin, "cannot be reached (not_in_channel)")
        assert (await admin.client.post("/v1/admin/channels/payments/test")).status_code == 200
        for request in requests:
            await recorded(admin.sayso, request)
        await told(admin, "can be reached again")
        await asyncio.sleep(2 * LOOK_SECONDS)
        assert len(admin.said_to_olga()) == 2


async def test_a_test_that_arrives_where_nothing_is_stuck_tells_the_admins_that_the_channel_works_again() -> None:
    async with administering() as admin:
        admin.slack.fail("chat.postMessage", "is_archived")
        request = await asked(admin.agent)
        await told(admin, "cannot be reached (is_archived)")
        await admin.agent.post(f"/v1/requests/{request}/cancel")
        await until(lambda: _is_calm(admin))
        assert (await _channel(admin, "payments"))["ill"] is not None
        assert (await admin.client.post("/v1/admin/channels/payments/test")).status_code == 200
        await told(admin, "can be reached again")
        assert (await _channel(admin, "payments"))["ill"] is None


async def _is_calm(admin: Admin) -> bool:
    return not await admin.sayso.service.store.alarms(1)


async def told(admin: Admin, words: str, *, count: int = 1) -> str:
    """What the admin was told in so many words, for the ``count``th time."""

    async def is_told() -> bool:
        await later(admin.sayso, 0.1)
        return len(_said(admin, words)) == count

    await until(is_told)
    return _said(admin, words)[-1]


def _said(admin: Admin, words: str) -> list[str]:
    return [said for said in admin.said_to_olga() if words in said]


async def _is_at(admin: Admin, request: str, place: str) -> bool:
    return (await admin.sayso.service.desk.look(request)).place == place


async def _is_ill(admin: Admin, name: str) -> bool:
    return (await _channel(admin, name))["ill"] is not None


async def _channel(admin: Admin, name: str) -> dict[str, Any]:
    return next(channel for channel in await admin.listed("channels") if channel["name"] == name)
