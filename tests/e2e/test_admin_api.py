"""What an admin's program may do over HTTP, and what it is refused: each with its own code, and nothing half done."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta, timezone
from time import perf_counter
from typing import Any

import httpx
import pytest

from book import advance
from e2e.admin_office import OPS, POLICY, ROUTE, administering, refused
from e2e.office import PAYMENTS, asked, recorded
from sayso_bot.domain.effects import sent_elsewhere
from sayso_bot.domain.person import Person
from sayso_bot.domain.routing import LiveRoute
from sayso_bot.errors import NotAnApprover
from sayso_bot.policy import digest
from sayso_bot.wiring import _key_watch
from service import ANA, BEN, serving, until

# --------------------------------------------------------------------------- who may


async def test_only_a_key_of_an_admin_administers_and_whoever_else_tries_is_on_the_record() -> None:
    async with serving(policy=POLICY) as sayso:
        agent, executor = await sayso.agent(), await sayso.agent("runner", kinds=frozenset({"executor"}))
        both = await sayso.agent("both", kinds=frozenset({"agent", "admin"}))
        for client in (agent, executor, both):
            for method, path in (("GET", "routes"), ("POST", "pauses"), ("DELETE", "keys/key_0123456789abcdef")):
                answer = await client.request(method, f"/v1/admin/{path}", json={"everything": True})
                refused(answer, 403, "forbidden", "administers nothing", "Nothing was changed")
        refused(await sayso.client().get("/v1/admin/routes"), 401, "unauthenticated")
        entries = [json.loads(entry["data"]) for entry in await sayso.journal("admin_refused")]
        assert {entry["code"] for entry in entries} == {"forbidden"}
        assert len({entry["by"] for entry in entries}) == 3
        admin = await sayso.agent("terraform", kinds=frozenset({"admin"}))
        refused(await admin.post("/v1/requests", json={"action": "look", "params": {}}), 403, "forbidden")


async def test_an_admin_s_key_that_is_revoked_administers_no_more_at_any_replica() -> None:
    async with serving(policy=POLICY) as one, serving(policy=POLICY, redis=one.redis) as two:
        key, secret = await one.key("terraform", kinds=frozenset({"admin"}))
        admin = two.client(secret)
        assert (await admin.get("/v1/admin/routes")).status_code == 200
        two.service.subscription.on("config", lambda: None)
        await one.revoke(key)
        answer = await admin.post("/v1/admin/pauses", json={"everything": True})
        refused(answer, 401, "unauthenticated")
        assert one.service.configuration.pauses == ()
        assert await one.journal("paused") == []


# --------------------------------------------------------------------------- routes


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
        assert second["by"]["evidence"] == "a key of kind admin"
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

    def counted(rules: Any, route: LiveRoute) -> Any:
        looked.append(route.action)
        return sent_elsewhere(rules, route)

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


# --------------------------------------------------------------------------- two admins, and repetitions


async def test_without_the_version_that_was_seen_nothing_is_changed_nor_with_an_old_one() -> None:
    async with administering() as admin:
        old = await admin.version()
        missing = await admin.client.post("/v1/admin/routes", json=ROUTE)
        refused(missing, 428, "precondition_required", "ETag")
        first, second = await asyncio.gather(
            admin.route(etag=old), admin.route({**ROUTE, "action": "payments.refund"}, etag=old)
        )
        assert sorted([first.status_code, second.status_code]) == [201, 412]
        late = first if first.status_code == 412 else second
        refused(late, 412, "changed_meanwhile", "Another admin has changed")
        [route] = await admin.listed("routes")
        for etag in (old, 'W/"routes-1"', '"nonsense"', '"routes-1", "routes-2"'):
            gone = await admin.client.delete(f"/v1/admin/routes/{route['id']}", headers={"If-Match": etag})
            refused(gone, 412, "changed_meanwhile")
        named = await admin.client.put(
            "/v1/admin/channels/night", json={"place": "slack:C0OPEN"}, headers={"If-Match": old}
        )
        refused(named, 412, "changed_meanwhile")
        assert (await admin.route({**ROUTE, "channel": "open"}, etag="*")).status_code == 201


async def test_the_same_call_again_has_the_effect_of_one() -> None:
    async with administering() as admin:
        etag = await admin.version()
        answers = [await admin.route(etag=etag, named="k") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201, 200, 200]
        assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
        assert answers[2].headers["Idempotent-Replayed"] == "true"
        other = await admin.route({**ROUTE, "channel": "open"}, named="k")
        refused(other, 422, "idempotency_mismatch", "nothing more was changed")
        await until(lambda: admin.said_in("C0PAYMENTS"))
        assert len(admin.said_in("C0OPS")) == 2, "one test, one announcement"
        pauses = [
            await admin.client.post("/v1/admin/pauses", json={"agent": "refunder"}, headers={"Idempotency-Key": "p"})
            for _ in range(2)
        ]
        assert [answer.status_code for answer in pauses] == [201, 200]


# --------------------------------------------------------------------------- channels


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


async def test_a_route_to_a_place_without_a_name_names_it_in_the_same_step() -> None:
    async with administering() as admin:
        admin.slack.add_channel("C0NIGHT", members=["U0ANA"])
        made = await admin.route({"action": "payments.*", "channel": "slack:C0NIGHT"})
        assert made.json()["channel"] == "slack-C0NIGHT"
        assert {channel["name"] for channel in await admin.listed("channels")} >= {"slack-C0NIGHT"}
        kinds = [entry["kind"] for entry in await admin.sayso.journal()]
        assert kinds.index("channel_named") + 1 == kinds.index("route_set")


async def test_admins_are_told_at_their_accounts_and_nothing_goes_to_an_e_mail_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with administering() as admin:
        books, told_at = admin.sayso.service.store.office, list[str]()
        report = books.report

        async def seen(place: str, what: str, notices: Any) -> bool:
            told_at.extend(at for _, at in notices)
            return await report(place, what, notices)

        monkeypatch.setattr(books, "report", seen)
        await admin.sayso.service.office.report(OPS, "is_archived")
        assert told_at == ["slack:T0TEAM/U0OLGA"]


async def test_a_channel_that_stops_working_is_reported_once_to_the_admins_with_what_depends_on_it() -> None:
    async with administering() as admin:
        await admin.route()
        await until(lambda: len(admin.said_in("C0OPS")) == 2)
        admin.slack.fail("chat.postMessage", "is_archived")
        request = await asked(admin.agent)
        await until(lambda: any("cannot be reached (is_archived)" in said for said in admin.said_to_olga()))
        [told] = admin.said_to_olga()
        assert "The channel ops (slack:C0OPS)" in told
        assert "payments.* (set by the key terraform)" in told
        [route] = await admin.listed("routes")
        assert route["ill"]["what"] == "is_archived"
        await advance(admin.sayso.service.store, 130)
        await admin.sayso.service.store.client.publish(admin.sayso.service.store.keys.tag + "outbox", "now")
        await recorded(admin.sayso, request, OPS)
        await until(lambda: any("can be reached again" in said for said in admin.said_to_olga()))
        assert (await admin.listed("routes"))[0]["ill"] is None


# --------------------------------------------------------------------------- pauses


async def test_a_pause_is_named_and_ended_by_its_id_and_who_resumes_is_told_who_paused() -> None:
    async with administering() as admin:
        made = await admin.client.post("/v1/admin/pauses", json={"action": "payments.*", "reason": "a leak"})
        assert made.status_code == 201
        pause = made.json()
        assert (pause["action"], pause["everything"], pause["reason"]) == ("payments.*", False, "a leak")
        again = await admin.client.post("/v1/admin/pauses", json={"action": "payments.*"})
        refused(again, 409, "taken", "Paused by the key terraform", "a leak")
        held = await admin.agent.post("/v1/requests", json={"action": "payments.refund", "params": {}})
        refused(held, 423, "paused", "payments.* is paused by an admin")
        assert "leak" not in held.text
        assert await admin.listed("pauses") == [pause]
        await until(lambda: admin.said_in("C0PAYMENTS"))
        assert admin.said_in("C0OPEN") == []
        ended = await admin.client.delete(f"/v1/admin/pauses/{pause['id']}")
        assert "Paused by the key terraform" in ended.json()["said"]
        refused(await admin.client.delete(f"/v1/admin/pauses/{pause['id']}"), 404, "not_found")
        assert (await admin.agent.post("/v1/requests", json={"action": "look", "params": {}})).status_code == 201


# --------------------------------------------------------------------------- moves


async def test_a_pending_request_is_taken_along_and_its_old_card_says_where_it_is() -> None:
    async with administering() as admin:
        request = await asked(admin.agent)
        await recorded(admin.sayso, request)
        [old] = [message for message in admin.slack.messages if message.channel == "C0PAYMENTS"]
        body = {"channel": "ops", "reason": "payments sleeps"}
        moved = await admin.client.post(f"/v1/admin/requests/{request}/move", json=body)
        assert moved.json() == {"channel": "ops", "moved": [request], "left": 0}
        await recorded(admin.sayso, request, OPS)
        await until(lambda: "Asked in ops now, by the key terraform: payments sleeps." in old.words)
        assert old.button("approve") is None
        assert old.button("deny") is None
        again = await admin.client.post(f"/v1/admin/requests/{request}/move", json=body)
        refused(again, 409, "no_effect")
        await admin.sayso.vote(request, "approve", person=ANA)
        assert (await admin.agent.get(f"/v1/requests/{request}")).json()["status"] == "approved"
        refused(await admin.client.post(f"/v1/admin/requests/{request}/move", json=body), 409, "settled")
        unknown = await admin.client.post("/v1/admin/requests/req_00000000-0000-7000-8000-000000000000/move", json=body)
        refused(unknown, 404, "not_found")


async def test_all_that_waits_of_a_pattern_is_taken_along_once_however_often_it_is_asked_for() -> None:
    async with administering() as admin:
        requests = {await asked(admin.agent) for _ in range(3)}
        other = await asked(admin.agent, "deploy.prod")
        for request in requests:
            await recorded(admin.sayso, request)
        body, headers = {"action": "payments.*", "channel": "ops"}, {"Idempotency-Key": "m"}
        first = await admin.client.post("/v1/admin/moves", json=body, headers=headers)
        again = await admin.client.post("/v1/admin/moves", json=body, headers=headers)
        assert set(first.json()["moved"]) == requests
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
        for request in requests:
            await recorded(admin.sayso, request, OPS)
        assert (await admin.sayso.service.desk.look(other)).moved is None
        assert len(await admin.sayso.journal("moved")) == 3
        refused(await admin.client.post("/v1/admin/moves", json=body), 409, "no_effect")


# --------------------------------------------------------------------------- keys


async def test_keys_are_made_listed_rotated_with_an_overlap_and_revoked() -> None:
    async with administering() as admin:
        body = {"name": "shop", "actions": ["payments.*"], "principal": "Ana@example.com"}
        made = await admin.client.post("/v1/admin/keys", json=body, headers={"Idempotency-Key": "k"})
        assert made.status_code == 201
        shop, key = admin.sayso.client(made.json()["secret"]), made.json()["key"]
        assert (key["kinds"], key["principal"], key["last_used_at"]) == (["agent"], "ana@example.com", None)
        again = await admin.client.post("/v1/admin/keys", json=body, headers={"Idempotency-Key": "k"})
        assert (again.status_code, again.json()["secret"], again.json()["key"]["id"]) == (200, None, key["id"])
        assert (await shop.get("/v1/requests")).status_code == 200

        rotated = await admin.client.post(f"/v1/admin/keys/{key['id']}/rotate", json={"overlap": "10m"})
        successor = admin.sayso.client(rotated.json()["secret"])
        assert rotated.json()["instead_of"]["lapses_at"] is not None
        assert rotated.json()["key"]["actions"] == ["payments.*"]
        for client in (shop, successor):
            assert (await client.get("/v1/requests")).status_code == 200
        await advance(admin.sayso.service.store, 601)

        async def is_over() -> bool:
            return (await shop.get("/v1/requests")).status_code == 401

        await until(is_over)
        assert (await successor.get("/v1/requests")).status_code == 200
        listed = {item["id"]: item for item in await admin.listed("keys?limit=100")}
        assert listed[key["id"]]["revoked_at"] is not None

        new_id = rotated.json()["key"]["id"]
        assert (await admin.client.delete(f"/v1/admin/keys/{new_id}")).status_code == 200
        assert (await successor.get("/v1/requests")).status_code == 401
        late = await admin.client.delete(f"/v1/admin/keys/{new_id}")
        assert "revoked before" in late.json()["said"]
        refused(await admin.client.post(f"/v1/admin/keys/{new_id}/rotate", json={}), 409, "no_effect")
        refused(await admin.client.delete("/v1/admin/keys/key_0000000000000000"), 404, "not_found")
        journal = str(await admin.sayso.journal())
        assert made.json()["secret"] not in journal
        assert rotated.json()["secret"] not in journal


async def test_a_key_that_is_revoked_ends_the_calls_that_it_holds_at_once_at_every_replica() -> None:
    async with administering() as admin, serving(policy=POLICY, redis=admin.sayso.redis) as other:
        key, secret = await admin.sayso.key("waiter")
        request = await asked(admin.sayso.client(secret), "read.a")
        held = [
            asyncio.create_task(each.client(secret).get(f"/v1/requests/{request}?wait=50"))
            for each in (admin.sayso, other)
        ]
        await until(lambda: admin.sayso.service.desk.held == other.service.desk.held == 1)
        assert (await admin.client.delete(f"/v1/admin/keys/{key.id}")).status_code == 200
        answers = await asyncio.wait_for(asyncio.gather(*held), 3)
        assert [answer.status_code for answer in answers] == [401, 401]


async def test_when_a_key_was_used_last_is_told_to_the_minute_and_costs_no_write_a_call() -> None:
    async with administering() as admin:
        for _ in range(20):
            await admin.agent.get("/v1/requests")
        assert await admin.sayso.service.store.office.last_used() == {}
        await _key_watch(admin.sayso.service).note()
        used = {item["name"]: item["last_used_at"] for item in await admin.listed("keys")}
        assert used["refunder"] is not None


async def test_keys_come_in_pages() -> None:
    async with administering() as admin:
        for number in range(7):
            await admin.sayso.key(f"agent-{number}")
        seen, path = [], "/v1/admin/keys?limit=4"
        while path:
            page = (await admin.client.get(path)).json()
            seen += [item["id"] for item in page["items"]]
            path = page["next_cursor"] and f"/v1/admin/keys?limit=4&cursor={page['next_cursor']}"
        assert len(seen) == len(set(seen)) == 9
        refused(await admin.client.get("/v1/admin/keys?cursor=key_0"), 422, "invalid_field", "cursor")
