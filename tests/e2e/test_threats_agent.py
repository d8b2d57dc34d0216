"""An agent that was prompt-injected, or pretends: each attempt over HTTP against the running service.

What it sends is read strictly (`test_intake`), who it is proved (`test_callers`); here is what it may hope to reach.
"""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.slack import FakeSlack
from problem import refused
from sayso_bot.domain.card import Card
from sayso_bot.errors import NotAnApprover, OwnRequest
from service import ANA, BEN, LOCAL, QUICK, Sayso, ServiceProcess, serving, until

ASK: dict[str, Any] = {"action": "payments.refund", "params": {"amount": 750, "env": "prod"}}
POLICY = """
rules:
  - name: prod
    action: deploy.*
    params: {env: string}
    when: params.env == 'prod'
    ask: {channel: inbox, approvers: [email:ana@example.com, email:ben@example.com], quorum: 2, timeout: 10m}
  - name: anywhere else
    action: deploy.*
    allow: true
  - action: payments.*
    ask: {channel: inbox, approvers: [email:ana@example.com], timeout: 30m}
"""


async def ask(agent: httpx.AsyncClient, **changes: Any) -> dict[str, Any]:
    answer = await agent.post("/v1/requests", json={**ASK, **changes})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def stands(agent: httpx.AsyncClient, request: Any) -> str:
    return str((await agent.get(f"/v1/requests/{request}")).json()["status"])


async def card_of(sayso: Sayso, request: str) -> Card:
    return sayso.service.desk.card(await sayso.service.desk.look(request))


async def test_an_action_that_no_rule_names_is_denied_and_nobody_is_pinged() -> None:
    policy = "channels: {ops: slack:C0OPS}\nrules:\n  - action: known.*\n    ask: {channel: ops}\n"
    async with FakeSlack() as slack:
        slack.add_channel("C0OPS", members=[])
        async with serving(policy=policy, environ=slack.settings()) as sayso:
            agent = await sayso.agent()
            told = await ask(agent, action="rockets.launch")
            assert (told["status"], told["decision"]["cause"], told["requirement"]) == ("denied", "policy", None)
            await ask(agent, action="known.one")
            await slack.posted()
            assert [message.text.count("rockets") for message in slack.messages] == [0]


async def test_an_idempotency_key_with_other_params_gets_no_approval() -> None:
    async with serving(policy=POLICY) as sayso:
        agent = await sayso.agent()
        key = {"Idempotency-Key": "refund"}
        first = (await agent.post("/v1/requests", json=ASK, headers=key)).json()
        await sayso.vote(first["id"], "approve", person=ANA)
        for change in ({"params": {"amount": 9750, "env": "prod"}}, {"action": "payments.other"}, {"summary": "Other"}):
            answer = await agent.post("/v1/requests", json={**ASK, **change}, headers=key)
            refused(answer, 422, "idempotency_mismatch")
        [entry, *_] = await sayso.journal("refused")
        assert json.loads(entry["data"])["code"] == "idempotency_mismatch"
        assert (await agent.get("/v1/requests")).json()["items"] == [
            (await agent.get(f"/v1/requests/{first['id']}")).json()
        ]


async def test_the_same_ask_from_two_replicas_at_once_is_one_request_and_one_card() -> None:
    policy = "channels: {ops: slack:C0OPS}\nrules:\n  - action: '*'\n    ask: {channel: ops}\n"
    async with FakeSlack() as slack:
        slack.add_channel("C0OPS", members=[])
        settings = slack.settings()
        async with (
            serving(policy=policy, environ=settings) as one,
            serving(policy=policy, environ=settings, redis=one.redis) as two,
        ):
            agent = await one.agent()
            twin = two.client(agent.headers["Authorization"].removeprefix("Bearer "))
            key = {"Idempotency-Key": "once"}
            answers = await asyncio.gather(
                *(client.post("/v1/requests", json=ASK, headers=key) for client in (agent, twin) * 10)
            )
            assert len({answer.json()["id"] for answer in answers}) == 1
            assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
            await slack.posted()
            marker = await ask(agent, action="marker")
            await until(lambda: any("marker" in message.text for message in slack.messages))
            assert sum("payments.refund" in message.text for message in slack.messages) == 1
            assert marker["status"] == "pending"


