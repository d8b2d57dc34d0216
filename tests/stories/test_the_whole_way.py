"""The product in a few stories: an agent asks, a person answers, the agent goes on."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from fakes.slack import FakeSlack
from sayso_bot.errors import AlreadySettled, AlreadyVoted, NotAnApprover, OwnRequest, ReasonRequired
from service import ANA, BEN, LOCAL, ServiceProcess, serving, until

REFUND = {"action": "payments.refund", "params": {"order": "A-1", "amount": 750}, "summary": "The customer is angry"}


async def _asked(agent: httpx.AsyncClient, body: Mapping[str, object] = REFUND, **headers: str) -> dict[str, object]:
    answer = await agent.post("/v1/requests", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    found = answer.json()
    assert isinstance(found, dict)
    return found


async def test_an_agent_that_waits_goes_on_when_a_person_approves() -> None:
    async with serving() as sayso:
        agent = await sayso.agent("refunder")
        held = asyncio.create_task(agent.post("/v1/requests", json=REFUND, headers={"Prefer": "wait=30"}))
        await until(lambda: sayso.service.desk.held == 1)
        [waiting] = (await agent.get("/v1/requests?status=pending")).json()["items"]
        assert waiting["approvals"] == {"have": 0, "need": 1}

        await sayso.vote(waiting["id"], "approve", reason="Checked the order")

        answer = await asyncio.wait_for(held, 5)
        assert answer.status_code == 201
        assert answer.headers["Preference-Applied"] == "wait=30"
        told = answer.json()
        assert told["status"] == "approved"
        assert told["decision"]["cause"] == "votes"
        [vote] = told["decision"]["votes"]
        assert (vote["name"], vote["reason"], vote["surface"]) == ("Operator", "Checked the order", "inbox")
        kinds = [entry["kind"] for entry in await sayso.journal() if entry["request"] == told["id"]]
        assert kinds == ["submitted", "voted", "settled"]


async def test_an_agent_that_is_denied_is_told_so_and_why() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        asked = await _asked(agent)
        await sayso.vote(str(asked["id"]), "deny", reason="Not this customer")
        told = (await agent.get(f"/v1/requests/{asked['id']}?wait=20")).json()
        assert told["status"] == told["decision"]["outcome"] == "denied"
        assert told["decision"]["votes"][0]["reason"] == "Not this customer"


async def test_silence_is_not_a_denial() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        asked = await _asked(agent, {**REFUND, "timeout": "1s"})
        told = (await agent.get(f"/v1/requests/{asked['id']}?wait=20")).json()
        assert told["status"] == "expired"
        assert told["decision"]["cause"] == "timeout"
        with pytest.raises(AlreadySettled, match="Expired"):
            await sayso.vote(str(asked["id"]), "approve")


async def test_an_agent_may_withdraw_while_nobody_has_decided() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        asked = await _asked(agent)
        assert (await agent.post(f"/v1/requests/{asked['id']}/cancel")).json()["status"] == "cancelled"
        again = await agent.post(f"/v1/requests/{asked['id']}/cancel")
        assert again.json()["status"] == "cancelled"
        denied = await _asked(agent)
        await sayso.vote(str(denied["id"]), "deny")
        late = await agent.post(f"/v1/requests/{denied['id']}/cancel")
        assert (late.status_code, late.json()["code"]) == (409, "settled")


async def test_the_same_key_asks_once_however_often_and_whoever_sends_it() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        headers = {"Idempotency-Key": "refund-A-1"}
        answers = await asyncio.gather(*(agent.post("/v1/requests", json=REFUND, headers=headers) for _ in range(20)))
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
        assert sum(answer.headers.get("Idempotent-Replayed") == "true" for answer in answers) == 19
        other = {**REFUND, "params": {"order": "A-1", "amount": 9750}}
        refused = await agent.post("/v1/requests", json=other, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_mismatch")
        stranger = await sayso.agent("other")
        theirs = await stranger.post("/v1/requests", json=REFUND, headers=headers)
        assert theirs.json()["id"] != answers[0].json()["id"]


POLICY = """
approvers:
  finance: [email:ana@example.com, email:ben@example.com]
