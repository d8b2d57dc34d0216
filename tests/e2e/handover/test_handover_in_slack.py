"""A decision of The Handover's API, shown and answered in Slack through the running service."""

from __future__ import annotations

from typing import Any

from fakes.slack import FakeSlack
from service import serving, until

POLICY = """
channels: {decisions: "slack:C0PAYMENTS"}
rules:
  - action: handover.decision
    ask: {channel: decisions, approvers: [email:ana@example.com, "slack:S0OPS"], forms: true}
"""


async def test_it_is_asked_in_slack_filled_in_with_files_and_told_to_the_agent() -> None:
    async with FakeSlack() as slack:
        slack.add_user("U0ANA", name="Ana", email="ana@example.com")
        slack.add_user("U0BEN", name="Ben", email="ben@example.com")
        slack.add_group("S0OPS", ["U0BEN"])
        slack.add_channel("C0PAYMENTS", members=["U0ANA", "U0BEN"])
        async with serving(policy=POLICY, environ=slack.settings()) as sayso:
            agent = await sayso.agent("mailer")
            body: dict[str, Any] = {
                "action": "Send 10,000 e-mails", "approver": "ben@example.com", "urgency": "critical",
                "response_type": {"type": "file_upload", "label": "The signed list", "max_files": 1},
                "options": ["today", "tomorrow"],
            }  # fmt: skip
            decision = (await agent.post("/handover/decisions", json=body)).json()["id"]
            message = await slack.posted()
            assert "The agent calls the urgency critical." in message.words
            assert "Send 10,000 e-mails" in message.words
            files = {"file": ("list.csv", b"a,b\n1,2\n", "text/csv")}
            attached = await agent.post(f"/handover/decisions/{decision}/attachments", files=files)
            digest = attached.json()["attachments"][0]["digest"]
            await until(lambda: f"list.csv · 8 bytes · {digest}" in message.words)
            assert await slack.tap(sayso.url, message, "approve", user="U0BEN") == 200
            dialog = await slack.dialog()
            labels = [block["label"]["text"] for block in dialog.view["blocks"] if block["type"] == "input"]
            assert labels == ["The agent asks · The signed list", "The agent asks · Select an option"]
            paper = slack.add_file("U0BEN", "signed.pdf", b"%PDF-1.7")
            assert await slack.submit(sayso.url, dialog, {"form_0": [paper], "form_1": "tomorrow"}) == 200
            told = await until(lambda: _decided(agent, decision))
            assert (told["status"], told["resolved_by"]) == ("modified", "ben@example.com")
            assert told["response_data"]["chosen"] == "tomorrow"
            (uploaded,) = told["response_data"]["uploaded_files"]
            assert (await agent.get(uploaded["url"])).content == b"%PDF-1.7"
            entries = [entry for entry in await sayso.journal("file_put") if entry["request"] == decision]
            assert len(entries) == 2
            stranger = await agent.post("/handover/decisions", json=body | {"approver": "eve@example.com"})
            assert stranger.status_code == 403
            slack.fail("usergroups.users.list", "internal_error", times=5)
            slack.fail("users.lookupByEmail", "internal_error", times=5)
            unsure = await agent.post("/handover/decisions", json=body | {"approver": "cleo@example.com"})
            assert (unsure.status_code, unsure.headers["Retry-After"]) == (503, "5")


async def test_who_was_shown_a_decision_without_its_file_approves_nothing() -> None:
    """A tap on a card from before the attachment is refused; the card as it is now can be answered."""
    async with FakeSlack() as slack:
        slack.add_user("U0ANA", name="Ana", email="ana@example.com")
        slack.add_channel("C0PAYMENTS", members=["U0ANA"])
        slack.add_group("S0OPS", [])
        async with serving(policy=POLICY, environ=slack.settings()) as sayso:
            agent = await sayso.agent("mailer")
            body = {"action": "Send 10,000 e-mails", "approver": "ana@example.com"}
            decision = (await agent.post("/handover/decisions", json=body)).json()["id"]
            message = await slack.posted()
            before = (message.button("approve") or {})["value"]
            files = {"file": ("list.csv", b"eve@example.com", "text/csv")}
            assert (await agent.post(f"/handover/decisions/{decision}/attachments", files=files)).status_code == 201
            await until(lambda: "list.csv" in message.words)
            assert await slack.tap(sayso.url, message, "approve", user="U0ANA", value=before) == 200
            await until(lambda: any("has changed since this card" in told for told in slack.told("U0ANA")))
            assert await _decided(agent, decision) is None
            assert await slack.tap(sayso.url, message, "approve", user="U0ANA") == 200
            assert (await until(lambda: _decided(agent, decision)))["status"] == "approved"


async def _decided(agent: Any, decision: str) -> dict[str, Any] | None:
    told: dict[str, Any] = (await agent.get(f"/handover/decisions/{decision}")).json()
    return told if told["status"] != "pending" else None
