"""What an approver fills in, edits or uploads, as a client of The Handover is told it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from e2e.handover.calls import PDF, POLICY, create, get
from sayso_adapters.agents.handover import adapter as handover
from sayso_bot.ports import Edit, Put, Sending
from sayso_bot.workers import clock
from service import ANA, BEN, Sayso, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("response_type", "response", "data"),
    [
        ({"type": "choose", "choices": ["staging", "live"]}, {"chosen": "live"}, {"chosen": "live"}),
        ({"type": "number_input", "min": 1, "max": 9.5}, {"value": "7.5"}, {"value": 7.5}),
        (
            {"type": "text_input", "fields": [
                {"name": "subject", "label": "Subject", "required": True, "placeholder": "Hello"},
                {"name": "Reply To", "label": ""}]},
            {"subject": "Hi", "field_2": "a@x"},
            {"subject": "Hi", "Reply To": "a@x"},
        ),
    ],
)  # fmt: skip
async def test_what_is_filled_in_is_given_back_by_its_names_as_modified(
    sayso: Sayso, agent: httpx.AsyncClient, response_type: Any, response: Any, data: Any
) -> None:
    decision = await create(agent, response_type=response_type)
    await sayso.vote(decision, "approve", person=ANA, response=response)
    told = await get(agent, decision)
    assert (told["status"], told["response_data"]) == ("modified", data)


async def test_options_are_choices_and_a_confirmation_asks_for_nothing(sayso: Sayso, agent: httpx.AsyncClient) -> None:
    decision = await create(agent, options=["a", "b"])
    await sayso.vote(decision, "approve", person=ANA, response={"chosen": "b"})
    assert (await get(agent, decision))["response_data"] == {"chosen": "b"}
    decision = await create(agent, response_type={"type": "confirm"})
    await sayso.vote(decision, "approve", person=ANA)
    assert (await get(agent, decision))["status"] == "approved"


@pytest.mark.parametrize(("minutes", "status", "permitted"), [(30, "scheduled", False), (-30, "approved", True)])
async def test_a_time_that_is_still_to_come_is_scheduled_and_permitted_only_then(
    sayso: Sayso, agent: httpx.AsyncClient, minutes: int, status: str, permitted: bool
) -> None:
    decision = await create(agent, response_type={"type": "schedule"}, enforce=True)
    at = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    await sayso.vote(decision, "approve", person=ANA, response={"execute_at": at})
    told = await get(agent, decision)
    assert (told["status"], told["execute_at"]) == (status, at if status == "scheduled" else None)
    assert told["action_permitted"] is permitted
    now = await create(agent, response_type={"type": "schedule"})
    await sayso.vote(now, "approve", person=ANA)
    assert (await get(agent, now))["status"] == "approved"


async def test_a_clock_that_is_off_permits_nothing_that_is_scheduled(
    sayso: Sayso, agent: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = await create(agent, response_type={"type": "schedule"}, enforce=True)
    at = datetime.now(UTC) + timedelta(minutes=5)
    await sayso.vote(decision, "approve", person=ANA, response={"execute_at": at.strftime("%Y-%m-%dT%H:%M:%SZ")})
    monkeypatch.setattr(handover, "utc_now", lambda: at + timedelta(minutes=5))
    assert (await get(agent, decision))["action_permitted"] is True
    monkeypatch.setattr(clock, "MOST_SKEW_SECONDS", -1.0)
    assert (await get(agent, decision))["action_permitted"] is False


async def test_who_decided_is_told_by_their_address_whatever_joins_their_accounts() -> None:
    policy = POLICY.replace("rules:", "people: {ana: [email:ana@example.com, slack:T0TEAM/U0ANA]}\nrules:", 1)
    async with serving(policy=policy) as joined:
        agent = await joined.agent("mailer")
        decision = await create(agent)
        await joined.vote(decision, "approve", person=ANA)
        assert (await get(agent, decision))["resolved_by"] == "ana@example.com"


async def test_an_edited_text_is_told_as_modified(sayso: Sayso, agent: httpx.AsyncClient) -> None:
    decision = await create(agent)
    params = {"action": "Send 10 e-mails"}
    await sayso.service.desk.edit(Edit(decision, 1, BEN, params, "inbox", "e1"))
    await sayso.vote(decision, "approve", person=ANA, revision=2)
    told = await get(agent, decision)
    assert (told["status"], told["action"]) == ("modified", "Send 10 e-mails")
    assert told["response_data"] == {"action": "Send 10 e-mails"}


async def test_files_that_an_approver_uploads_are_in_the_answer_and_can_be_saved(
    sayso: Sayso, agent: httpx.AsyncClient
) -> None:
    asked = {"type": "file_upload", "max_files": 2, "accept": [".pdf", "image/*"]}
    decision = await create(agent, response_type=asked)

    async def content() -> AsyncIterator[bytes]:
        yield PDF

    sending = Sending("cv.pdf", "application/pdf", content(), "o")
    put = Put(decision, ANA, "uploaded_files", sending, "inbox")
    file = (await sayso.service.desk.put_file(put)).file
    await sayso.vote(decision, "approve", person=ANA, response={"uploaded_files": [file.id]})
    told = await get(agent, decision)
    (uploaded,) = told["response_data"]["uploaded_files"]
    assert (told["status"], told["attachments"]) == ("modified", [])
    assert (uploaded["name"], uploaded["type"], uploaded["size"]) == ("cv.pdf", "application/pdf", len(PDF))
    saved = await agent.get(uploaded["url"])
    assert (saved.content, saved.headers["Content-Type"]) == (PDF, "application/octet-stream")
    assert (await sayso.client().get(uploaded["url"])).status_code == 401