people:
  ana: [email:ana@example.com, slack:T0TEAM/U0ANA]
rules:
  - name: large refunds
    action: payments.refund
    params: {amount: number, order: string}
    when: params.amount > 500
    ask: {channel: inbox, approvers: finance, quorum: 2, timeout: 30m}
  - action: payments.*
    ask: {channel: inbox, approvers: [email:ana@example.com], reason: deny}
  - action: files.read.*
    allow: true
  - action: db.drop.*
    deny: Schema is never dropped by an agent.
"""


async def test_a_policy_says_what_is_asked_allowed_and_denied() -> None:
    async with serving(policy=POLICY) as sayso:
        agent = await sayso.agent()
        allowed = await _asked(agent, {"action": "files.read.etc", "params": {}})
        assert (allowed["status"], allowed["decision"]["cause"]) == ("approved", "policy")  # type: ignore[index]
        dropped = await _asked(agent, {"action": "db.drop.users", "params": {}})
        assert dropped["status"] == "denied"
        assert dropped["decision"]["reason"] == "Schema is never dropped by an agent."  # type: ignore[index]
        unnamed = await _asked(agent, {"action": "rockets.launch", "params": {}})
        assert (unnamed["status"], unnamed["decision"]["cause"]) == ("denied", "policy")  # type: ignore[index]
        for amount in (["501"], None, {"v": 501}, "501", True):
            slipped = await _asked(agent, {"action": "payments.refund", "params": {"amount": amount, "order": "A"}})
            assert slipped["status"] == "denied"
            assert slipped["decision"]["cause"] == "policy_error"  # type: ignore[index]
        assert (await agent.get("/v1/requests?status=pending")).json()["items"] == []


async def test_two_people_are_needed_where_the_rule_wants_two() -> None:
    async with serving(policy=POLICY) as sayso:
        agent = await sayso.agent()
        asked = str((await _asked(agent))["id"])
        await sayso.vote(asked, "approve", person=ANA)
        with pytest.raises(AlreadyVoted):
            await sayso.vote(asked, "approve", person=ANA)
        with pytest.raises(NotAnApprover):
            await sayso.vote(asked, "approve", person=LOCAL)
        told = (await agent.get(f"/v1/requests/{asked}")).json()
        assert (told["status"], told["approvals"]) == ("pending", {"have": 1, "need": 2})
        await sayso.vote(asked, "approve", person=BEN)
        assert (await agent.get(f"/v1/requests/{asked}")).json()["status"] == "approved"
        refusals = await sayso.journal("vote_refused")
        assert ["already_voted" in entry["data"] for entry in refusals] == [True, False]


async def test_a_rule_that_wants_a_reason_gets_one() -> None:
    async with serving(policy=POLICY) as sayso:
        agent = await sayso.agent()
        asked = str((await _asked(agent, {"action": "payments.other", "params": {}}))["id"])
        for reason in (None, "", "  \n"):
            with pytest.raises(ReasonRequired):
                await sayso.vote(asked, "deny", person=ANA, reason=reason)
        await sayso.vote(asked, "approve", person=ANA)


async def test_nobody_decides_what_acts_for_them() -> None:
    async with serving(policy=POLICY) as sayso:
        agent = await sayso.agent(principal="Ana@example.com")
        asked = str((await _asked(agent, {"action": "payments.other", "params": {}}))["id"])
        with pytest.raises(OwnRequest):
            await sayso.vote(asked, "approve", person=ANA)
        assert (await agent.get(f"/v1/requests/{asked}")).json()["status"] == "pending"


SLACK_POLICY = """
channels:
  payments: slack:C0PAYMENTS
rules:
  - action: payments.*
    ask: {channel: payments, approvers: [email:ana@example.com], timeout: 30m}
