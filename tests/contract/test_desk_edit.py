"""`Desk.edit` in the running service: who may, what the policy lets pass, and what the agent is told."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sayso_bot.domain.fingerprint import fingerprint
from sayso_bot.domain.person import Person
from sayso_bot.domain.request import Request, Status
from sayso_bot.errors import BodyTooLarge, EditRefused, InvalidField, NotAnApprover, OwnRequest, StaleRevision
from sayso_bot.http.schemas import MAX_BODY_BYTES, RequestOut
from sayso_bot.policy import digest
from sayso_bot.ports import Edit
from sayso_bot.voting import MAX_PARAMS_BYTES
from service import ANA, BEN, Sayso, serving

POLICY = """
rules:
  - name: small
    action: pay
    params: {amount: number}
    when: params.amount < 100
    ask: {channel: inbox, approvers: [email:ana@example.com, email:ben@example.com], quorum: 2,
          editable: [amount, text, list]}
  - name: large
    action: pay
    params: {amount: number}
    when: params.amount < 1000
    ask: {channel: inbox, approvers: [email:boss@example.com], editable: [amount, text, list]}
"""
EVE = Person.known_as("Eve", {"email:eve@example.com"})
NOT_EDITED = "The request was not edited; nothing changed."


@pytest.fixture
async def sayso() -> AsyncIterator[Sayso]:
    async with serving(policy=POLICY) as running:
        yield running


async def _asked(agent: httpx.AsyncClient, **headers: str) -> str:
    answer = await agent.post("/v1/requests", json={"action": "pay", "params": {"amount": 5}}, headers=headers)
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])


async def _edit(
    sayso: Sayso, request_id: str, params: dict[str, Any], *, person: Person = ANA, revision: int = 1
) -> Request:
    edit = Edit(request_id, revision, person, params, "inbox", secrets.token_hex(8))
    return (await sayso.service.desk.edit(edit)).request


async def test_the_agent_is_told_of_the_edited_params_and_of_what_it_sent(sayso: Sayso) -> None:
    agent = await sayso.agent()
    request = await _asked(agent)
    before = (await agent.get(f"/v1/requests/{request}")).json()
    assert "original_params" not in before
    await _edit(sayso, request, {"amount": 7})
    after = (await agent.get(f"/v1/requests/{request}")).json()
    RequestOut.model_validate(after)
    assert (after["params"], after["original_params"], after["revision"]) == ({"amount": 7}, {"amount": 5}, 2)
    assert after["fingerprint"] == fingerprint("pay", "agent", {"amount": 7}) != before["fingerprint"]
    assert after["approvals"] == {"have": 0, "need": 2}


async def test_an_edit_is_no_vote_and_makes_earlier_ones_count_for_nothing(sayso: Sayso) -> None:
    request = await _asked(await sayso.agent())
    await sayso.vote(request, "approve", person=BEN)
    await _edit(sayso, request, {"amount": 7})
    first = await sayso.vote(request, "approve", person=ANA, revision=2)
    assert first.request.status is Status.PENDING
    last = await sayso.vote(request, "approve", person=BEN, revision=2)
    assert last.request.status is Status.APPROVED
    assert last.request.decision is not None
    assert {vote.revision for vote in last.request.decision.votes} == {2}


async def test_a_retry_of_the_agent_finds_the_edited_request(sayso: Sayso) -> None:
    agent, key = await sayso.agent(), {"Idempotency-Key": "k"}
    request = await _asked(agent, **key)
    await _edit(sayso, request, {"amount": 7})
    assert await _asked(agent, **key) == request


@pytest.mark.parametrize("params", [{"amount": 500}, {"amount": 5000}, {"amount": "7"}, {}], ids=str)
async def test_what_the_policy_would_judge_otherwise_cannot_be_reached_by_editing(
    sayso: Sayso, params: dict[str, Any]
) -> None:
    request = await _asked(await sayso.agent())
    with pytest.raises(EditRefused) as refused:
        await _edit(sayso, request, params)
    assert "small" in refused.value.why
    assert refused.value.detail.endswith(NOT_EDITED)
    assert (await sayso.service.desk.look(request)).revision == 1


async def test_a_rule_that_has_changed_since_lets_nothing_be_edited(sayso: Sayso) -> None:
    request = await _asked(await sayso.agent())
    service, document = sayso.service, POLICY.replace("quorum: 2", "quorum: 1")
    await service.store.activate(digest(document), document, service.configuration.policy.digest, "a test")
    with pytest.raises(EditRefused):
        await _edit(sayso, request, {"amount": 7})
    assert (await service.desk.look(request)).revision == 1


async def test_what_changes_nothing_voids_no_vote(sayso: Sayso) -> None:
    request = await _asked(await sayso.agent())
    await sayso.vote(request, "approve", person=BEN)
    with pytest.raises(EditRefused):
        await _edit(sayso, request, {"amount": 5.0})
    last = await sayso.vote(request, "approve", person=ANA)
    assert last.request.status is Status.APPROVED


async def test_who_may_not_vote_may_not_edit_and_the_attempt_is_on_record(sayso: Sayso) -> None:
    request = await _asked(await sayso.agent())
    with pytest.raises(NotAnApprover) as refused:
        await _edit(sayso, request, {"amount": 7}, person=EVE)
    assert refused.value.detail == f"{refused.value.why} {NOT_EDITED}"
    (entry,) = await sayso.journal("edit_refused")
    about = json.loads(entry["data"])
    assert (entry["request"], about["person"], about["code"]) == (request, EVE.id, "not_an_approver")


async def test_nobody_edits_what_acts_for_them(sayso: Sayso) -> None:
    request = await _asked(await sayso.agent(principal="ana@example.com"))
    with pytest.raises(OwnRequest):
        await _edit(sayso, request, {"amount": 7})


async def test_an_edit_of_what_was_edited_since_is_stale(sayso: Sayso) -> None:
    request = await _asked(await sayso.agent())
    await _edit(sayso, request, {"amount": 7})
    with pytest.raises(StaleRevision) as refused:
        await _edit(sayso, request, {"amount": 8}, person=BEN)
    assert refused.value.detail.endswith(NOT_EDITED)
    assert (await _edit(sayso, request, {"amount": 8}, person=BEN, revision=2)).revision == 3


async def test_edited_params_are_read_as_a_submission_s_are(sayso: Sayso) -> None:
    request = await _asked(await sayso.agent())
    for wrong in ({"amount": math.nan}, {"amount": 2**53}, {"amount": 1, "text": "\ud800"}, {"amount": 1, "n": "\0"}):
        with pytest.raises(InvalidField) as refused:
            await _edit(sayso, request, wrong)
        assert (refused.value.field or "").startswith("params.")
    edited = await _edit(sayso, request, {"amount": 7.0})
    assert isinstance(edited.params["amount"], int)


async def test_only_the_params_that_the_rule_names_can_be_edited(sayso: Sayso) -> None:
    request = await _asked(await sayso.agent())
    for params in ({"amount": 5, "note": "x"}, {"amount": 7, "note": None}):
        with pytest.raises(EditRefused, match="does not let note be edited"):
            await _edit(sayso, request, params)
    assert (await sayso.service.desk.look(request)).revision == 1


async def test_edited_params_are_as_long_as_a_submission_at_most(sayso: Sayso) -> None:
    assert MAX_PARAMS_BYTES == MAX_BODY_BYTES
    request = await _asked(await sayso.agent())
    with pytest.raises(BodyTooLarge):
        await _edit(sayso, request, {"amount": 1, "text": "é" * (MAX_PARAMS_BYTES // 2)})
    with pytest.raises(InvalidField):
        await _edit(sayso, request, {"amount": 1, "list": list(range(5001))})
    edited = await _edit(sayso, request, {"amount": 1, "text": "é" * (MAX_PARAMS_BYTES // 2 - 50)})
    assert edited.revision == 2
