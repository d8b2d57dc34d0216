"""What of Slack lies around the cards: the app's home, slash commands and shortcuts, with Slack's limits.

`FakeSlack` mixes `Surfaces` in. The functions make the payloads that Slack would send; `deliver` sends one, signed, and
returns the status with the answer's JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from fakes.slack_limits import refusal
from fakes.slack_views import post_form, view_faults
from fakes.slack_workspace import Json, Message, Workspace, texts

Sign = Callable[[str], Mapping[str, str]]


class Surfaces(Workspace):
    """``homes`` are the home tabs by person, as published last; ``publications`` counts them."""

    def __init__(self, team: str, enterprise: str | None) -> None:
        Workspace.__init__(self, team, enterprise)
        self.homes: dict[str, Json] = {}
        self.publications: list[str] = []

    def perform(self, method: str, arguments: Json) -> Json:
        if method != "views.publish":
            return super().perform(method, arguments)
        user, view = arguments.get("user_id", ""), arguments.get("view") or {}
        if user not in self.users:
            return {"ok": False, "error": "user_not_found"}
        if home_faults(view):
            return {"ok": False, "error": "invalid_arguments"}
        self.homes[user] = view
        self.publications.append(user)
        return {"ok": True, "view": {"id": f"V0HOME{user}"}}

    def home_words(self, user: str) -> str:
        """Every text of a person's home tab, a line each."""
        return "\n".join(texts(self.homes[user]["blocks"]))


# --------------------------------------------------------------------------- what Slack sends


def home_opened(user: str, *, team: str, tab: str = "home") -> Json:
    return {
        "type": "event_callback",
        "team_id": team,
        "api_app_id": "A0SAYSO",
        "event": {"type": "app_home_opened", "user": user, "channel": f"D{user}", "tab": tab, "event_ts": "1.1"},
        "event_id": "Ev0001",
        "event_time": 1763920012,
        "authorizations": [{"enterprise_id": None, "team_id": team, "user_id": "U0BOT", "is_bot": True}],
    }


def command(text: str, *, user: str, team: str) -> Json:
    return {
        "token": "legacyverificationtoken",
        "team_id": team,
        "team_domain": "example",
        "channel_id": "C0PAYMENTS",
        "channel_name": "payments",
        "user_id": user,
        "user_name": user.lower(),
        "command": "/sayso",
        "text": text,
        "api_app_id": "A0SAYSO",
        "is_enterprise_install": "false",
        "response_url": "https://hooks.slack.com/commands/T0TEAM/1/abc",
        "trigger_id": "1.2.3",
    }


def shortcut(callback: str, *, user: str, team: str, trigger: str) -> Json:
    return {
        "type": "shortcut",
        "callback_id": callback,
        "trigger_id": trigger,
        "action_ts": "1763920012.345678",
        "team": {"id": team, "domain": "example"},
        "user": {"id": user, "username": user.lower(), "team_id": team},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def message_shortcut(callback: str, message: Message, *, user: str, team: str, trigger: str) -> Json:
    metadata = {"metadata": message.metadata} if message.metadata else {}
    shown = {"type": "message", "user": message.user, "bot_id": message.bot_id, "ts": message.ts, **metadata}
    return {
        "type": "message_action",
        "callback_id": callback,
        "trigger_id": trigger,
        "message_ts": message.ts,
        "team": {"id": team, "domain": "example"},
        "user": {"id": user, "name": user.lower()},
        "channel": {"id": message.channel, "name": "payments"},
        "message": {**shown, "text": message.text, "blocks": message.blocks},
        "response_url": "https://hooks.slack.com/app/T0TEAM/1/abc",
    }


def list_tap(action: str, value: str, *, user: str, team: str, trigger: str, view: Json | None = None) -> Json:
    """A tap on a button of a list: in a ``view``, or in the answer to a command."""
    container = {"type": "view"} if view else {"type": "message", "is_ephemeral": True, "message_ts": "1.1"}
    return {
        "type": "block_actions",
        "user": {"id": user, "username": user.lower(), "team_id": team},
        "team": {"id": team, "domain": "example"},
        "enterprise": None,
        "container": container,
        "trigger_id": trigger,
        **({"view": view} if view else {}),
        "actions": [{"type": "button", "action_id": action, "block_id": "b", "value": value, "action_ts": "1.1"}],
    }


async def deliver(service: str, payload: Json, sign: Sign) -> tuple[int, Any]:
    """Events as JSON, commands as a form, all else as JSON in a form."""
    if payload.get("type") == "event_callback":
        body = json.dumps(payload)
        return await post_form(service, payload, {**sign(body), "Content-Type": "application/json"}, body)
    body = urlencode(payload if "command" in payload else {"payload": json.dumps(payload)})
    return await post_form(service, payload, sign(body), body)


# --------------------------------------------------------------------------- what Slack refuses


def home_faults(view: Mapping[str, Any]) -> list[str]:
    """Everything that Slack would refuse in a home tab."""
    blocks = view.get("blocks") or []
    wrong = [] if view.get("type") == "home" else ["type"]
    as_modal = {**view, "type": "modal", "title": {"type": "plain_text", "text": "x"}}
    return [*wrong, *view_faults(as_modal), *accessory_faults(blocks)]


def answer_faults(answer: Mapping[str, Any]) -> list[str]:
    """Everything that Slack would refuse in the answer to a command."""
    wrong = [] if answer.get("response_type") == "ephemeral" else ["response_type"]
    refused = refusal(answer)
    return [*wrong, *([refused] if refused else []), *accessory_faults(answer.get("blocks") or [])]


def accessory_faults(blocks: Sequence[Mapping[str, Any]]) -> list[str]:
    return [fault for block in blocks if "accessory" in block for fault in _accessory(block["accessory"])]


def _accessory(found: Mapping[str, Any]) -> Iterator[str]:
    if found.get("type") != "button" or not 1 <= len(found.get("action_id", "")) <= 255:
        yield "accessory"
    if not 1 <= len(found.get("text", {}).get("text", "")) <= 75 or len(found.get("value", "")) > 2000:
        yield "accessory's text or value"
