"""What a live route moves and what it does not, how long it holds, and where it is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from time import perf_counter
from typing import Any

import pytest

from book import advance
from e2e.admin_office import OPS, POLICY, ROUTE, administering, refused
from e2e.office import PAYMENTS, asked, recorded
from sayso_bot.domain.effects import sent_elsewhere
from sayso_bot.domain.person import Person
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.errors import NotAnApprover
from sayso_bot.policy import digest
from service import ANA, BEN, serving, until


async def test_a_route_moves_the_card_and_nothing_else_and_is_undone_in_one_step() -> None:
    async with administering() as admin:
        before = await asked(admin.agent)
        await recorded(admin.sayso, before)
        made = await admin.route({**ROUTE, "for": "2h"})
        assert made.status_code == 201, made.text
        route = made.json()
        assert (route["channel"], route["place"], route["set_by"]["surface"]) == ("ops", OPS, "api")
        [listed] = await admin.listed("routes")
        assert (listed["id"], listed["rules"], listed["reason"]) == (route["id"], ["refunds"], "payments is away")
        assert listed["until"] is not None

        routed = await asked(admin.agent)
        await recorded(admin.sayso, routed, OPS)
        told = (await admin.agent.get(f"/v1/requests/{routed}")).json()
        assert told["requirement"]["channel"] == "payments"
        with pytest.raises(NotAnApprover):
            await admin.sayso.vote(routed, "approve", person=BEN, surface="slack")
        card = next(message for message in admin.slack.messages if message.channel == "C0OPS" and message.buttons)
        assert "Asked in ops instead of payments, by the key terraform: payments is away." in card.words
        await admin.sayso.vote(routed, "approve", person=ANA)
        await recorded(admin.sayso, before)

        assert (await admin.undo(route["id"])).status_code == 200
        again = await asked(admin.agent)
        await recorded(admin.sayso, again)
        kinds = [entry["kind"] for entry in await admin.sayso.journal()]
        assert kinds.count("route_set") == kinds.count("route_undone") == 1


async def test_a_change_is_announced_once_in_each_channel_that_it_touches_after_a_test_in_the_new_one() -> None:
    async with administering() as admin:
        route = (await admin.route()).json()
        await until(lambda: len(admin.said_in("C0OPS")) == 2 and admin.said_in("C0PAYMENTS"))
        test, announced = admin.said_in("C0OPS")
        assert test.startswith("A test, before payments.* is asked here: Sayso can post in this channel.")
        assert announced.startswith("the key terraform routed payments.* to ops for good: payments is away.")
        assert admin.said_in("C0PAYMENTS") == [announced]
        await admin.undo(route["id"])
        await until(lambda: len(admin.said_in("C0PAYMENTS")) == 2)
        assert "is asked where the policy says again" in admin.said_in("C0PAYMENTS")[1]
        assert admin.said_in("C0OPEN") == []


async def test_the_record_has_before_and_after_who_and_from_where() -> None:
    async with administering() as admin:
        await admin.route()
        await admin.route({**ROUTE, "channel": "open"})
        first, second = [json.loads(entry["data"]) for entry in await admin.sayso.journal("route_set")]
        assert (first["before"], first["after"]["channel"]) == (None, "ops")
        assert (second["before"]["channel"], second["after"]["channel"]) == ("ops", "open")
        assert second["by"]["surface"] == "api"
        assert second["by"]["id"].startswith("key_")
        assert (second["by"]["evidence"], second["by"]["place"]) == ("a key of kind admin", "127.0.0.1")
        assert len(await admin.listed("routes")) == 1


async def test_a_route_ends_at_its_time_and_outlives_a_restart_and_another_policy() -> None:
    async with administering() as admin:
        until_time = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
        assert (await admin.route({**ROUTE, "until": until_time})).status_code == 201
        async with serving(policy=POLICY, redis=admin.sayso.redis, environ=admin.slack.settings()) as restarted:
            agent = await restarted.agent("late")
            await recorded(restarted, await asked(agent), OPS)
            other = POLICY.replace("timeout: 30m", "timeout: 40m")
            active = restarted.service.configuration.policy.digest
            assert (await restarted.service.store.activate(digest(other), other, active, "test")).changed
            await recorded(restarted, await asked(agent), OPS)
            await advance(restarted.service.store, 3600)
            await recorded(restarted, await asked(agent), PAYMENTS)
            assert await admin.listed("routes") == []


async def test_which_rules_routes_concern_is_looked_at_when_either_has_changed_and_not_by_each_who_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[str] = []

    def counted(rules: Any, route: LiveRoute, routes: Any) -> Any:
        looked.append(route.action)
        return sent_elsewhere(rules, route, routes)

    monkeypatch.setattr("sayso_bot.office.overview.sent_elsewhere", counted)
    async with administering() as admin:
        await admin.route()
        looked.clear()
        for _ in range(3):
            assert [route["rules"] for route in await admin.listed("routes")] == [["refunds"]]
        assert len(looked) <= 1
        other = POLICY.replace("name: refunds", "name: money back")
        active = admin.sayso.service.configuration.policy.digest
        assert (await admin.sayso.service.store.activate(digest(other), other, active, "test")).changed
        assert [route["rules"] for route in await admin.listed("routes")] == [["money back"]]


async def test_an_explanation_tells_what_becomes_of_it_now_and_nothing_that_is_over() -> None:
    async with administering() as admin:

        async def explained() -> dict[str, Any]:
            answer = await admin.client.post("/v1/admin/policy/explain", json={"action": "deploy.prod"})
            told: dict[str, Any] = answer.json()
            return told

        assert (await admin.route({"action": "deploy.*", "channel": "ops", "for": "1h"})).status_code == 201
        pause = (await admin.client.post("/v1/admin/pauses", json={"action": "deploy.*"})).json()
        now = await explained()
        assert (now["placed"]["channel"], now["paused"]) == ("ops", pause)
        assert (now["verdict"]["channel"], now["verdict"]["approvers"]) == ("open", None)
        await admin.client.delete(f"/v1/admin/pauses/{pause['id']}")
        await advance(admin.sayso.service.store, 3600)
        over = await explained()
        assert (over["placed"]["channel"], over["paused"]) == ("open", None)


async def test_an_end_in_another_zone_is_told_in_utc() -> None:
    async with administering() as admin:
        end = (datetime.now(UTC) + timedelta(hours=3)).replace(second=0, microsecond=0)
        elsewhere = end.astimezone(timezone(timedelta(hours=5, minutes=30)))
        route = await admin.route({**ROUTE, "until": elsewhere.isoformat()})
        assert datetime.fromisoformat(route.json()["until"]) == end
        await until(lambda: admin.said_in("C0PAYMENTS"))
        assert f"to ops until {end:%-d %b %Y, %H:%M} UTC" in admin.said_in("C0PAYMENTS")[0]
        dialog = await admin.typed(f"channel use payments.x until {elsewhere.isoformat()}")
        assert f"until {end:%-d %b %Y, %H:%M} UTC" in dialog.words


async def test_a_route_holds_for_the_next_request_at_another_replica_and_within_a_second() -> None:
    async with administering() as admin:
        environ = admin.slack.settings()
        async with serving(policy=POLICY, redis=admin.sayso.redis, environ=environ) as other:
            agent = await other.agent("elsewhere")
            for channel, place in (("ops", OPS), ("open", "slack:C0OPEN")) * 2:
                assert (await admin.route({**ROUTE, "channel": channel})).status_code == 201
                answered = perf_counter()
                request = await asked(agent)
                assert perf_counter() - answered < 1
                assert (await other.service.desk.look(request)).place == place, "not one is asked by the route before"


async def test_the_exact_name_counts_before_a_pattern_and_more_letters_before_fewer() -> None:
    async with administering() as admin:
        for action, channel in (("*", "inbox"), ("payments.*", "open"), ("payments.refund", "ops")):
            answer = await admin.route({"action": action, "channel": channel, "confirm": True})
            assert answer.status_code == 201, answer.text
        await recorded(admin.sayso, await asked(admin.agent), OPS)
        deployed = await asked(admin.agent, "deploy.prod")
        request = await admin.sayso.service.desk.look(deployed)
        assert (request.place, request.asked_in) == ("", "inbox")


async def test_what_is_undone_falls_to_a_broader_route_and_says_so_where_it_is_asked_then() -> None:
    async with administering() as admin:
        await admin.route()
        exact = (await admin.route({"action": "payments.refund", "channel": "open"})).json()
        await until(lambda: any("routed payments.refund to open" in said for said in admin.said_in("C0OPS")))
        dialog = await admin.typed("route undo payments.refund")
        assert "payments.refund is asked in ops, as the route of payments.* has it." in dialog.words
        dialog.open = False
        assert (await admin.undo(exact["id"])).status_code == 200
        then = "It is asked in ops, as the route of payments.* has it."
        await until(lambda: all(any(then in said for said in admin.said_in(place)) for place in ("C0OPS", "C0OPEN")))
        await recorded(admin.sayso, await asked(admin.agent), OPS)
        told = [message.words for message in admin.slack.messages]
        assert not any("where the policy says again" in said for said in told)


async def test_an_action_is_kept_where_its_rule_asks_though_a_broader_route_leads_elsewhere() -> None:
    async with administering() as admin:
        await admin.route()
        kept = await admin.route({"action": "payments.refund", "channel": "payments"})
        assert kept.status_code == 201, kept.text
        await recorded(admin.sayso, await asked(admin.agent))
        assert [route["rules"] for route in await admin.listed("routes")] == [["refunds"], ["refunds"]]
        await until(lambda: any("routed payments.refund to payments" in said for said in admin.said_in("C0OPS")))


async def test_the_place_that_a_replaced_route_had_is_told_where_its_cards_go() -> None:
    async with administering() as admin:
        await admin.route()
        await admin.route({**ROUTE, "channel": "open"})
        await until(lambda: any("routed payments.* to open" in said for said in admin.said_in("C0OPS")))


async def test_whoever_is_in_the_old_channel_answers_and_nobody_in_the_new_one_by_being_there() -> None:
    async with administering() as admin:
        preview = await admin.client.post("/v1/admin/previews/route", json={"action": "deploy.*", "channel": "ops"})
        assert "It names no approvers, so who is in open may answer, as before, and nobody else." in str(preview.json())
        await admin.route({"action": "deploy.*", "channel": "ops"})
        request = await asked(admin.agent, "deploy.prod")
        await recorded(admin.sayso, request, OPS)
        stranger = Person.known_as("Ana", {"slack:T0TEAM/U0ANA", "email:ana@example.com"})
        with pytest.raises(NotAnApprover, match="Only whoever is in open may decide"):
            await admin.sayso.vote(request, "approve", person=stranger, surface="slack")
        member = Person.known_as("Ben", {"slack:T0TEAM/U0BEN", "email:ben@example.com"})
        await admin.sayso.vote(request, "approve", person=member, surface="slack")


async def test_a_route_to_the_rule_s_own_fallback_admits_nobody_by_that() -> None:
    policy = POLICY.replace("ask: {channel: open}", "ask: {channel: open, fallback: ops}")
    async with administering(policy) as admin:
        await admin.route({"action": "deploy.*", "channel": "ops"})
        request = await asked(admin.agent, "deploy.prod")
        assert not (await admin.sayso.service.desk.look(request)).at_fallback
        ana = Person.known_as("Ana", {"slack:T0TEAM/U0ANA", "email:ana@example.com"})
        with pytest.raises(NotAnApprover):
            await admin.sayso.vote(request, "approve", person=ana, surface="slack")


@pytest.mark.parametrize(
    ("trouble", "said"),
    [("not_in_channel", "/invite @Sayso"), ("is_archived", "Unarchive it"), ("channel_not_found", "no such channel")],
)
async def test_a_place_to_which_sayso_cannot_post_is_refused_and_nothing_is_changed(trouble: str, said: str) -> None:
    async with administering() as admin:
        admin.slack.fail("chat.postMessage", trouble)
        refused(await admin.route(), 422, "place_unusable", trouble, said, "Nothing was changed")
        assert await admin.listed("routes") == []
        assert await admin.sayso.journal("route_set") == []


async def test_a_platform_that_does_not_answer_leaves_everything_as_it_was() -> None:
    async with administering() as admin:
        admin.slack.break_("chat.postMessage", status=500)
        refused(await admin.route(), 503, "unavailable", "try again shortly")
        assert await admin.listed("routes") == []


async def test_what_is_asked_again_may_be_confirmed() -> None:
    async with administering() as admin:
        body = {"action": "rockets.*", "channel": "ops", "confirm": True}
        assert (await admin.route(body)).status_code == 201
        [listed] = await admin.listed("routes")
        assert listed["rules"] == []