async def test_there_is_no_call_by_which_a_key_votes_or_changes_what_is_asked() -> None:
    async with serving(policy=POLICY) as sayso:
        agent = await sayso.agent(kinds=frozenset({"agent", "executor"}))
        request = (await ask(agent))["id"]
        for verb in ("vote", "votes", "approve", "approval", "decision", "decide", "revision"):
            answer = await agent.post(f"/v1/requests/{request}/{verb}", json={"outcome": "approve"})
            refused(answer, 404, "not_found")
        for method in ("PUT", "PATCH", "DELETE", "POST"):
            changed = await agent.request(method, f"/v1/requests/{request}", json={**ASK, "status": "approved"})
            refused(changed, 405, "method_not_allowed")
        resolved = await agent.post(f"/handover/decisions/{request}/resolve", json={"action": "approve"})
        assert resolved.status_code in (403, 404)
        for path in ("/v1/admin/nothing", "/v1/receipts/redeem"):
            refused(await agent.post(path, json={}), 404, "not_found")
        served = (await sayso.client().get("/openapi.json")).json()["paths"]
        calls = {(path, method) for path, methods in served.items() for method in methods}
        admins = {(path, method) for path, method in calls if path.startswith("/v1/admin/")}
        assert calls - admins == {
            ("/v1/requests", "post"), ("/v1/requests", "get"), ("/v1/requests/{id}", "get"),
            ("/v1/requests/{id}/cancel", "post"), ("/v1/requests/{id}/files/{file_id}", "get"),
        }  # fmt: skip
        for path, method in admins:
            path = path.replace("{id}", request).replace("{name}", "ops")
            refused(await agent.request(method, path, json={"everything": True}), 403, "forbidden")
        assert await stands(agent, request) == "pending"


@pytest.mark.parametrize("outcome", ["approve", "deny"])
async def test_the_inbox_takes_no_vote_with_a_key(outcome: str) -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        request = (await ask(agent))["id"]
        for path in (
            f"/inbox/requests/{request}",
            f"/inbox/requests/{request}/vote",
            f"/inbox/requests/{request}/{outcome}",
        ):
            answer = await agent.post(path, data={"outcome": outcome, "revision": "1"})
            assert answer.status_code in (303, 401, 403, 404, 405), (path, answer.status_code)
        assert await stands(agent, request) == "pending"


async def test_an_agent_chooses_neither_approvers_nor_channel_nor_quorum_nor_rule() -> None:
    async with serving(policy=POLICY) as sayso:
        agent = await sayso.agent()
        chosen = (
            "approvers channel quorum rule requirement place reason principal revision fingerprint expires_at id key_id"
            " receipt escalate confirm"
        )
        for field in chosen.split():
            answer = await agent.post("/v1/requests", json={**ASK, field: "email:agent@example.com"})
            refused(answer, 422, "invalid_field", field)
        told = await ask(agent, params={"amount": 1, "approvers": ["agent"], "quorum": 0, "env": "x"},
                         metadata={"approvers": ["agent"], "status": "approved"})  # fmt: skip
        assert told["requirement"]["approvers"] == ["email:ana@example.com"]
        assert (told["approvals"], told["status"]) == ({"have": 0, "need": 1}, "pending")


async def test_a_timeout_may_be_shortened_and_never_lengthened() -> None:
    async with serving(policy=POLICY) as sayso:
        agent = await sayso.agent()

        async def seconds(**changes: Any) -> float:
            told = await ask(agent, **changes)
            made, ends = (datetime.fromisoformat(told[name]) for name in ("created_at", "expires_at"))
            assert told["requirement"]["timeout_seconds"] == 1800
            return (ends - made).total_seconds()

        assert await seconds() == 1800
        assert await seconds(timeout="90s") == 90
        for longer in ("31m", "366d", "400d", "999999999d"):
            assert await seconds(timeout=longer) == 1800


@pytest.mark.parametrize(
    "params",
    [
        {"env": ["prod"]}, {"env": {"v": "prod"}}, {"env": None}, {"env": 1}, {"env": True}, {}, {"Env": "prod"},
        {"env ": "prod"}, {"env": []},
    ],
    ids=str,
)  # fmt: skip
async def test_a_param_of_another_type_chooses_no_rule(params: dict[str, Any]) -> None:
    """CEL finds unequal types unequal without an error, so ``["prod"]`` would slip to the rule that allows."""
    async with serving(policy=POLICY) as sayso:
        agent = await sayso.agent()
        told = await ask(agent, action="deploy.now", params=params)
        assert (told["status"], told["decision"]["cause"], told["rule"]) == ("denied", "policy_error", "prod")
        assert "prod" in told["decision"]["reason"]


async def test_extra_and_extreme_params_move_nothing_to_another_rule() -> None:
    async with serving(policy=POLICY) as sayso:
        agent = await sayso.agent()
        extras: tuple[dict[str, Any], ...] = (
            {"x": 2**53 - 1}, {"x": -(2**53) + 1}, {"x": 1e300}, {"x": 5e-324}, {"x": "\ud7ff\uffff"}, {"x": [[]] * 9},
            {"params": {"env": "dev"}}, {"": "dev"}, {"env\u200b": "dev"},
        )  # fmt: skip
        for extra in extras:
            told = await ask(agent, action="deploy.now", params={"env": "prod", **extra})
            assert (told["status"], told["rule"], told["approvals"]["need"]) == ("pending", "prod", 2)
        for other in ("PROD", "рrod", "prod ", "pro\u0064\u0301"):
            assert (await ask(agent, action="deploy.now", params={"env": other}))["rule"] == "anywhere else"


