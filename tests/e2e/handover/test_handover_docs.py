"""Every block and every row of docs/handover.md, run against the service under the page's own policy."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from the_handover import ApprovalPolicy

from e2e.handover.calls import ASK, PDF, attach, create, get
from integrations.approver import a_paper
from sayso_bot.domain.admin import Caller
from sayso_bot.domain.deeds import Call, PauseScope, Resume
from sayso_bot.domain.files import MAX_FILE_BYTES
from sayso_bot.domain.pauses import Scope
from sayso_bot.domain.policy import Asked
from sayso_bot.domain.request import Claims, Status, Urgency
from sayso_bot.policy import load
from sayso_bot.ports import Edit, Filter, Put
from service import ANA, BEN, QUICK, Sayso, ServiceProcess, serving, until

PAGE = (Path(__file__).parents[3] / "docs" / "handover.md").read_text("utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)

pytestmark = pytest.mark.asyncio(loop_scope="module")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table whose first heading is this."""
    lines = PAGE.split(f"| {heading} |", 1)[1].splitlines()[2:]
    table = itertools.takewhile(lambda line: line.startswith("|"), lines)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sayso() -> AsyncIterator[Sayso]:
    async with serving(policy=YAML[0]) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def agent(sayso: Sayso) -> httpx.AsyncClient:
    return await sayso.agent("sender")


async def attached(agent: httpx.AsyncClient, decision: str, name: str = "a.pdf", content: bytes = PDF) -> int:
    """The status with which a file is answered."""
    return (await attach(agent, decision, name, content)).status_code


# --------------------------------------------------------------------------- blocks


async def test_the_commands_and_the_snippet_run_as_they_are_printed(sayso: Sayso) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SAYSO_")}
    environ |= {"SAYSO_REDIS_URL": sayso.redis.url, "SAYSO_SECRET": "A" * 43 + "="}
    key = ""
    for line in SHELL[0].splitlines():
        command = ServiceProcess.command(*line.removeprefix("sayso ").split(), "--json")
        done = await asyncio.to_thread(subprocess.run, command, env=environ, capture_output=True, text=True, check=True)
        key = json.loads(done.stdout)["key"]
    snippet = PYTHON[0].replace("sk_main_…", key).replace("https://sayso.example.com", sayso.url)
    names: dict[str, Any] = {}
    running = asyncio.create_task(asyncio.to_thread(exec, compile(snippet, "handover.md", "exec"), names))

    async def asked() -> str:
        page = await sayso.service.desk.browse(Filter(status=Status.PENDING, agent="mailer"), cursor=None, limit=1)
        return next((found.id for found in page.items), "")

    await sayso.vote(await until(asked), "approve", person=ANA)
    await running
    names["client"].close()
    assert (names["decision"].status.value, names["decision"].resolved_by) == ("approved", "ana@example.com")


@pytest.mark.parametrize("document", YAML)
async def test_the_policies_are_policies(document: str) -> None:
    assert load(document, "docs/handover.md").rules


@pytest.mark.parametrize("action", ["Fetch a profile", "DELETE all", "resend it", "Deploy", "read"])
@pytest.mark.parametrize("urgency", ["low", "medium", "high", "critical"])
async def test_the_client_s_policy_and_the_one_of_the_page_say_the_same(action: str, urgency: Urgency) -> None:
    names: dict[str, Any] = {}
    exec(compile(PYTHON[1], "handover.md", "exec"), names)
    advice: ApprovalPolicy = names["policy"]
    verdict = load(YAML[1], "docs/handover.md").judge(
        Asked("handover.decision", {"action": action}, "mailer", Claims(urgency=urgency))
    )
    assert (verdict.kind == "ask") is advice.should_require(action, urgency)


async def test_every_block_is_run_here() -> None:
    assert (len(PYTHON), len(YAML), len(SHELL)) == (2, 2, 1)


# --------------------------------------------------------------------------- the table of fields


