"""What an admin's program may do over HTTP, and what it is refused: each with its own code, and nothing half done."""

from __future__ import annotations

import asyncio
import json

from e2e.admin_office import OPS, POLICY, ROUTE, administering, refused
from e2e.office import asked, recorded
from service import ANA, serving, until

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


async def test_a_resume_whose_answer_was_lost_is_told_as_done_when_it_is_repeated() -> None:
    async with administering() as admin:
        pause = (await admin.client.post("/v1/admin/pauses", json={"action": "payments.*"})).json()
        key = {"Idempotency-Key": "resume-1"}
        first, second = [await admin.client.delete(f"/v1/admin/pauses/{pause['id']}", headers=key) for _ in range(2)]
        assert (first.status_code, "Idempotent-Replayed" in first.headers) == (200, False)
        assert (second.status_code, second.headers["Idempotent-Replayed"]) == (200, "true")
        assert second.json()["said"].startswith("payments.* goes on. Paused by the key terraform")
        other = await admin.client.delete("/v1/admin/pauses/pause_0000000000000000", headers=key)
        refused(other, 422, "idempotency_mismatch")


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