"""


async def test_a_tap_in_slack_wakes_the_agent_and_the_card_says_who() -> None:
    async with FakeSlack() as slack:
        slack.add_user("U0ANA", name="Ana", email="ana@example.com")
        slack.add_user("U0EVE", name="Eve", email="eve@example.com")
        slack.add_channel("C0PAYMENTS", members=["U0ANA", "U0EVE"])
        async with serving(policy=SLACK_POLICY, environ=slack.settings()) as sayso:
            agent = await sayso.agent("refunder")
            held = asyncio.create_task(agent.post("/v1/requests", json=REFUND, headers={"Prefer": "wait=30"}))
            message = await slack.posted()
            assert "payments.refund" in message.text

            await slack.tap(sayso.url, message, "approve", user="U0EVE")
            await until(lambda: slack.told("U0EVE"))
            assert "ana@example.com" in slack.told("U0EVE")[0]
            assert not held.done()

            await slack.tap(sayso.url, message, "approve", user="U0ANA")
            told = (await asyncio.wait_for(held, 5)).json()
            assert told["status"] == "approved"
            assert told["decision"]["votes"][0]["surface"] == "slack"
            await slack.changed(message)
            assert "Approved by Ana" in str(message.blocks)
            assert len(slack.messages) == 1


FINANCE_POLICY = """
channels:
  payments: slack:C0PAYMENTS
approvers:
  finance: [slack:S0FINANCE]
rules:
  - action: payments.*
    ask: {channel: payments, approvers: finance, quorum: 2, timeout: 30m}
