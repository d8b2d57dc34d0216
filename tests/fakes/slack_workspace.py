"""What a Slack workspace holds, and what the Web API's methods do to it; `fakes.slack` puts it on the wire."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fakes.slack_limits import refusal

RECORDED = Path(__file__).resolve().parent.parent / "recorded" / "slack"
BOT_USER, BOT = "U0BOT", "B0BOT"

Json = dict[str, Any]


@dataclass
class Message:
    """A message in a channel, as it is now. ``version`` counts its updates."""

    channel: str
    ts: str
    text: str
    blocks: list[Json]
    metadata: Json | None
    user: str = BOT_USER
    bot_id: str | None = BOT
    version: int = 0
    raw: Json = field(default_factory=dict)

    @property
    def thread(self) -> str:
        """The ``ts`` of the card under which it is a reply; empty for a message of its own."""
        return str(self.raw.get("thread_ts", ""))

    def button(self, action: str) -> Json | None:
        """The button with this action id (``approve``), or None."""
        buttons = [e for b in self.blocks if b["type"] == "actions" for e in b["elements"]]
        return next((found for found in buttons if found.get("action_id") == action), None)

    @property
    def buttons(self) -> list[str]:
        return [e["action_id"] for b in self.blocks if b["type"] == "actions" for e in b["elements"]]

    @property
    def words(self) -> str:
        """Every text of the blocks, a line each: what a person reads."""
        return "\n".join(texts(self.blocks))


def texts(node: Any) -> list[str]:
    """All texts below ``node``, in order."""
    if isinstance(node, list):
        return [text for item in node for text in texts(item)]
    if isinstance(node, dict):
        own = node.get("text")
        if isinstance(own, str):
            return [own]
        return [text for value in node.values() for text in texts(value)]
    return []


class Workspace:
    """People, channels, groups and messages. ``unsupported`` names block types that it does not know yet;
    ``answers_channel`` maps a channel to the id under which it answers posts."""

    def __init__(self, team: str, enterprise: str | None) -> None:
        self.team = team
        self.enterprise = enterprise
        self.unsupported: frozenset[str] = frozenset()
        self.answers_channel: dict[str, str] = {}
        self.users: dict[str, Json] = {}
        self.channels: dict[str, list[str]] = {}
        self.public: set[str] = set()
        self.groups: dict[str, list[str]] = {}
        self.messages: list[Message] = []
        self.replies: list[Message] = []
        self.ephemerals: list[tuple[str, str]] = []
        self._stamps = itertools.count(1)
        self._started = int(time.time())
        self.add_user(BOT_USER, name="Sayso", bot=True)

    def perform(self, method: str, arguments: Json) -> Json:
        """Carry out a call of the Web API and answer as Slack does."""
        if method in ("views.open", "views.update"):
            return self._view(method, arguments)
        handler = _HANDLERS.get(method)
        if handler is None:
            return {"ok": False, "error": "unknown_method"}
        try:
            return {"ok": True, **handler(self, arguments)}
        except _Refused as error:
            return {"ok": False, "error": error.args[0]}

    def open_view(self, _: Json) -> Json:
        """Overridden where there are dialogs (`fakes.slack_views.Dialogs`); an error's code is under ``error``."""
        return {"error": "unknown_method"}

    def update_view(self, _: Json) -> Json:
        return {"error": "unknown_method"}

    def _view(self, method: str, arguments: Json) -> Json:
        said = self.open_view(arguments) if method == "views.open" else self.update_view(arguments)
        return {"ok": "error" not in said, **said}

    def stamp(self) -> str:
        """A ``ts`` that was not given before."""
        return f"{self._started}.{next(self._stamps):06d}"

    # ----------------------------------------------------------------- who and what there is

    def add_user(self, user: str, *, name: str, email: str | None = None, confirmed: bool = True, **flags: Any) -> None:
        """``flags``: ``bot``, ``guest``, ``deleted``, ``stranger``, or any other key of Slack's user object."""
        made = json.loads((RECORDED / "user.json").read_text())
        made.update(id=user, team_id=self.team, name=name.lower(), real_name=name, is_email_confirmed=confirmed)
        made["profile"] = {"real_name": name, "display_name": name.lower(), **({"email": email} if email else {})}
        if self.enterprise:
            made["enterprise_user"] = {"id": user, "enterprise_id": self.enterprise}
        slack_names = {"bot": "is_bot", "guest": "is_restricted", "stranger": "is_stranger"}
        made.update({slack_names.get(flag, flag): value for flag, value in flags.items()})
        self.users[user] = made

    def add_channel(self, channel: str, members: Sequence[str] = ()) -> None:
        self.channels[channel] = list(members)

    def add_group(self, group: str, members: Sequence[str] = ()) -> None:
        self.groups[group] = list(members)

    # ----------------------------------------------------------------- methods of the Web API

    def _auth_test(self, _: Json) -> Json:
        grid = {"enterprise_id": self.enterprise} if self.enterprise else {}
        return {"team": "Example", "team_id": self.team, "user": "sayso", "user_id": BOT_USER, "bot_id": BOT, **grid}

    def _post(self, arguments: Json) -> Json:
        asked: str = arguments.get("channel", "")
        self._check_content(arguments)
        ts = self.stamp()
        if asked in self.users:
            self.ephemerals.append((asked, arguments["text"]))
            return {"channel": f"D{asked}", "ts": ts, "message": {}}
        channel: str = self.answers_channel.get(asked, asked)
        self._check_channel(channel)
        made = Message(channel, ts, arguments["text"], arguments.get("blocks", []), arguments.get("metadata"))
        made.raw = arguments
        if thread := arguments.get("thread_ts"):
            if not any((message.channel, message.ts) == (channel, thread) for message in self.messages):
                raise _Refused("thread_not_found")
            self.replies.append(made)
            return {"channel": channel, "ts": ts, "message": {"ts": ts, "text": made.text, "thread_ts": thread}}
        self.messages.append(made)
        return {"channel": channel, "ts": ts, "message": {"ts": ts, "text": made.text}}

    def _update(self, arguments: Json) -> Json:
        self._check_channel(arguments.get("channel", ""))
        self._check_content(arguments)
        for message in reversed(self.messages):
            if (message.channel, message.ts) == (arguments["channel"], arguments.get("ts")):
                message.text, message.blocks = arguments["text"], arguments.get("blocks", [])
                message.metadata = arguments.get("metadata", message.metadata)
                message.version += 1
                return {"channel": message.channel, "ts": message.ts, "text": message.text}
        raise _Refused("message_not_found")

    def _ephemeral(self, arguments: Json) -> Json:
        self._check_channel(arguments.get("channel", ""))
        self._check_content(arguments)
        if arguments.get("user") not in self.channels[arguments["channel"]]:
            raise _Refused("user_not_in_channel")
        self.ephemerals.append((arguments["user"], arguments["text"]))
        return {"message_ts": self.stamp()}

    def _history(self, arguments: Json) -> Json:
        self._check_channel(arguments.get("channel", ""))
        oldest = float(arguments.get("oldest", 0))
        there = [m for m in reversed(self.messages) if m.channel == arguments["channel"] and float(m.ts) > oldest]
        page, cursor = _page(there, arguments, 999)
        wanted = arguments.get("include_all_metadata") in ("1", "true", True)
        return {"messages": [_shown(message, wanted) for message in page], "has_more": bool(cursor), **_next(cursor)}

    def _replies(self, arguments: Json) -> Json:
        self._check_channel(arguments.get("channel", ""))
        beside = [
            m for m in self.replies if m.raw["thread_ts"] == arguments["ts"] and m.channel == arguments["channel"]
        ]
        page, cursor = _page(beside, arguments, 999)
        wanted = arguments.get("include_all_metadata") in ("1", "true", True)
        return {"messages": [_shown(message, wanted) for message in page], "has_more": bool(cursor), **_next(cursor)}

    def _members(self, arguments: Json) -> Json:
        self._check_channel(arguments.get("channel", ""))
        page, cursor = _page(self.channels[arguments["channel"]], arguments, 1000)
        return {"members": page, **_next(cursor)}

    def _info(self, arguments: Json) -> Json:
        self._check_channel(arguments.get("channel", ""))
        channel = arguments["channel"]
        return {
            "channel": {
                "id": channel,
                "is_member": True,
                "is_archived": False,
                "is_private": channel not in self.public,
            }
        }

    def _open(self, arguments: Json) -> Json:
        if arguments.get("users") not in self.users:
            raise _Refused("user_not_found")
        channel = f"D{arguments['users']}"
        self.channels.setdefault(channel, [arguments["users"], BOT_USER])
        return {"channel": {"id": channel}}

    def _user(self, arguments: Json) -> Json:
        if arguments.get("user") not in self.users:
            raise _Refused("user_not_found")
        return {"user": self.users[arguments["user"]]}

    def _by_email(self, arguments: Json) -> Json:
        wanted = str(arguments.get("email", "")).lower()
        for user in self.users.values():
            if user["profile"].get("email", "").lower() == wanted and not user["deleted"]:
                return {"user": user}
        raise _Refused("users_not_found")

    def _group(self, arguments: Json) -> Json:
        if arguments.get("usergroup") not in self.groups:
            raise _Refused("no_such_subteam")
        return {"users": self.groups[arguments["usergroup"]]}

    def _check_channel(self, channel: str) -> None:
        if channel not in self.channels:
            raise _Refused("channel_not_found")

    def _check_content(self, arguments: Json) -> None:
        refused = refusal(arguments, unsupported=self.unsupported)
        if refused:
            raise _Refused(refused)


