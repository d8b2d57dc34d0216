"""A stand-in for Slack: a real HTTP server that speaks the Web API, with Slack's limits, 429s and errors.

    async with FakeSlack() as slack:
        slack.add_user("U0ANA", name="Ana", email="ana@example.com")
        slack.add_channel("C0PAYMENTS", members=["U0ANA"])
        settings = slack.settings()                     # SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET, SLACK_API_URL
        message = await slack.posted()                  # the next card that was not awaited yet
        await slack.tap(service_url, message, "approve", user="U0ANA")
        await slack.changed(message)                    # until the card is updated
        slack.told("U0ANA")                             # what this person alone was told

Trouble is scripted per method, in order, one call each (``times`` for more):

    slack.fail("chat.postMessage", "channel_not_found")     slack.break_("chat.postMessage", status=500)
    slack.limit_rate("chat.postMessage", after=2)           slack.hang("users.info", seconds=30)
    slack.drop("chat.postMessage")          # carried out, but the connection ends before an answer
    slack.refuse_connections()              # nobody listens; `slack.accept_connections()` ends that

Alone, for a demo or another process's tests: ``python tests/fakes/slack.py --port 9400`` prints its settings, then each
message as a line of JSON; ``GET /stand-in/messages`` lists them and ``POST /stand-in/tap`` with
``{"service", "message", "action", "user"}`` taps.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from slack_sdk.signature import SignatureVerifier

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from fakes.slack_files import Files
from fakes.slack_surfaces import Surfaces
from fakes.slack_views import Dialog, Dialogs, form_of, post_form, submission
from fakes.slack_workspace import RECORDED, Json, Message
from fakes.stand_in import PATIENCE, Answer, Dropped, StandIn

__all__ = ["SCOPES", "TEAM", "Answer", "Dropped", "FakeSlack"]

TEAM = "T0TEAM"
SCOPES = (
    "chat:write,users:read,users:read.email,usergroups:read,channels:read,groups:read,channels:history,groups:history,"
    "im:history,im:write,files:read,commands"
)


class FakeSlack(StandIn[Message], Dialogs, Files, Surfaces):
    """One workspace. See the module's docstring."""

    def __init__(self, *, team: str = TEAM, enterprise: str | None = None, port: int = 0) -> None:
        StandIn.__init__(self, port)
        Surfaces.__init__(self, team, enterprise)
        Dialogs.__init__(self)
        Files.__init__(self)
        self.token = "xoxb-1-stand-in"
        self.signing_secret = "8f742231b10e8888abcd99yyyzzz85a5"
        self.scopes = SCOPES

    def routes(self) -> list[web.RouteDef]:
        return [
            web.route("*", "/api/{method}", self.serve_method),
            web.route("*", "/by/{caller}/api/{method}", self.serve_method),
            web.get("/files-pri/T0TEAM-{file}/download/{name}", self._serve_file),
            web.get("/stand-in/messages", self._list_messages),
            web.post("/stand-in/tap", self._tap_for_others),
        ]

    @property
    def url(self) -> str:
        return f"{self.root}/api/"

    def settings(self, caller: str = "") -> dict[str, str]:
        """The variables that make a service talk to this stand-in; a ``caller`` is told apart in `carry_out`."""
        return {
            "SLACK_BOT_TOKEN": self.token,
            "SLACK_SIGNING_SECRET": self.signing_secret,
            "SLACK_API_URL": f"{self.root}/by/{caller}/api/" if caller else self.url,
        }

    # ----------------------------------------------------------------- trouble

    def fail(self, method: str, error: str, *, times: int = 1) -> None:
        """Answer with ``{"ok": false, "error": error}``, nothing done."""
        self.script(method, lambda: web.json_response({"ok": False, "error": error}), times)

    def limit_rate(self, method: str, *, after: int, times: int = 1) -> None:
        """429 with ``Retry-After``."""
        limited = {"ok": False, "error": "ratelimited"}
        headers = {"Retry-After": str(after)}
        self.script(method, lambda: web.json_response(limited, status=429, headers=headers), times)

    # ----------------------------------------------------------------- what happened

    def thread(self, message: Message) -> list[str]:
        return [reply.text for reply in self.replies if (reply.channel, reply.thread) == (message.channel, message.ts)]

    def told(self, user: str) -> list[str]:
        return [text for who, text in self.ephemerals if who == user]

    def cards_called(self) -> list[Json]:
        """`called` of posts that are no replies in a thread."""
        return [arguments for arguments in self.called("chat.postMessage") if "thread_ts" not in arguments]

    # ----------------------------------------------------------------- taps

    def payload(self, message: Message, action: str, *, user: str, **other: Any) -> Json:
        """Slack's payload for this tap. ``other``: ``team``, ``channel``, ``value``, ``action_ts``."""
        made: Json = json.loads((RECORDED / "block_actions.json").read_text())
        found = message.button(action) or {"value": ""}
        channel = other.get("channel", message.channel)
        made["user"].update(id=user, team_id=other.get("team", self.team))
        made["team"]["id"] = self.team
        made["enterprise"] = {"id": self.enterprise, "name": "org"} if self.enterprise else None
        made["container"].update(message_ts=message.ts, channel_id=channel)
        made["channel"]["id"] = channel
        made["message"].update(ts=message.ts, text=message.text, blocks=copy.deepcopy(message.blocks))
        stamp = other.get("action_ts") or self.stamp()
        made["trigger_id"] = other.get("trigger_id") or self.trigger(user)
        made["actions"][0].update(action_id=action, value=other.get("value", found.get("value", "")), action_ts=stamp)
        return made

    def signed(self, body: str, *, at: float | None = None, secret: str | None = None) -> dict[str, str]:
        """The headers that Slack would send with ``body``."""
        stamp = str(int(at if at is not None else time.time()))
        signature = SignatureVerifier(secret or self.signing_secret).generate_signature(timestamp=stamp, body=body)
        return {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": signature or "",
        }

    async def tap(
        self, service: str, message: Message, action: str, *, user: str, deliveries: int = 1, **other: Any
    ) -> int:
        """Tap a button as ``user``; the service's HTTP status. More ``deliveries`` are Slack's retries."""
        body = urlencode({"payload": json.dumps(self.payload(message, action, user=user, **other))})
        status = 0
        for delivery in range(deliveries):
            retry = {"X-Slack-Retry-Num": str(delivery), "X-Slack-Retry-Reason": "http_timeout"} if delivery else {}
            status = await self.send(service, body, {**self.signed(body), **retry})
        return status

    # ----------------------------------------------------------------- dialogs

    async def dialog(self, *, count: int = 1, filled: bool = True, timeout: float = PATIENCE) -> Dialog:
        """The newest dialog, once so many were opened, and unless ``filled`` is off once it says more than to wait."""

        def is_open() -> bool:
            return len(self.dialogs) >= count and not (filled and self.dialogs[-1].words == "One moment.")

        await self.until(is_open, "a dialog was opened", timeout)
        return self.dialogs[-1]

    async def submit(
        self, service: str, dialog: Dialog, values: Json | None = None, *, user: str = "", **other: Any
    ) -> int:
        """Submit a dialog, as who opened it; the service's status. Its answer is carried out where that is 200.

        ``other``: ``team``, and ``view`` to change what the view carries.
        """
        team = other.get("team", self.team)
        shown = {**self.shown(dialog), **other.get("view", {})}
        payload = submission(dialog, self._with_files(dialog, values), team=team, user=user or dialog.user, shown=shown)
        body = form_of(payload)
        status, told = await post_form(service, payload, self.signed(body), body)
        if status == 200:
            self.carry_out_answer(dialog, told)
        return status

    def _with_files(self, dialog: Dialog, values: Json | None) -> Json:
        """``values`` with the objects of the files that they name, as Slack sends them."""
        inputs = {name for name, element in dialog.inputs.items() if element["type"] == "file_input"}
        return {
            name: [self.file_object(file, self.root) or {"id": file} for file in value] if name in inputs else value
            for name, value in (values or {}).items()
        }

    async def step(self, service: str, dialog: Dialog, action: str, *, stamp: str = "") -> int:
        """Tap a button within a dialog."""
        payload: Json = json.loads((RECORDED / "block_actions.json").read_text())
        for name in ("channel", "message", "response_url"):
            del payload[name]
        found = next(
            e
            for b in dialog.view["blocks"]
            if b["type"] == "actions"
            for e in b["elements"]
            if e["action_id"] == action
        )
        payload["user"].update(id=dialog.user, team_id=self.team)
        payload["container"] = {"type": "view", "view_id": dialog.id}
        payload["view"] = self.shown(dialog)
        payload["actions"][0].update(action_id=action, value=found["value"], action_ts=stamp or self.stamp())
        body = form_of(payload)
        status, _ = await post_form(service, payload, self.signed(body), body)
        return status

    async def send(self, service: str, body: str | bytes, headers: Mapping[str, str]) -> int:
        """POST a callback to ``service`` (its base URL) and return the status."""
        url = f"{service.rstrip('/')}/slack/events"
        async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
            await answer.read()
            return answer.status

    # ----------------------------------------------------------------- the Web API

    async def serve_method(self, http_request: web.Request) -> Answer:
        method = http_request.match_info["method"]
        arguments = await _arguments(http_request)
        self.calls.append((method, arguments))
        return await self.serve(http_request, self._answer(http_request, method, arguments))

    async def _answer(self, http_request: web.Request, method: str, arguments: Json) -> Answer:
        if http_request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        return await self.carry_out(http_request.match_info.get("caller", ""), method, arguments)

    async def carry_out(self, caller: str, method: str, arguments: Json) -> Answer:
        """Do what is asked, with the trouble that was scripted. ``caller`` is the one named in `settings`.

        Raises `Dropped`.
        """

        def do() -> Answer:
            if method == "files.info":
                found = self.file_object(arguments.get("file", ""), self.root)
                return self.answer({"ok": True, "file": found} if found else {"ok": False, "error": "file_not_found"})
            return self.answer(self.perform(method, arguments))

        return await self.carry_out_with_trouble(method, do)

    async def _serve_file(self, http_request: web.Request) -> Answer:
        proved = http_request.headers.get("Authorization") == f"Bearer {self.token}"
        return await self.serve_file(http_request, may_read=proved and "files:read" in self.scopes.split(","))

    def answer(self, said: Json) -> Answer:
        return web.json_response(said, headers={"X-OAuth-Scopes": self.scopes})

    # ----------------------------------------------------------------- for another process

    async def _list_messages(self, _: web.Request) -> Answer:
        return web.json_response([vars(message) for message in self.messages])

    async def _tap_for_others(self, http_request: web.Request) -> Answer:
        asked = await http_request.json()
        message = next((found for found in self.messages if found.ts == asked["message"]), None)
        if message is None:
            return web.json_response({"error": "no such message"}, status=404)
        status = await self.tap(asked["service"], message, asked["action"], user=asked["user"])
        return web.json_response({"status": status, "told": self.told(asked["user"])})


async def _arguments(http_request: web.Request) -> Json:
    if http_request.content_type == "application/json":
        found: Json = await http_request.json()
        return found
    return {**http_request.query, **{name: str(value) for name, value in (await http_request.post()).items()}}


async def _alone(port: int, channels: Sequence[str]) -> None:
    async with FakeSlack(port=port) as slack:
        slack.add_user("U0ANA", name="Ana", email="ana@example.com")
        for channel in channels:
            slack.add_channel(channel, ["U0ANA"])
        print(json.dumps(slack.settings()), flush=True)
        while True:
            print(json.dumps(vars(await slack.posted(timeout=float("inf")))), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A stand-in for Slack.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--channel", action="append", default=None)
    chosen = parser.parse_args()
    try:
        asyncio.run(_alone(chosen.port, chosen.channel or ["C0PAYMENTS"]))
    except KeyboardInterrupt:
        sys.exit(0)