"""


async def test_who_left_the_group_after_approving_does_not_count_when_the_next_one_approves() -> None:
    async with FakeSlack() as slack:
        for user, name in (("U0ANA", "Ana"), ("U0BEN", "Ben"), ("U0CLEO", "Cleo")):
            slack.add_user(user, name=name, email=f"{name.lower()}@example.com")
        slack.add_channel("C0PAYMENTS", members=["U0ANA", "U0BEN", "U0CLEO"])
        slack.add_group("S0FINANCE", ["U0ANA", "U0BEN", "U0CLEO"])
        async with serving(policy=FINANCE_POLICY, environ=slack.settings()) as sayso:
            agent = await sayso.agent("refunder")
            asked = str((await _asked(agent))["id"])
            message = await slack.posted()
            await slack.tap(sayso.url, message, "approve", user="U0BEN")
            assert "1 of 2 approvals" in (await slack.until_told("U0BEN"))[0]

            slack.add_group("S0FINANCE", ["U0ANA", "U0CLEO"])
            await slack.tap(sayso.url, message, "approve", user="U0ANA")
            assert "It is approved" not in (await slack.until_told("U0ANA"))[0]
            assert (await agent.get(f"/v1/requests/{asked}")).json()["status"] == "pending"

            await slack.tap(sayso.url, message, "approve", user="U0CLEO")
            told = (await agent.get(f"/v1/requests/{asked}?wait=20")).json()
            assert told["status"] == "approved"
            assert {vote["name"] for vote in told["decision"]["votes"]} == {"Ana", "Cleo"}


async def test_a_kill_of_the_service_and_of_its_redis_between_ask_and_tap_loses_nothing(tmp_path: Path) -> None:
    with ServiceProcess(tmp_path) as process:
        secret = await process.key()
        headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "k"}
        async with httpx.AsyncClient(base_url=process.url, headers=headers, trust_env=False, timeout=30) as agent:
            asked = (await agent.post("/v1/requests", json=REFUND)).json()["id"]
            process.kill()
            _kill_redis_of(process)
            process.start()
            again = await agent.post("/v1/requests", json=REFUND)
            assert (again.status_code, again.json()["id"]) == (200, asked)
            waiting = asyncio.create_task(agent.get(f"/v1/requests/{asked}?wait=30"))
            await _holds_a_call(process)
            decided = await asyncio.to_thread(process.run, "decide", asked, "approve")
            assert decided.returncode == 0, decided.stderr
            assert (await waiting).json()["status"] == "approved"


async def _holds_a_call(process: ServiceProcess) -> None:
    async def held() -> bool:
        async with httpx.AsyncClient(base_url=process.url, trust_env=False) as operator:
            return "sayso_held_calls 1.0" in (await operator.get("/metrics")).text

    await until(held)


def _kill_redis_of(process: ServiceProcess) -> None:
    [record] = (process.folder / "d" / "redis").glob("*.json")
    pid = json.loads(record.read_text())["pid"]
    os.kill(pid, signal.SIGKILL)


async def test_the_service_ends_quickly_and_held_calls_are_answered(tmp_path: Path) -> None:
    with ServiceProcess(tmp_path) as process:
        secret = await process.key()
        headers = {"Authorization": f"Bearer {secret}", "Prefer": "wait=50"}
        async with httpx.AsyncClient(base_url=process.url, headers=headers, trust_env=False, timeout=60) as agent:
            held = asyncio.create_task(agent.post("/v1/requests", json=REFUND))
            await _holds_a_call(process)
            code = await asyncio.to_thread(process.end)
            assert code == 0
            answer = await asyncio.wait_for(held, 5)
            assert (answer.status_code, answer.json()["status"]) == (201, "pending")


async def test_a_revoked_key_that_waits_is_told_401_and_not_the_decision() -> None:
    async with serving() as sayso:
        key, secret = await sayso.key()
        agent = sayso.client(secret)
        held = asyncio.create_task(agent.post("/v1/requests", json=REFUND, headers={"Prefer": "wait=30"}))
        await until(lambda: sayso.service.desk.held == 1)
        [waiting] = (await agent.get("/v1/requests")).json()["items"]
        await sayso.revoke(key)
        await sayso.vote(waiting["id"], "approve")
        answer = await asyncio.wait_for(held, 5)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_an_agent_that_hangs_up_is_held_no_longer_and_its_request_stays() -> None:
    async with serving() as sayso:
        agent = await sayso.agent()
        held = asyncio.create_task(agent.post("/v1/requests", json=REFUND, headers={"Prefer": "wait=50"}))
        await until(lambda: sayso.service.desk.held == 1)
        held.cancel()
        await until(lambda: sayso.service.desk.held == 0)
        [waiting] = (await agent.get("/v1/requests")).json()["items"]
        assert waiting["status"] == "pending"


async def test_two_replicas_are_one_service() -> None:
    async with serving() as first, serving(redis=first.redis) as second:
        agent = await first.agent()
        elsewhere = second.client(agent.headers["Authorization"].removeprefix("Bearer "))
        asked = (await _asked(agent))["id"]
        held = asyncio.create_task(agent.get(f"/v1/requests/{asked}?wait=30"))
        also = asyncio.create_task(elsewhere.get(f"/v1/requests/{asked}?wait=30"))
        await until(lambda: first.service.desk.held + second.service.desk.held == 2)
        votes = await asyncio.gather(
            first.vote(str(asked), "approve"), second.vote(str(asked), "deny"), return_exceptions=True
        )
        assert sum(isinstance(vote, BaseException) for vote in votes) == 1
        outcomes = {(await call).json()["status"] for call in (held, also)}
        assert outcomes in ({"approved"}, {"denied"})


KINSHIP = """
channels: {payments: slack:C0PAYMENTS}
people:
  ana: [email:ana@work.example, slack:T0TEAM/U0NOMAIL]
%s
rules:
  - action: payments.*
    ask: {channel: payments, approvers: [slack:U0NOMAIL]}
"""


@pytest.mark.parametrize(
    ("entry", "counts"),
    [("", False), ("  mia: [email:mia@example.com]", True)],
    ids=["the principal is in no entry", "the principal is in another entry"],
)
async def test_an_account_that_may_be_the_principals_decides_nothing(entry: str, counts: bool) -> None:
    async with FakeSlack() as slack:
        slack.add_user("U0NOMAIL", name="Somebody")
        slack.add_channel("C0PAYMENTS", members=["U0NOMAIL"])
        async with serving(policy=KINSHIP % entry, environ=slack.settings()) as sayso:
            agent = await sayso.agent(principal="mia@example.com")
            asked = (await _asked(agent))["id"]
            await slack.tap(sayso.url, await slack.posted(), "approve", user="U0NOMAIL")
            await slack.until_told("U0NOMAIL")
            told = (await agent.get(f"/v1/requests/{asked}")).json()
            assert told["status"] == ("approved" if counts else "pending")