async def test_the_fields_become_what_the_page_says(sayso: Sayso, agent: httpx.AsyncClient) -> None:
    named = {name.strip("`") for name, _ in rows("field")}
    body: dict[str, Any] = ASK | {
        "context": "Because.", "urgency": "critical", "timeout_minutes": 30, "channel": "slack", "enforce": True,
        "options": ["a", "b"], "context_images": ["https://example.com/a.png"],
    }  # fmt: skip
    assert named == {*body, "response_type", "callback_url"}
    decision = (await agent.post("/handover/decisions", json=body)).json()["id"]
    request = (await agent.get(f"/v1/requests/{decision}")).json()
    claims = request["claims"]
    assert (request["action"], request["params"]) == ("handover.decision", {"action": ASK["action"]})
    assert (claims["approver"], claims["reasoning"], claims["urgency"]) == ("ana@example.com", "Because.", "critical")
    assert claims["metadata"] == {"handover": {"channel": "slack", "enforce": True}}
    assert claims["links"] == ["https://example.com/a.png"]
    assert [field["options"] for field in request["form"]["fields"]] == [["a", "b"]]
    left = datetime.fromisoformat(request["expires_at"]) - datetime.fromisoformat(request["created_at"])
    assert left == timedelta(minutes=30)
    assert (await get(agent, decision))["action_permitted"] is False
    other = await sayso.agent("other", actions=("mailer.send",))
    asked = (await other.post("/handover/decisions", json=ASK)).json()["id"]
    assert (await other.get(f"/v1/requests/{asked}")).json()["action"] == "mailer.send"


# --------------------------------------------------------------------------- the tables of answers


async def test_each_status_comes_when_the_page_says(sayso: Sayso, agent: httpx.AsyncClient) -> None:
    found = {}
    found["pending"] = await create(agent)
    found["approved"] = await create(agent)
    await sayso.vote(found["approved"], "approve", person=ANA)
    found["modified"] = await create(agent)
    await sayso.service.desk.edit(Edit(found["modified"], 1, ANA, {"action": "Send 10"}, "inbox", "e1"))
    await sayso.vote(found["modified"], "approve", person=ANA, revision=2)
    found["scheduled"] = await create(agent, response_type={"type": "schedule"})
    at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await sayso.vote(found["scheduled"], "approve", person=ANA, response={"execute_at": at})
    found["denied"] = await create(agent)
    await sayso.vote(found["denied"], "deny", person=ANA, reason="No")
    found["expired"] = await create(agent)
    await agent.post(f"/v1/requests/{found['expired']}/cancel")
    told = {status: await get(agent, decision) for status, decision in found.items()}
    assert {status: each["status"] for status, each in told.items()} == {status: status for status in found}
    assert {status.strip("`") for status, _ in rows("status")} == {*found, "escalated"}
    assert told["modified"]["response_data"] == {"action": "Send 10"}
    assert told["scheduled"]["execute_at"]
    assert told["denied"]["response_notes"] == "No"


@pytest.mark.parametrize("row", rows("`response_type` | an answer | `response_data`"))
async def test_each_response_type_is_answered_as_the_page_says(
    sayso: Sayso, agent: httpx.AsyncClient, row: list[str]
) -> None:
    asked, answer = (json.loads(cell.strip("`")) for cell in row[:2])
    decision = await create(agent, response_type=asked)
    if "uploaded_files" in answer:
        put = Put(decision, ANA, "uploaded_files", a_paper(), "inbox")
        answer = {"uploaded_files": [(await sayso.service.desk.put_file(put)).file.id]}
    await sayso.vote(decision, "approve", person=ANA, response=answer)
    data = (await get(agent, decision))["response_data"]
    if "uploaded_files" in row[2]:
        assert set(data["uploaded_files"][0]) == set(re.findall(r'"(name|url|type|size|digest)"', row[2]))
        assert (await agent.get(data["uploaded_files"][0]["url"])).content == b"%PDF-1.7"
    else:
        assert data == json.loads(row[2].strip("`"))


# --------------------------------------------------------------------------- the table of attempts


async def _resolve(sayso: Sayso, agent: httpx.AsyncClient) -> set[int]:
    decision = await create(agent)
    body = {"action": "approve", "resolved_by": "ana@example.com"}
    before = await agent.post(f"/handover/decisions/{decision}/resolve", json=body)
    await sayso.vote(decision, "deny", person=ANA)
    after = await agent.post(f"/handover/decisions/{decision}/resolve", json=body)
    return {before.status_code, after.status_code}


async def _asked(agent: httpx.AsyncClient, **changes: Any) -> set[int]:
    return {(await agent.post("/handover/decisions", json=ASK | changes)).status_code}


async def _other_approver(sayso: Sayso, agent: httpx.AsyncClient) -> set[int]:
    return await _asked(agent, approver="eve@example.com")


async def _principal(sayso: Sayso, _: httpx.AsyncClient) -> set[int]:
    return await _asked(await sayso.agent("hers", principal="ana@example.com"))


async def _of_another(sayso: Sayso, agent: httpx.AsyncClient) -> set[int]:
    other = await create(await sayso.agent("neighbour"))
    return {(await agent.get(f"/handover/decisions/{other}")).status_code}


async def _callback(_: Sayso, agent: httpx.AsyncClient) -> set[int]:
    return await _asked(agent, callback_url="https://example.com")


