"""What Teams sends to a bot, in the shapes that its documents show; no I/O.

Every maker starts from the recorded envelope and fills in who, where and what.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fakes.teams_limits import Json
from fakes.teams_tenant import Conversation, Message, Tenant

RECORDED = Path(__file__).resolve().parent.parent / "recorded" / "teams" / "activity.json"
NAME = "Sayso"


def envelope(held: Tenant, found: Conversation, user: str, *, service_url: str, thread: str = "") -> Json:
    """What every activity of ``user`` at ``found`` has."""
    made: Json = json.loads(RECORDED.read_text())
    member = held.users.get(user, {"id": user, "name": user})
    known = {name: member[name] for name in ("id", "name", "aadObjectId") if name in member}
    made.update(serviceUrl=service_url, id=f"f:{held.new_id()}")
    made["from"] = known
    made["recipient"] = {"id": held.bot, "name": NAME}
    tenant = held.tenant
    name = f"{found.id};messageid={thread}" if thread and found.kind == "channel" else found.id
    made["conversation"] = {"id": name, "tenantId": tenant, "conversationType": found.kind}
    if found.kind != "personal":
        made["conversation"]["isGroup"] = True
    made["channelData"] = {"tenant": {"id": tenant}}
    if found.kind == "channel":
        made["channelData"] |= {
            "teamsChannelId": found.id,
            "teamsTeamId": found.team,
            "channel": {"id": found.id, **({"name": found.name} if found.name else {})},
            "team": {"id": found.team, "name": "Finance"},
        }
    return made


def said(base: Json, text: str, *, message: str, mention: bool) -> Json:
    """A message; in a channel or chat a bot hears only those that name it."""
    made = {**base, "type": "message", "id": message, "text": text, "textFormat": "plain"}
    if mention:
        name = f"<at>{NAME}</at>"
        mentioned = {"type": "mention", "mentioned": base["recipient"], "text": name}
        made |= {"text": f"{name} {text}", "entities": [mentioned, *base["entities"]]}
    return made


def tapped(base: Json, message: Message, action: Mapping[str, Any], inputs: Mapping[str, Any], trigger: str) -> Json:
    """An ``adaptiveCard/action``: the inputs of the card are merged into the action's data, as Teams does."""
    data = {**copy.deepcopy(action.get("data") or {}), **_gathered(action, inputs)}
    asked = {"type": "Action.Execute", "title": action.get("title"), "verb": action.get("verb"), "data": data}
    said: Json = {name: value for name, value in asked.items() if value is not None}
    return {
        **base,
        "type": "invoke",
        "name": "adaptiveCard/action",
        "replyToId": message.id,
        "channelData": {
            **base["channelData"],
            "source": {"name": "message"},
            "legacy": {"replyToId": f"1:{message.id}"},
        },
        "value": {"action": said, "trigger": trigger},
    }


def submitted(base: Json, message: Message, action: Mapping[str, Any], inputs: Mapping[str, Any], *, id: str) -> Json:
    """What a client that does not know Action.Execute sends: its fallback, as a message with a value."""
    fallback = action.get("fallback") if action.get("type") == "Action.Execute" else action
    data = (fallback or {}).get("data") or {} if isinstance(fallback, dict) else {}
    value = {name: given for name, given in data.items() if name != "msteams"} | _gathered(action, inputs)
    source = {**base["channelData"], "source": {"name": "message"}}
    return {**base, "type": "message", "id": id, "replyToId": message.id, "channelData": source, "value": value}


def _gathered(action: Mapping[str, Any], inputs: Mapping[str, Any]) -> Json:
    """What was filled in, for an action that takes it along."""
    return {} if action.get("associatedInputs") == "none" else dict(inputs)


def installed(base: Json, how: str) -> list[Json]:
    """The two activities that Teams sends when the bot is added (``add``) or removed (``remove``)."""
    bot = {"id": base["recipient"]["id"]}
    members, event = ("membersAdded", "teamMemberAdded") if how == "add" else ("membersRemoved", "teamMemberRemoved")
    channel = base["conversation"]["conversationType"] == "channel"
    data = {**base["channelData"], **({"eventType": event} if channel else {})}
    settings = {"settings": {"selectedChannel": {"id": base["conversation"]["id"]}}} if channel else {}
    return [
        {**base, "type": "conversationUpdate", members: [bot], "channelData": data},
        {**base, "type": "installationUpdate", "action": how, "channelData": {**base["channelData"], **settings}},
    ]


def event(base: Json, kind: str, **data: Any) -> Json:
    """A ``conversationUpdate`` of Teams' own kinds: ``channelDeleted``, ``teamDeleted``, ``channelRenamed``."""
    return {**base, "type": "conversationUpdate", "channelData": {**base["channelData"], "eventType": kind, **data}}