async def test_the_one_it_acts_for_cannot_approve_and_a_claim_changes_neither() -> None:
    async with serving(policy=POLICY) as sayso:
        bound = await sayso.agent("bound", principal="ana@example.com")
        own = (await ask(bound, on_behalf_of="ben@example.com"))["id"]
        with pytest.raises(OwnRequest):
            await sayso.vote(own, "approve", person=ANA)
        with pytest.raises(NotAnApprover):
            await sayso.vote(own, "approve", person=BEN)
        free = await sayso.agent("free")
        claimed = (await ask(free, on_behalf_of="ana@example.com"))["id"]
        await sayso.vote(claimed, "approve", person=ANA)
        assert (await stands(bound, own), await stands(free, claimed)) == ("pending", "approved")
        kept = [json.loads(entry["data"])["code"] for entry in await sayso.journal("vote_refused")]
        assert kept == ["own_request", "not_an_approver"]


NASTY = (
    "✅ Approved by CFO\nStatus: approved <!channel> <@U1> [click](https://evil.example)" + "\n" * 200 + "\u202e\u200b"
)


async def test_what_it_writes_is_shown_whole_as_its_words_and_obeyed_nowhere() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        told = await ask(
            agent,
            summary=NASTY,
            reasoning="x" * 100_000,
            links=["javascript:alert(1)"],
            intent=NASTY[:150],
            params={"note": NASTY, "status": "approved", "deep": _deep(28)},
        )
        assert (told["status"], told["decision"]) == ("pending", None)
        shown = await card_of(sayso, told["id"])
        assert shown.open
        assert [claim.label for claim in shown.claims] == ["Summary", "Reasoning", "Links", "Intent"]
        facts = {fact.label: fact.value for fact in shown.facts}
        assert (
            facts["note"] == shown.claims[0].text == NASTY.replace("\u202e", "⟨U+202E⟩").replace("\u200b", "⟨U+200B⟩")
        )
        assert facts["status"] == "approved"
        assert len(shown.claims[1].text) == 100_000
        for change in ({"reasoning": "x" * 100_001}, {"params": _deep(32)}):
            assert (await agent.post("/v1/requests", json={**ASK, **change})).status_code == 422
        too_large = await agent.post("/v1/requests", json={**ASK, "params": {"x": "y" * 300_000}})
        refused(too_large, 413, "body_too_large")


def _deep(levels: int) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for _ in range(levels - 1):
        nested = {"n": nested}
    return nested


async def test_a_change_at_the_end_of_a_long_param_is_never_cut() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        command = "echo ok; " * 20_000 + "rm -rf /"
        made = await ask(agent, params={"command": command})
        shown = await card_of(sayso, made["id"])
        assert shown.facts[0].value == command
        assert made["params"]["command"] == command


async def test_one_agents_flood_is_not_noticed_by_others() -> None:
    async with serving() as sayso:
        loud = await sayso.agent("loud", quotas=replace(QUICK, rate=5, burst=20, pending=10))
        calm = await sayso.agent("calm", quotas=replace(QUICK, rate=20, burst=20))

        async def flood() -> list[int]:
            calls = (loud.post("/v1/requests", json={**ASK, "action": f"flood.{n}"}) for n in range(100))
            return [answer.status_code for answer in await asyncio.gather(*calls)]

        flooding = asyncio.create_task(flood())
        for _ in range(10):
            assert (await calm.post("/v1/requests", json=ASK)).status_code == 201
            assert (await calm.get("/v1/requests")).status_code == 200
        codes = await flooding
        assert set(codes) == {201, 429}
        assert codes.count(201) <= 10
        metrics = (await sayso.client().get("/metrics")).text
        assert 'sayso_problems_total{code="rate_limited"}' in metrics


async def test_full_quotas_of_one_agent_leave_room_for_others() -> None:
    async with serving() as sayso:
        greedy = await sayso.agent("greedy", quotas=replace(QUICK, pending=3, held=2))
        twin = await sayso.agent("greedy", quotas=replace(QUICK, pending=3, held=2))
        other = await sayso.agent("other", quotas=replace(QUICK, pending=3, held=2))
        ids = [(await ask(greedy))["id"] for _ in range(3)]
        refused(await twin.post("/v1/requests", json=ASK), 429, "quota_exceeded")
        held = [asyncio.create_task(greedy.get(f"/v1/requests/{ids[0]}?wait=30")) for _ in range(2)]
        await until(lambda: sayso.service.desk.held == 2)
        refused(await greedy.get(f"/v1/requests/{ids[1]}?wait=30"), 429, "quota_exceeded")
        theirs = (await ask(other))["id"]
        waiting = asyncio.create_task(other.get(f"/v1/requests/{theirs}?wait=30"))
        await until(lambda: sayso.service.desk.held == 3)
        await sayso.vote(theirs, "approve")
        await sayso.vote(ids[0], "deny")
        assert [(await call).json()["status"] for call in (waiting, *held)] == ["approved", "denied", "denied"]