async def _wrong_type(_: Sayso, agent: httpx.AsyncClient) -> set[int]:
    return await _asked(agent, timeout_minutes="60") | await _asked(agent, surprise=1)


async def _unknown_type(_: Sayso, agent: httpx.AsyncClient) -> set[int]:
    return await _asked(agent, response_type={"type": "telepathy"})


async def _sixth(_: Sayso, agent: httpx.AsyncClient) -> set[int]:
    decision = await create(agent)
    assert [await attached(agent, decision) for _ in range(5)] == [201] * 5
    return {await attached(agent, decision)}


async def _too_large(_: Sayso, agent: httpx.AsyncClient) -> set[int]:
    decision = await create(agent)
    assert await attached(agent, decision, "a.csv", b"x" * MAX_FILE_BYTES) == 201
    return {await attached(agent, decision, "b.csv", b"x" * (MAX_FILE_BYTES + 1))}


async def _program(_: Sayso, agent: httpx.AsyncClient) -> set[int]:
    return {await attached(agent, await create(agent), "photo.png", b"MZ\x90")}


async def _page(_: Sayso, agent: httpx.AsyncClient) -> set[int]:
    decision = await create(agent)
    return {await attached(agent, decision, "a.html", b"<html>"), await attached(agent, decision, "a.svg", b"<svg>")}


async def _two_files(_: Sayso, agent: httpx.AsyncClient) -> set[int]:
    path = f"/handover/decisions/{await create(agent)}/attachments"
    return {(await agent.post(path, files=[("file", ("a.csv", b"1")), ("file", ("b.csv", b"2"))])).status_code}


async def _another_file(_: Sayso, agent: httpx.AsyncClient) -> set[int]:
    path = f"/handover/decisions/{await create(agent)}/attachments"
    sent = [
        await agent.post(path, files={"file": ("a.csv", content)}, headers={"Idempotency-Key": "one"})
        for content in (b"1", b"2")
    ]
    assert sent[0].status_code == 201
    return {sent[1].status_code}


async def _after_an_answer(sayso: Sayso, agent: httpx.AsyncClient) -> set[int]:
    decision = await create(agent, action="Delete it")
    await sayso.vote(decision, "approve", person=BEN)
    return {await attached(agent, decision)}


async def _after_the_end(sayso: Sayso, agent: httpx.AsyncClient) -> set[int]:
    decision = await create(agent)
    await sayso.vote(decision, "approve", person=BEN)
    return {await attached(agent, decision)}


async def _quota(sayso: Sayso, _: httpx.AsyncClient) -> set[int]:
    small = await sayso.agent("tiny", quotas=replace(QUICK, bytes=2000))
    return {await attached(small, await create(small), "a.csv", b"x" * 2000)}


async def _paused(sayso: Sayso, _: httpx.AsyncClient) -> set[int]:
    stopped, scope = await sayso.agent("stopped"), Scope(agent="stopped")
    office, operator = sayso.service.office, Caller("cli")
    await office.do(PauseScope(scope), operator, Call("pause", confirmed=True))
    refused = await _asked(stopped)
    await office.do(Resume(scope=scope), operator, Call("resume", confirmed=True))
    assert await _asked(stopped) == {201}
    return refused


ATTEMPTS: Mapping[str, Callable[[Sayso, httpx.AsyncClient], Awaitable[set[int]]]] = {
    "`resolve`, whatever `resolved_by` says, before or after the end": _resolve,
    "an approver whom the policy does not allow": _other_approver,
    "the person for whom the key acts, as approver": _principal,
    "a decision of another key": _of_another,
    "a callback": _callback,
    "a field of the wrong type, or one that is not known": _wrong_type,
    "a response type that is not known": _unknown_type,
    "a sixth attachment": _sixth,
    "an attachment of 10 MiB and one byte": _too_large,
    "a program that calls itself a picture": _program,
    "a page in HTML, a drawing in SVG": _page,
    "two files in one call": _two_files,
    "another file under the same `Idempotency-Key`": _another_file,
    "an attachment after somebody has answered": _after_an_answer,
    "an attachment after the end": _after_the_end,
    "more than the key's quota of bytes": _quota,
    "a decision while an admin has [paused](admins.md) the agent, its actions or everything": _paused,
}


@pytest.mark.parametrize(("attempt", "status"), rows("attempt"))
async def test_each_attempt_is_answered_as_the_page_says(
    sayso: Sayso, agent: httpx.AsyncClient, attempt: str, status: str
) -> None:
    assert await ATTEMPTS[attempt](sayso, agent) == {int(status)}


async def test_no_attempt_is_left_out() -> None:
    assert [attempt for attempt, _ in rows("attempt")] == list(ATTEMPTS)
