"""The real process and its Redis: what a rule and an agent want of an approver is given in the inbox, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from service import ServiceProcess
from unit.inbox.visitor import SAME_SITE, hidden_fields

POLICY = """
rules:
  - name: refunds
    action: payments.refund
    params: {amount: number, order: string}
    ask: {channel: inbox, approvers: [email:ana@example.com], confirm: type, editable: [amount], forms: true}
"""
ASKED = {
    "action": "payments.refund",
    "params": {"amount": 750, "order": "A-1041"},
    "form": {"fields": [{"name": "at", "type": "datetime", "label": "When?"}]},
}


@asynccontextmanager
async def _signed_in(service: ServiceProcess) -> AsyncIterator[httpx.AsyncClient]:
    file = service.folder / "ana.link"
    command = ("inbox", "link", "--person", "ana@example.com", "--name", "Ana", "--out", str(file))
    made = await asyncio.to_thread(service.run, *command)
    assert made.returncode == 0, made.stderr
    token = file.read_text().strip().partition("#")[2]
    headers = {"Origin": service.url, **SAME_SITE}
    async with httpx.AsyncClient(base_url=service.url, trust_env=False, headers=headers) as ana:
        assert (await ana.post("/inbox/session", data={"token": token})).status_code == 200
        yield ana


async def test_a_request_is_edited_once_filled_in_typed_and_approved_as_the_agent_is_told(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    with ServiceProcess(tmp_path, {"SAYSO_POLICY": str(tmp_path / "policy.yaml")}) as service:
        bearer = {"Authorization": f"Bearer {await service.key()}"}
        async with (
            httpx.AsyncClient(base_url=service.url, trust_env=False, headers=bearer) as agent,
            _signed_in(service) as ana,
        ):
            asked = (await agent.post("/v1/requests", json=ASKED)).json()
            path = f"/inbox/requests/{asked['id']}"
            edit = hidden_fields((await ana.get(path)).text, "/edit") | {"edit_0": "500"}
            same = edit | {"nonce": "another-nonce-of-a-form", "edit_0": "750"}
            assert "the params that it has already" in (await ana.post(f"{path}/edit", data=same)).text
            sent = await asyncio.gather(*(ana.post(f"{path}/edit", data=edit) for _ in range(5)))
            assert {answer.status_code for answer in sent} == {303}
            stale = await ana.post(f"{path}/edit", data=edit | {"nonce": "a-nonce-of-an-old-page", "edit_0": "1"})
            assert stale.status_code == 409

            answer = hidden_fields((await ana.get(path)).text, "/vote") | {"outcome": "approve"}
            unsaid = await ana.post(f"{path}/vote", data=answer | {"form_0": "2026-12-01T09:30"})
            assert "type payments.refund exactly" in unsaid.text
            unfilled = await ana.post(f"{path}/vote", data=answer | {"typed": "payments.refund"})
            assert '<p class="error" id="form_0-error">This is needed.</p>' in unfilled.text
            assert (await agent.get(f"/v1/requests/{asked['id']}")).json()["status"] == "pending"
            full = answer | {"typed": "payments.refund", "form_0": "2026-12-01T09:30"}
            assert (await ana.post(f"{path}/vote", data=full)).status_code == 303

            told = (await agent.get(f"/v1/requests/{asked['id']}")).json()
            assert (told["status"], told["revision"]) == ("approved", 2)
            assert told["params"] == {"amount": 500, "order": "A-1041"}
            assert told["original_params"] == ASKED["params"]
            assert told["decision"]["response"] == {"at": "2026-12-01T09:30:00Z"}