class _Refused(Exception):
    """Slack's error code for a call."""


_HANDLERS: dict[str, Callable[[Workspace, Json], Json]] = {
    "auth.test": Workspace._auth_test,
    "chat.postMessage": Workspace._post,
    "chat.update": Workspace._update,
    "chat.postEphemeral": Workspace._ephemeral,
    "conversations.history": Workspace._history,
    "conversations.info": Workspace._info,
    "conversations.replies": Workspace._replies,
    "conversations.members": Workspace._members,
    "conversations.open": Workspace._open,
    "users.info": Workspace._user,
    "users.lookupByEmail": Workspace._by_email,
    "usergroups.users.list": Workspace._group,
}


def _page(items: Sequence[Any], arguments: Json, most: int) -> tuple[list[Any], int | None]:
    start, limit = int(arguments.get("cursor") or 0), min(int(arguments.get("limit") or 100), most)
    end = start + limit
    return list(items[start:end]), end if end < len(items) else None


def _next(cursor: int | None) -> Json:
    return {"response_metadata": {"next_cursor": "" if cursor is None else str(cursor)}}


def _shown(message: Message, with_metadata: bool) -> Json:
    shown: Json = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text}
    if message.bot_id:
        shown["bot_id"] = message.bot_id
    if with_metadata and message.metadata:
        shown["metadata"] = message.metadata
    return shown
