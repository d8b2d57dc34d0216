"""Who may call, how often, and under which name: keys, rates, quotas, hosts."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from problem import refused
from sayso_bot.ports import Epochs, NewRequest, Submitted
from service import QUICK, ServiceProcess, serving, until

ASK = {"action": "a.b", "params": {}}
JSON = {"Content-Type": "application/json"}


async def test_a_missing_malformed_unknown_or_revoked_key_is_told_the_same() -> None:
    async with serving() as sayso:
        key, secret = await sayso.key()
        gone, gone_secret = await sayso.key()
        await sayso.revoke(gone)
        values = ("", "Bearer", "Basic " + secret, secret, "Bearer " + secret[:-1], f"Bearer {secret}x",
                  "Bearer sk_main_", "Bearer sk_other_" + "x" * 43, "Bearer " + "x" * 5000, f"Bearer {gone_secret}",
                  "Bearer " + key.id, "Bearer " + key.digest, "Bearer ключ")  # fmt: skip
        calls = (("POST", "/v1/requests"), ("GET", "/v1/requests"), ("GET", "/v1/requests/x"))
        anybody = sayso.client()
        answers = await asyncio.gather(
            *(
                anybody.request(method, path, headers={b"Authorization": value.encode()}, json=ASK)
                for value in values
                for method, path in calls
            )
        )
        told = {refused(answer, 401, "unauthenticated")["detail"] for answer in answers}
        assert all(answer.headers["WWW-Authenticate"].startswith("Bearer") for answer in answers)
        assert len(told) == 1
        assert (await sayso.client().get("/v1/requests")).status_code == 401
        for form in (f"bearer {secret}", f"Bearer   {secret}"):
            assert (await sayso.client().get("/v1/requests", headers={"Authorization": form})).status_code == 200


async def test_a_key_may_do_what_its_kind_and_patterns_say() -> None:
    async with serving() as sayso:
        agent = await sayso.agent(actions=("payments.*", "files.read"))
        for action in ("payments.refund", "payments.a.b/c:d", "files.read"):
            assert (await agent.post("/v1/requests", json={**ASK, "action": action})).status_code == 201
        for action in ("payment.refund", "xpayments.refund", "files.read.etc", "PAYMENTS.refund"):
            refused(await agent.post("/v1/requests", json={**ASK, "action": action}), 403, "forbidden", "action")
        asked = (await agent.get("/v1/requests?limit=1")).json()["items"][0]["id"]
        for kind in ("executor", "admin"):
            other = await sayso.agent("agent", kinds=frozenset({kind}))
            refused(await other.post("/v1/requests", json=ASK), 403, "forbidden")
            refused(await other.get("/v1/requests"), 403, "forbidden")
            refused(await other.get("/v1/requests?agent=somebody"), 403, "forbidden")
            refused(await other.get(f"/v1/requests/{asked}"), 403, "forbidden")
            refused(await other.post(f"/v1/requests/{asked}/cancel"), 403, "forbidden")
        assert len((await agent.get("/v1/requests")).json()["items"]) == 3


async def _flood(agent: httpx.AsyncClient, times: int, **call: Any) -> list[httpx.Response]:
    return [await agent.request(**call) for _ in range(times)]


async def test_an_agent_that_asks_too_often_is_told_when_to_come_back() -> None:
    slow = replace(QUICK, rate=2, burst=3)
    calls: tuple[dict[str, Any], ...] = (
        {"method": "POST", "url": "/v1/requests", "json": ASK},
        {"method": "POST", "url": "/v1/requests", "content": b"{", "headers": JSON},
        {"method": "POST", "url": "/v1/requests", "json": {**ASK, "form": {}}},
        {"method": "GET", "url": "/v1/requests"},
        {"method": "GET", "url": "/v1/requests/x"},
        {"method": "POST", "url": "/v1/requests/x/cancel"},
    )
    async with serving() as sayso:
        for number, call in enumerate(calls):
            agent = await sayso.agent(f"agent-{number}", quotas=slow)
            answers = await _flood(agent, 5, **call)
            codes = [answer.status_code for answer in answers]
            assert 429 not in codes[:3], (call, codes)
            assert codes[-1] == 429, (call, codes)
            refused(answers[-1], 429, "rate_limited")
            assert answers[-1].headers["Retry-After"] == "1"
        back = await sayso.agent("agent-0")
        assert (await back.get("/v1/requests")).json()["items"] != []


async def test_of_many_submissions_at_once_no_more_reach_the_store_than_there_are_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serving() as sayso:
        reached, store = list[NewRequest](), sayso.service.store
        submit = store.submit

        async def counted(new: NewRequest, epochs: Epochs) -> Submitted:
            reached.append(new)
            return await submit(new, epochs)

        monkeypatch.setattr(store, "submit", counted)
        agent = await sayso.agent(quotas=replace(QUICK, rate=0.1, burst=3, pending=1))
        answers = await asyncio.gather(*(agent.post("/v1/requests", json=ASK) for _ in range(20)))
        assert sorted(answer.status_code for answer in answers) == [201] + 19 * [429]
        assert len(reached) <= 4, "two are refused for their quota; the one that is made gives its token back"


async def test_a_bucket_fills_again() -> None:
    async with serving() as sayso:
        agent = await sayso.agent(quotas=replace(QUICK, rate=20, burst=1))
        assert (await agent.post("/v1/requests", json=ASK)).status_code == 201

        async def again() -> bool:
            return (await agent.post("/v1/requests", json=ASK)).status_code == 201

        await until(again, 3)


async def test_quotas_of_pending_requests_and_bytes_are_freed_by_their_ends() -> None:
    async with serving() as sayso:
        few = await sayso.agent("few", quotas=replace(QUICK, pending=2))
        ids = [(await few.post("/v1/requests", json=ASK)).json()["id"] for _ in range(2)]
        told = await few.post("/v1/requests", json=ASK)
        assert "pending" in refused(told, 429, "quota_exceeded")["detail"]
        assert int(told.headers["Retry-After"]) >= 1
        await few.post(f"/v1/requests/{ids[0]}/cancel")
        assert (await few.post("/v1/requests", json=ASK)).status_code == 201

        small = await sayso.agent("small", quotas=replace(QUICK, bytes=20_000))
        large = {"action": "a.b", "params": {"x": "y" * 15_000}}
        first = (await small.post("/v1/requests", json=large)).json()["id"]
        assert "bytes" in refused(await small.post("/v1/requests", json=large), 429, "quota_exceeded")["detail"]
        await sayso.vote(first, "deny")
        assert (await small.post("/v1/requests", json=large)).status_code == 201


async def test_a_held_call_too_many_is_refused_but_never_the_request() -> None:
    async with serving() as sayso:
        agent = await sayso.agent(quotas=replace(QUICK, held=1))
        first = (await agent.post("/v1/requests", json=ASK)).json()["id"]
        held = asyncio.create_task(agent.get(f"/v1/requests/{first}?wait=30"))
        await until(lambda: sayso.service.desk.held == 1)
        told = await agent.get(f"/v1/requests/{first}?wait=30")
        assert "stands" in refused(told, 429, "quota_exceeded")["detail"]
        assert "Retry-After" in told.headers
        assert (await agent.get(f"/v1/requests/{first}")).status_code == 200
        unheld = await agent.post("/v1/requests", json=ASK, headers={"Prefer": "wait=30"})
        assert (unheld.status_code, unheld.json()["status"]) == (201, "pending")
        assert "Preference-Applied" not in unheld.headers
        await sayso.vote(first, "approve")
        assert (await held).json()["status"] == "approved"
        assert sayso.service.desk.held == 0


async def test_other_host_names_are_answered_421_whatever_is_asked() -> None:
    async with serving(public_url="https://Sayso.Example.com") as sayso:
        agent = sayso.client()
        port = sayso.service.settings.port
        agent.base_url = httpx.URL(f"http://127.0.0.1:{port}")

        async def status(path: str, host: str) -> int:
            return (await agent.get(path, headers={"Host": host})).status_code

        for host in ("evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example",
                     "evil@localhost",
                     "localhost@evil.example", "localhost/x", "localhost#x", "localhost?x", "localhost:x",
                     "localhost:1:2",
                     "0.0.0.0", "10.0.0.1", "[::2]", "", "sayso.example.com.evil"):  # fmt: skip
            for path in ("/v1/requests", "/openapi.json", "/metrics", "/inbox", "/nothing"):
                answer = await agent.get(path, headers={"Host": host})
                refused(answer, 421, "wrong_host")
        for host in ("localhost", f"LOCALHOST:{port}", "127.0.0.1", "127.9.9.9:1", f"[::1]:{port}", "sayso.example.com",
                     "SAYSO.example.com:443"):  # fmt: skip
            assert await status("/v1/requests", host) == 401
            assert await status("/openapi.json", host) == 200


async def test_probes_come_by_any_name_and_tell_strangers_only_yes_or_no() -> None:
    async with serving() as sayso:
        stranger = await sayso.client().get("/readyz", headers={"Host": "10.1.2.3:8080"})
        assert (stranger.status_code, stranger.json()) == (200, {"status": "ready"})
        passed_on = await sayso.client().get("/readyz", headers={"X-Forwarded-For": "127.0.0.1"})
        assert passed_on.json() == {"status": "ready"}
        operator = (await sayso.client().get("/readyz")).json()
        assert (operator["status"], operator["problems"]) == ("ready", [])
        assert (await sayso.client().get("/livez", headers={"Host": "x"})).json() == {"status": "alive"}
        admin = await sayso.agent("boss", kinds=frozenset({"admin"}))
        assert "problems" in (await admin.get("/readyz", headers={"X-Forwarded-For": "1.2.3.4"})).json()


async def test_metrics_are_for_this_machine_and_admins_and_the_document_for_any_key() -> None:
    async with serving() as sayso:
        elsewhere = {"X-Forwarded-For": "203.0.113.9"}
        for path in ("/metrics", "/openapi.json"):
            assert (await sayso.client().get(path)).status_code == 200
            refused(await sayso.client().get(path, headers=elsewhere), 401, "unauthenticated")
            refused(await sayso.client().get(path, headers={"Forwarded": "for=127.0.0.1"}), 401, "unauthenticated")
            admin = await sayso.agent("boss", kinds=frozenset({"admin"}))
            assert (await admin.get(path, headers=elsewhere)).status_code == 200
        agent = await sayso.agent()
        refused(await agent.get("/metrics"), 403, "forbidden")
        assert (await agent.get("/openapi.json", headers=elsewhere)).status_code == 200
        refused(await sayso.client("sk_main_none").get("/openapi.json"), 401, "unauthenticated")


async def test_every_answer_says_that_it_is_not_to_be_kept() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        asked = await agent.post("/v1/requests", json=ASK)
        for answer in (
            asked,
            await agent.get(asked.headers["Location"]),
            await agent.get("/v1/requests"),
            await agent.post(asked.headers["Location"] + "/cancel"),
            *[
                await sayso.client().get(path)
                for path in ("/livez", "/readyz", "/metrics", "/openapi.json", "/nothing")
            ],
        ):
            assert answer.headers["Cache-Control"] == "no-store", answer.url


async def test_a_flood_of_bad_keys_makes_a_few_lines_in_the_log(tmp_path: Path) -> None:
    with ServiceProcess(tmp_path) as process:
        async with httpx.AsyncClient(base_url=process.url, trust_env=False) as nobody:
            keys = [f"Bearer sk_main_{n:043d}" for n in range(40)]
            asked = (nobody.get("/v1/requests", headers={"Authorization": key}) for key in keys)
            assert {answer.status_code for answer in await asyncio.gather(*asked)} == {401}
        lines = [json.loads(line) for line in process.log.read_text().splitlines() if "caller_not_known" in line]
        assert [line["so_far"] for line in lines] == [1, 2, 4, 8, 16, 32]
        assert "sk_main_0" not in process.log.read_text()