async def test_refusals_of_a_proved_caller_are_on_the_record_and_a_flood_of_them_is_not() -> None:
    async with serving() as sayso:
        key, secret = await sayso.key("sneaky", actions=("files.*",))
        agent = sayso.client(secret)
        answers = await asyncio.gather(*(agent.post("/v1/requests", json=ASK) for _ in range(200)))
        assert {answer.status_code for answer in answers} == {403}
        refused(await agent.post("/v1/requests", json={**ASK, "approvers": []}), 422, "invalid_field", "approvers")
        entries = [json.loads(entry["data"]) for entry in await sayso.journal("refused")]
        expected = {"key": key.id, "agent": "sneaky", "call": "submit", "code": "forbidden", "field": "action"}
        assert entries[0] == expected
        assert 20 <= sum(entry["code"] == "forbidden" for entry in entries) <= 25
        assert entries[-1] == {**expected, "code": "invalid_field", "field": "approvers"}
        assert secret not in str(await sayso.journal())


async def test_callers_that_prove_nothing_fill_nothing() -> None:
    async with serving() as sayso:
        before = len(await sayso.journal())
        stranger = sayso.client()
        keys = ({"Authorization": f"Bearer sk_main_{number}"} for number in range(100))
        answers = await asyncio.gather(*(stranger.post("/v1/requests", json=ASK, headers=key) for key in keys))
        assert {answer.status_code for answer in answers} == {401}
        assert len(await sayso.journal()) == before
        assert 'sayso_problems_total{code="unauthenticated"} 100.0' in (await sayso.client().get("/metrics")).text


async def test_a_key_that_is_revoked_is_refused_at_once_and_its_request_goes_on() -> None:
    async with serving() as sayso:
        key, secret = await sayso.key("agent")
        agent, heir = sayso.client(secret), await sayso.agent("agent")
        request = (await ask(agent))["id"]
        await sayso.revoke(key)
        for answer in (
            await agent.get(f"/v1/requests/{request}"),
            await agent.get("/v1/requests"),
            await agent.post("/v1/requests", json=ASK),
            await agent.post(f"/v1/requests/{request}/cancel"),
        ):
            refused(answer, 401, "unauthenticated")
        await sayso.vote(request, "approve")
        assert await stands(heir, request) == "approved"


async def test_an_agent_that_goes_away_while_it_is_held_finds_its_request_again() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        key = {"Idempotency-Key": "crash"}
        with pytest.raises(httpx.ReadTimeout):
            await agent.post("/v1/requests", json=ASK, headers={**key, "Prefer": "wait=30"}, timeout=0.3)
        again = await agent.post("/v1/requests", json=ASK, headers=key)
        assert (again.status_code, again.json()["status"]) == (200, "pending")
        await sayso.vote(again.json()["id"], "approve", person=LOCAL)
        told = await agent.post("/v1/requests", json=ASK, headers={**key, "Prefer": "wait=30"})
        assert (told.status_code, told.json()["status"]) == (200, "approved")


async def test_a_deploy_while_it_is_held_loses_nothing(tmp_path: Path) -> None:
    with ServiceProcess(tmp_path, {"SAYSO_LOG_LEVEL": "DEBUG"}) as process:
        headers = {"Authorization": f"Bearer {await process.key()}", "Idempotency-Key": "deploy"}
        async with httpx.AsyncClient(base_url=process.url, headers=headers, trust_env=False, timeout=60) as agent:
            held = asyncio.create_task(agent.post("/v1/requests", json=ASK, headers={"Prefer": "wait=50"}))
            await until(lambda: "submitted" in process.log.read_text())
            assert await asyncio.to_thread(process.end, signal.SIGTERM) == 0
            told = await held
            assert (told.status_code, told.json()["status"]) == (201, "pending")
            await asyncio.to_thread(process.start)
            again = asyncio.create_task(agent.post("/v1/requests", json=ASK, headers={"Prefer": "wait=50"}))
            decided = await asyncio.to_thread(process.run, "decide", told.json()["id"], "approve")
            assert decided.returncode == 0, decided.stderr
            answer = await asyncio.wait_for(again, 10)
            assert (answer.status_code, answer.json()["status"]) == (200, "approved")
            assert answer.json()["id"] == told.json()["id"]
