"""A service with a stand-in for Slack, and an admin's program at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from e2e.described import described
from e2e.office import workspace
from fakes.slack import FakeSlack
from fakes.slack_surfaces import command, deliver
from fakes.slack_views import Dialog
from service import Sayso, serving, until

POLICY = """
channels:
  payments: slack:C0PAYMENTS
  ops: slack:C0OPS
  open: slack:C0OPEN
admins: [email:olga@example.com]
rules:
  - {name: refunds, action: payments.refund, ask: {channel: payments, approvers: [email:ana@example.com], timeout: 30m}}
  - {name: open deploys, action: deploy.*, ask: {channel: open}}
  - {name: inbox only, action: read.*, ask: {channel: inbox}}
  - {name: free, action: look, allow: true}
"""
OPS = "slack:C0OPS"
ROUTE = {"action": "payments.*", "channel": "ops", "reason": "payments is away"}


@dataclass
class Admin:
    """An admin's program at a running service with a stand-in for Slack. What it is answered is held against the
    OpenAPI document."""

    sayso: Sayso
    slack: FakeSlack
    client: httpx.AsyncClient
    agent: httpx.AsyncClient

    async def version(self) -> str:
        return str((await self.client.get("/v1/admin/routes")).headers["ETag"])

    async def route(
        self, body: Mapping[str, Any] = ROUTE, *, etag: str | None = None, named: str = ""
    ) -> httpx.Response:
        headers = {"If-Match": etag or await self.version(), **({"Idempotency-Key": named} if named else {})}
        return await self.client.post("/v1/admin/routes", json=body, headers=headers)

    async def undo(self, route_id: str) -> httpx.Response:
        headers = {"If-Match": await self.version()}
        return await self.client.delete(f"/v1/admin/routes/{route_id}", headers=headers)

    async def listed(self, what: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.client.get(f"/v1/admin/{what}")).json()["items"]
        return found

    async def typed(self, text: str, *, user: str = "U0OLGA", channel: str = "C0OPS", called: str = "ops") -> Dialog:
        """The dialog that ``/sayso text`` opens, once it says what would be done, or why not."""
        count = len(self.slack.dialogs) + 1
        where = {"channel_id": channel, "channel_name": called, "trigger_id": self.slack.trigger(user)}
        await deliver(self.sayso.url, {**command(text, user=user, team=self.slack.team), **where}, self.slack.signed)
        dialog = await self.slack.dialog(count=count)
        await until(lambda: "One moment" not in dialog.words)
        return dialog

    async def submitted(self, dialog: Dialog, *, user: str = "U0OLGA", **values: str) -> str:
        """What the dialog says after it was submitted."""
        assert await self.slack.submit(self.sayso.url, dialog, dict(values), user=user) == 200
        dialog.open = dialog.submits  # else it is read, and closed
        return dialog.words

    def said_to_olga(self) -> list[str]:
        """What she was told by direct message."""
        return self.said_in("DU0OLGA")

    def said_in(self, channel: str) -> list[str]:
        """What stands in a channel that is no card."""
        return [message.words for message in self.slack.messages if message.channel == channel and not message.buttons]


@asynccontextmanager
async def administering(
    policy: str = POLICY, *, beside: Mapping[str, str] | None = None, **options: Any
) -> AsyncIterator[Admin]:
    async with workspace() as slack:
        slack.add_user("U0OLGA", name="Olga", email="olga@example.com")
        for channel in ("C0OPS", "C0OPEN"):
            slack.add_channel(channel, members=["U0ANA", "U0BEN", "U0OLGA"] if channel == "C0OPS" else ["U0BEN"])
        async with serving(policy=policy, environ={**slack.settings(), **(beside or {})}, **options) as sayso:
            client = await sayso.agent("terraform", kinds=frozenset({"admin"}))
            client.event_hooks["response"].append(described)
            yield Admin(sayso, slack, client, await sayso.agent("refunder"))


def refused(answer: httpx.Response, status: int, code: str, *said: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert all(words in answer.json()["detail"] for words in said), answer.json()["detail"]
