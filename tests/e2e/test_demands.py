"""What a rule demands of an answer, in the running service: typed confirmation, the agent's form, and its answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sayso_bot.domain.request import Outcome
from sayso_bot.domain.versions import Origin
from sayso_bot.errors import ConfirmationRequired, ResponseInvalid
from sayso_bot.policy import digest
from sayso_bot.ports import Ballot, Voted
from service import ANA, Sayso, serving, until

POLICY = """
rules:
  - action: db.drop
    ask: {channel: inbox, approvers: [email:ana@example.com], confirm: type}
  - action: hire
    ask: {channel: inbox, approvers: [email:ana@example.com], forms: true}
  - action: free
    allow: true
  - action: "*"
    ask: {channel: inbox, approvers: [email:ana@example.com]}
"""
FORM: dict[str, Any] = {
    "fields": [
        {"name": "level", "type": "choose", "label": "Which level?", "options": ["junior", "senior"]},
        {"name": "salary", "type": "number", "min": 1, "required": False},
    ]
}


@pytest.fixture
async def sayso() -> AsyncIterator[Sayso]:
    async with serving(policy=POLICY) as running:
        yield running


async def _ask(agent: httpx.AsyncClient, action: str, **fields: Any) -> httpx.Response:
    return await agent.post("/v1/requests", json={"action": action, "params": {}, **fields})


async def _answer(sayso: Sayso, request: str, outcome: Outcome, operation: str, **given: Any) -> Voted:
    return await sayso.service.desk.vote(Ballot(request, 1, ANA, outcome, "inbox", operation, **given))


async def test_who_approves_types_the_action_and_who_denies_need_not(sayso: Sayso) -> None:
    agent = await sayso.agent()
    request = (await _ask(agent, "db.drop")).json()
    assert request["requirement"]["confirm"] == "type"
    for number, typed in enumerate((None, "", "db.dro", "DB.DROP")):
        with pytest.raises(ConfirmationRequired, match=r"type db\.drop exactly"):
            await _answer(sayso, request["id"], "approve", f"o{number}", typed=typed)
    assert (await _answer(sayso, request["id"], "approve", "o", typed=" db.drop ")).request.status == "approved"
    other = (await _ask(agent, "db.drop")).json()
    assert (await _answer(sayso, other["id"], "deny", "o")).request.status == "denied"


async def test_what_is_filled_in_reaches_the_agent_as_data(sayso: Sayso) -> None:
    agent = await sayso.agent()
    asked = (await _ask(agent, "hire", form=FORM)).json()
    assert asked["form"]["fields"][0] == {
        "name": "level", "type": "choose", "label": "Which level?", "required": True,
        "options": ["junior", "senior"], "multiple": False,
    }  # fmt: skip
    assert (asked["requirement"]["forms"], asked["form"]["fields"][1]["label"]) == (True, "salary")
    with pytest.raises(ResponseInvalid) as refused:
        await _answer(sayso, asked["id"], "approve", "1", response={"level": "boss", "salary": 0})
    assert refused.value.fields == {"level": "Choose from the options.", "salary": "This must be at least 1."}
    with pytest.raises(ResponseInvalid):
        await _answer(sayso, asked["id"], "approve", "2")
    await _answer(sayso, asked["id"], "approve", "3", response={"level": "senior", "salary": "70000.0"})
    told = (await agent.get(f"/v1/requests/{asked['id']}")).json()
    assert told["decision"]["response"] == {"level": "senior", "salary": 70000}


async def test_a_denial_and_an_end_without_people_have_no_response(sayso: Sayso) -> None:
    agent = await sayso.agent()
    asked = (await _ask(agent, "hire", form=FORM)).json()
    denied = await _answer(sayso, asked["id"], "deny", "1", response={"level": "senior"})
    assert denied.request.votes[0].response is None
    assert "response" not in (await agent.get(f"/v1/requests/{asked['id']}")).json()["decision"]
    assert (await _ask(agent, "free", form=FORM)).json()["decision"]["response"] is None


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"fields": []}, "form.fields"),
        ({"fields": [{"name": "a", "type": "file"}]}, "form.fields[0]"),
        ({"fields": [{"name": "a"}]}, "form.fields[0]"),
        ({"fields": [{"name": "A", "type": "text"}]}, "form.fields[0].text.name"),
        ({"fields": [{"name": "a", "type": "text"}, {"name": "a", "type": "text"}]}, "form.fields[1].name"),
        ({"fields": [{"name": "a", "type": "choose", "options": ["x", "x"]}]}, "form.fields[0].options"),
        ({"fields": [{"name": "a", "type": "number", "min": 2, "max": 1}]}, "form.fields[0].min"),
        ({"fields": [{"name": "a", "type": "text", "options": ["x"]}]}, "form.fields[0].text.options"),
        ({"fields": [{"name": "a", "type": "text", "label": "x\u202ey"}]}, "form.fields[0]"),
        ({"fields": [{"name": "a", "type": "choose", "options": ["x", "two\nlines"]}]}, "form.fields[0]"),
        ({"fields": [{"name": "a", "type": "text", "label": " "}]}, "form.fields[0].text.label"),
    ],
)
async def test_a_form_that_makes_no_sense_is_refused_by_name(sayso: Sayso, form: Any, field: str) -> None:
    refused = await _ask(await sayso.agent(), "hire", form=form)
    assert refused.status_code == 422
    assert refused.json()["field"].replace(".text.", ".") == field.replace(".text.", ".")


async def test_a_form_is_the_rule_s_to_allow(sayso: Sayso) -> None:
    refused = await _ask(await sayso.agent(), "other", form=FORM)
    assert (refused.status_code, refused.json()["field"]) == (422, "form")
    assert "allows no form" in refused.json()["detail"]


async def test_a_repeated_submission_finds_what_it_made_whatever_the_policy_says_by_now(sayso: Sayso) -> None:
    agent = await sayso.agent()
    body = {"action": "hire", "params": {}, "form": FORM}
    key = {"Idempotency-Key": "hire-1"}
    made = await agent.post("/v1/requests", json=body, headers=key)
    service = sayso.service
    after = POLICY.replace(", forms: true", "")
    await service.policies.activate(after, "test", Origin(via="command"))
    await until(lambda: service.configuration.policy.digest == digest(after))
    again = await agent.post("/v1/requests", json=body, headers=key)
    assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
    other = await agent.post("/v1/requests", json={**body, "params": {"n": 1}}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    unkeyed = await agent.post("/v1/requests", json=body)
    assert (unkeyed.status_code, unkeyed.json()["field"]) == (422, "form")
