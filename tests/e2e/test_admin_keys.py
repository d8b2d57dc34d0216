"""Keys over HTTP: made, listed, rotated and revoked, and what that means for the calls that they hold."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx

from book import advance
from e2e.admin_office import POLICY, administering, refused
from e2e.office import asked
from sayso_bot.wiring import _key_watch
from service import ServiceProcess, serving, until


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
        records = [json.loads(entry["data"]) for entry in await admin.sayso.journal("key_created")]
        ours = [record for record in records if record["key"] in (key["id"], new_id)]
        assert [record["principal"] for record in ours] == ["ana@example.com"] * 2
        assert all(record["quotas"] == key["quotas"] for record in ours)
        assert all(record["by"]["place"] == "127.0.0.1" for record in ours)
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


async def test_a_key_of_several_kinds_whose_answer_was_lost_is_found_again_after_a_restart(tmp_path: Path) -> None:
    body, named = {"name": "shop", "kinds": ["agent", "executor"]}, {"Idempotency-Key": "k"}
    admin: dict[str, str] = {}
    answers: list[httpx.Response] = []
    for seed in ("0", "1"):  # in which a process goes through texts in either order
        with ServiceProcess(tmp_path, {"PYTHONHASHSEED": seed}) as process:
            admin = admin or {"Authorization": f"Bearer {await process.key('terraform', kinds=frozenset({'admin'}))}"}
            async with httpx.AsyncClient(base_url=process.url, headers=admin | named, trust_env=False) as client:
                answers.append(await client.post("/v1/admin/keys", json=body))
    assert [answer.status_code for answer in answers] == [201, 200], answers[1].text
    assert answers[1].json()["key"]["id"] == answers[0].json()["key"]["id"]
